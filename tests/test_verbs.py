"""A verb has one row, and what it says holds: where the verb is used, by what right, and that a test uses it there."""

import ast
import re
import runpy
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_resolver

from booking import verbs
from booking.messages.kinds import KINDS
from booking.models import tickets
from booking.models.notices import Kind
from booking.models.tickets import MOVES
from booking.verbs.catalogue import CATALOGUE, LABELS, Surface, label
from booking.views import counter

ROOT = Path(__file__).parent.parent
# Which code stands behind each surface, and which tests use it.
CODE = {
    Surface.PAGE: ["booking/views/book.py", "booking/views/ticket.py", "booking/views/arrive.py"],
    Surface.CHAT: ["booking/line/answers.py"],
    Surface.KIOSK: ["booking/views/kiosk.py"],
    Surface.CONSOLE: ["booking/views/counter.py"],
    Surface.BACK_OFFICE: ["booking/admin/*.py"],
    Surface.API: ["booking/api/*.py"],
}
TESTS = {
    Surface.PAGE: ["test_pages_*.py", "test_presence.py", "test_strangers.py"],
    Surface.CHAT: ["test_webhook.py", "test_line_*.py"],
    Surface.KIOSK: ["test_kiosk.py"],
    Surface.CONSOLE: ["test_counter_*.py"],
    Surface.BACK_OFFICE: ["test_admin_*.py"],
    Surface.API: ["test_api_*.py"],
}
# What a kiosk's and a page's own addresses call a verb, where it is not the verb's name.
ADDRESSES = {
    "walk_in": "walk-in|issue",
    "reschedule": "reschedule|move",
    "finish_held": "finish",
    "call": '"call"|/call/',
}
# Verbs of the package that change no single ticket.
OF_NO_TICKET = {"erase_member", "Booking", "issue_secrets_anew", "unlink_members"}


def files(patterns, below="."):
    return [path for pattern in patterns for path in (ROOT / below).glob(pattern)]


def called_in(path) -> set[str]:
    """The verbs that a module calls or hands on: each `verbs.<name>` in it."""
    return {
        node.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "verbs"
    }


def test_every_verb_has_a_row():
    assert set(verbs.__all__) - OF_NO_TICKET == set(CATALOGUE)


def test_every_move_has_a_verb_and_a_label():
    assert LABELS.keys() >= MOVES.keys()
    assert all(str(row.label) for row in CATALOGUE.values())


def test_a_move_without_a_row_cannot_start(monkeypatch):
    monkeypatch.setitem(tickets.MOVES, "borrow", {})
    with pytest.raises(ImproperlyConfigured, match="borrow"):
        runpy.run_path(str(ROOT / "booking/verbs/catalogue.py"))


@pytest.mark.parametrize("surface", Surface)
def test_each_surface_uses_the_verbs_that_the_rows_say(surface):
    used = set().union(*(called_in(path) for path in files(CODE[surface]))) & CATALOGUE.keys()
    assert used == {row.name for row in CATALOGUE.values() if surface in row.surfaces}


@pytest.mark.parametrize(
    ("name", "surface"), [(row.name, surface) for row in CATALOGUE.values() for surface in row.surfaces]
)
def test_each_verb_has_a_right_and_a_test_where_it_is_used(name, surface):
    rights = CATALOGUE[name].surfaces[surface]
    assert rights or surface in (Surface.PAGE, Surface.CHAT, Surface.API), "staff need a right"
    word = ADDRESSES.get(name) or name.replace("_", "[-_]")
    tests = [path.name for path in files(TESTS[surface], "tests") if re.search(word, path.read_text())]
    assert tests


def test_the_console_s_buttons_are_the_rows_of_the_console():
    pressed = {button.replace("-", "_") for button in counter.PRESSED} | {
        name for name, _ in counter.PRESSED_FOR.values()
    }
    pressed.add("walk_in")  # a form of its own
    assert pressed == {row.name for row in CATALOGUE.values() if Surface.CONSOLE in row.surfaces}


def test_the_api_s_addresses_are_the_rows_of_the_api():
    paths = {name.strip("/").rsplit("/")[-1] for name in api_paths()}
    for row in CATALOGUE.values():
        if Surface.API in row.surfaces and row.name not in ("book", "walk_in", "finish_held"):
            assert row.name.replace("_", "-") in paths


def api_paths(resolver=None, path=""):
    for entry in (resolver or get_resolver()).url_patterns:
        here = path + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from api_paths(entry, here)
        elif here.startswith("api/v1/"):
            yield here


def test_an_event_of_a_verb_that_is_no_more_keeps_its_name():
    assert label("borrow") == "borrow"
    assert str(label("put_back")) == "คืนเข้าคิว"


def test_the_messages_name_verbs_that_there_are():
    assert {owed.verb for row in KINDS.values() for owed in row.owed_by} <= LABELS.keys()


def test_a_verb_knows_what_it_owes():
    assert CATALOGUE["call_next"].owes == CATALOGUE["call"].owes == [Kind.NEARLY, Kind.YOUR_TURN]
    assert CATALOGUE["reschedule"].owes == [Kind.ISSUED, Kind.DAY_BEFORE, Kind.MOVED]
    assert CATALOGUE["hold"].owes == []
