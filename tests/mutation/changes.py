"""The small changes that can be made to a module: each makes one rule say something else."""

import ast
import copy
import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OPPOSITES = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}
# What is said to a log is no rule.
NO_RULES = ("log.", "logging.")


@dataclass(frozen=True)
class Change:
    path: Path
    line: int
    what: str
    source: str
    changed: str
    lines: tuple[int, ...]  # of the statement that it is in
    in_function: bool

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}"

    def told(self, outcome: str, by: str) -> str:
        """For whoever watches: what became of it and by which test, and what it was if no test noticed it."""
        said = f"{outcome:8} {self}   {by}"
        return said if outcome in ("killed", "cold") else f"{said}\n{self.diff()}"

    def digest(self) -> str:
        return hashlib.sha256(f"{self}\n{self.changed}".encode()).hexdigest()

    def diff(self) -> str:
        was, now = self.source.splitlines(keepends=True), self.changed.splitlines(keepends=True)
        return "".join(difflib.unified_diff(was, now, str(self.path), str(self.path), n=2))


def changes_of(path: Path, root: Path) -> list[Change]:
    """Every change that can be made to a module, in the order of its lines."""
    source = path.read_text()
    tree = ast.parse(source)
    found = []
    for node in _rules(tree):
        for what, text in _instead(node):
            found.append(_change(what, path.relative_to(root), source, tree, node, text))
        condition = getattr(node, "test", None)
        if isinstance(condition, ast.Name | ast.Attribute | ast.Call):
            text = f"(not {ast.unparse(condition)})"
            found.append(_change("negated", path.relative_to(root), source, tree, condition, text))
    return sorted(found, key=lambda change: (change.line, change.what))


def _rules(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that may hold a rule: not annotations, decorators, imports or f-strings."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom):
                continue
            yield child
            yield from _rules(child)


def _instead(node: ast.AST) -> Iterator[tuple[str, str]]:
    """What may stand in the place of a node: what the change is called, and the text."""
    match node:
        case ast.Compare() if type(node.ops[0]) in OPPOSITES:
            other = copy.deepcopy(node)
            other.ops[0] = OPPOSITES[type(node.ops[0])]()
            yield "comparison", ast.unparse(other)
        case ast.BoolOp() | ast.BinOp() if type(node.op) in OPPOSITES:
            other = copy.deepcopy(node)
            other.op = OPPOSITES[type(node.op)]()
            yield "operator", f"({ast.unparse(other)})"
        case ast.UnaryOp(op=ast.Not()):
            yield "not left out", f"({ast.unparse(node.operand)})"
        case ast.IfExp():
            other = copy.deepcopy(node)
            other.body, other.orelse = node.orelse, node.body
            yield "branches swapped", f"({ast.unparse(other)})"
        case ast.Constant(value=bool()):
            yield "constant", str(not node.value)
        case ast.Constant(value=int()):
            yield "constant", str(node.value + 1)
        case ast.Expr(value=ast.Call()) if not ast.unparse(node.value).startswith(NO_RULES):
            yield "call left out", "pass"
        case ast.Raise():
            yield "refusal left out", "pass"
        case ast.Return(value=ast.AST()) if ast.unparse(node.value) != "None":
            yield "nothing returned", "return None"
        case ast.Call() if node.keywords and not ast.unparse(node).startswith(NO_RULES):
            for nth, keyword in enumerate(node.keywords):
                if keyword.arg:
                    other = copy.deepcopy(node)
                    del other.keywords[nth]
                    yield f"{keyword.arg}= left out", ast.unparse(other)


def _change(what: str, path: Path, source: str, tree: ast.AST, node: ast.AST, text: str) -> Change:
    whole = source.encode()
    lines = whole.splitlines(keepends=True)
    begins = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    ends = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    changed = (whole[:begins] + text.encode() + whole[ends:]).decode()
    return Change(path, node.lineno, what, source, changed, tuple(_statement(tree, node)), _in_function(tree, node))


def _statement(tree: ast.AST, node: ast.AST) -> range:
    """The lines of the innermost statement around a node, without the statements inside it."""
    around = [it for it in ast.walk(tree) if isinstance(it, ast.stmt) and it.lineno <= node.lineno <= it.end_lineno]
    inner = max(around, key=lambda it: (it.lineno, -it.end_lineno))
    body = getattr(inner, "body", None)
    return range(inner.lineno, body[0].lineno if body else inner.end_lineno + 1)


def _in_function(tree: ast.AST, node: ast.AST) -> bool:
    functions = (it for it in ast.walk(tree) if isinstance(it, ast.FunctionDef))
    return any(it.body[0].lineno <= node.lineno <= it.end_lineno for it in functions)
