"""The arrows between the parts of the house run one way (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "queuesite": {"queuesite", "booking", "members", "holidays"},
    "booking": {"booking", "members", "holidays"},
    "members": {"members"},
    "holidays": {"holidays"},
}
# Inside booking: models <- reads and messages <- verbs <- what is shown.
LAYERS = [
    {"models", "errors", "thai", "words", "presence"},
    {
        "opening",
        "availability",
        "overview",
        "waiting",
        "accuracy",
        "console",
        "announcing",
        "invariants",
        "messaging",
    },
    {"queue", "counters"},
    {
        "closing",
        "line_events",
        "roles",
        "jobs",
        "demo",
        "simulation",
        "signals",
        "pictures",
        "calendar_file",
        "rich_menu",
    },
    {"views", "api", "admin", "urls", "templatetags", "management", "apps"},
]


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(app):
    return [path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]


@pytest.mark.parametrize("app", MAY_IMPORT)
def test_no_app_imports_one_above_it(app):
    forbidden = set(MAY_IMPORT) - MAY_IMPORT[app]
    # Django calls what AXES_CLIENT_IP_CALLABLE and the like name; those are settings, not imports.
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(app)
        for name in imports(path)
        if name.split(".")[0] in forbidden
    ]
    assert not wrong


def test_inside_booking_the_arrows_run_one_way():
    rank = {part: nth for nth, parts in enumerate(LAYERS) for part in parts}
    wrong = []
    for path in modules("booking"):
        inside = path.relative_to(ROOT / "booking").with_suffix("").parts[0]
        if inside == "__init__":
            continue
        assert inside in rank, f"booking/{inside} has no layer in this test yet"
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "booking" and len(parts) > 1 and rank.get(parts[1], -1) > rank[inside]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_the_holidays_package_is_not_installed_beside_our_app():
    import holidays

    assert Path(holidays.__file__).parent == ROOT / "holidays"
