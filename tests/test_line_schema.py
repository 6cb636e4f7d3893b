"""The fake LINE refuses what LINE's schema and reference refuse, and takes all that the service sends."""

import copy

import pytest

from booking.line import rich_menu
from booking.messages import cards
from booking.models import Notice
from booking.models.notices import Kind
from queuesite.demo import line_shapes
from tests.factories import make_counter, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(settings):
    settings.PUBLIC_URL = "https://queue.example.org"
    ticket = make_ticket()
    ticket.counter = make_counter()
    return cards.card(Notice(ticket=ticket, kind=Kind.ISSUED))


def parts_of(part, kind):
    found = [part] if part.get("type") == kind else []
    for inner in [*part.get("contents", []), *filter(None, [part.get("action")])]:
        found += parts_of(inner, kind)
    return found


def first(card, kind):
    bubble = card["contents"]
    return next(one for name in ("header", "body", "footer") if name in bubble for one in parts_of(bubble[name], kind))


def test_what_the_service_sends_is_taken(card):
    assert line_shapes.faults_of_messages([card]) == []


@pytest.mark.parametrize(
    ("kind", "change", "of"),
    [
        ("box", {"layout": "diagonal"}, "layout"),
        ("box", {"padding": "md"}, "padding"),
        ("box", {"contents": None}, "contents"),
        ("text", {"wieght": "bold"}, "wieght"),
        ("text", {"weight": "heavy"}, "weight"),
        ("text", {"wrap": "yes"}, "wrap"),
        ("text", {"type": "headline"}, "type"),
        ("text", {"color": "blue"}, "color"),
        ("button", {"style": "danger"}, "style"),
        ("button", {"action": {"type": "open", "label": "x"}}, "type"),
        ("button", {"action": {"type": "uri", "label": "x", "uri": "https://a", "target": "_blank"}}, "target"),
        ("button", {"action": {"type": "postback", "label": "x", "data": "x" * 301}}, "data"),
    ],
)
def test_a_part_that_line_does_not_know_is_refused(card, kind, change, of):
    first(card, kind).update(change)

    faults = line_shapes.faults_of_messages([card])

    assert {fault["property"].rpartition(".")[2] for fault in faults} == {of}


@pytest.mark.parametrize("missing", ["layout", "contents"])
def test_a_part_that_lacks_what_it_needs_is_refused(card, missing):
    del first(card, "box")[missing]

    assert [fault["message"] for fault in line_shapes.faults_of_messages([card])] == ["must be specified"]


@pytest.mark.parametrize(
    ("messages", "of"),
    [
        ([], "messages"),
        ([{"type": "text", "text": "x"}] * 6, "messages"),
        ("text", "messages"),
        ([{"type": "text"}], "messages[0].text"),
        ([{"text": "x"}], "messages[0].type"),
        ([{"type": "telegram"}], "messages[0].type"),
        ([{"type": "text", "text": "x", "parse_mode": "html"}], "messages[0].parse_mode"),
        ([{"type": "text", "text": "x" * 5001}], "messages[0].text"),
        (["x"], "messages[0]"),
    ],
)
def test_messages_that_are_none_are_refused(messages, of):
    assert [fault["property"] for fault in line_shapes.faults_of_messages(messages)] == [of]


def test_an_order_with_what_line_does_not_know_is_refused(card):
    order = {"to": "U" + "0" * 32, "messages": [card]}
    assert line_shapes.faults_of_push(order) == []
    assert line_shapes.faults_of_push(order | {"silent": True}) == [
        {"message": "unknown property", "property": "silent"}
    ]
    assert line_shapes.faults_of_push({"messages": [card]})[0]["property"] == "to"
    assert line_shapes.faults_of_reply(order)[0]["property"] in {"to", "replyToken"}
    assert line_shapes.faults_of_push([card])[0]["message"] == "must be an object"


def test_the_rich_menu_is_taken_and_an_unknown_part_of_it_refused(settings):
    settings.IMEMBER_LOGIN_URL = settings.PUBLIC_URL = "https://queue.example.org"
    menu = rich_menu.menu()
    assert line_shapes.faults_of_rich_menu(menu) == []

    for change in ({"colour": "#ffffff"}, {"selected": "yes"}, {"chatBarText": "x" * 15}):
        [fault] = line_shapes.faults_of_rich_menu(copy.deepcopy(menu) | change)
        assert fault["property"] in change
