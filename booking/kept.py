"""Queries that Django builds and compiles once in each process. On a member's pages, building them each time took
longer than anything else. What they say stays a query of the ORM."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import psycopg.sql
from django.db import connection
from django.db.models import Expression, QuerySet
from django.db.models.query import get_related_populators  # type: ignore[attr-defined]
from django.db.models.sql.compiler import SQLCompiler

from booking import prepared, replica

R = TypeVar("R")


def kept(build: Callable[..., QuerySet[Any, R]]) -> Callable[..., list[R]]:
    """Let a function that builds a query give its rows instead: objects, or tuples where it ends with `values_list()`.

    What is given by position decides how the query is built, and so does which names are given: it is built once for
    each. What is given by name is a value of the query alone: the function may not look at it, and it is never None,
    for which SQL has other words.
    Inside a view that reads from the replica the query is built each time.

    Raises Django's database errors.
    """
    read: dict[tuple[tuple[Any, ...], frozenset[str]], _Read] = {}

    @wraps(build)
    def rows(*shape: Any, **values: Any) -> list[R]:
        if any(value is None for value in values.values()):
            raise ValueError("None is no value of a kept query")
        if replica.alias() != connection.alias:
            return list(build(*shape, **values))
        key = (shape, frozenset(values))
        if key not in read:
            read[key] = _Read(build(*shape, **{name: _Given(name) for name in values}))
        return read[key].rows(values)

    return rows


class _Given(Expression):
    """Stands for a value while the query is built."""

    def __init__(self, name: str):
        super().__init__()
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:
        return "%s", [self]

    def get_group_by_cols(self) -> list[Any]:
        return []


class _Read:
    """A compiled query, and how its rows become what the ORM would give."""

    def __init__(self, query: QuerySet[Any, Any]):
        compiler = query.query.get_compiler(connection.alias)
        text, values = compiler.as_sql()
        if "%%" in text:
            raise ValueError("A kept query cannot have a percent sign of its own")
        self.sql = text % tuple(map(_written, values))
        expressions = [expression for expression, *_rest in compiler.select]
        self.converters = compiler.get_converters(expressions)
        self.gives_objects = query.query.default_cols
        if self.gives_objects:
            chosen = compiler.klass_info["select_fields"]
            self.model, self.own = query.model, slice(chosen[0], chosen[-1] + 1)
            self.names = [expression.target.attname for expression in expressions[self.own]]
            self.related = get_related_populators(compiler.klass_info, compiler.select, connection.alias)

    def rows(self, values: dict[str, Any]) -> list[Any]:
        found = prepared.rows(self.sql, values)
        if self.converters:
            found = [self._converted(row) for row in found]
        return [self._object(row) for row in found] if self.gives_objects else found

    def _converted(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        own = list(row)
        for nth, (converters, expression) in self.converters.items():
            for convert in converters:
                own[nth] = convert(own[nth], expression, connection)
        return tuple(own)

    def _object(self, row: tuple[Any, ...]) -> Any:
        made = self.model.from_db(connection.alias, self.names, row[self.own])
        for one in self.related:
            one.populate(row, made)
        return made


def _written(value: Any) -> str:
    """Fixed values stand in the statement itself: only then can PostgreSQL use an index of some states alone."""
    if isinstance(value, _Given):
        return f"%({value.name})s"
    connection.ensure_connection()
    return psycopg.sql.Literal(value).as_string(connection.connection)
