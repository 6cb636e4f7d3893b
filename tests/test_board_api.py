"""The board by the API."""

import datetime as dt

import pytest

from booking import verbs
from tests.factories import make_counter, make_open_department, make_walk_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def called():
    """One call in each of two departments, and one who waits in the first. Returns the two tickets."""
    tickets = []
    for number, (slug, letter) in enumerate([("loans", "A"), ("finance", "B")], start=1):
        department = make_open_department(slug=slug, letter=letter, max_days_ahead=1)
        make_walk_in(department=department)
        counter = make_counter(departments=[department], number=number)
        tickets.append(verbs.call_next(counter=counter, by=counter.clerk))
    make_walk_in(department=tickets[0].department)
    return tickets


def test_calls_newest_first_and_how_many_wait(client, called):
    answer = client.get("/api/v1/board/")

    assert answer.status_code == 200
    board = answer.json()
    assert [(call["number"], call["counter"], call["department"]) for call in board["calls"]] == [
        ("B501", 2, "finance"),
        ("A501", 1, "loans"),
    ]
    assert dt.datetime.fromisoformat(board["calls"][1]["called_at"]) == called[0].called_at
    assert board["waiting"] == {"loans": 1, "finance": 0}
    assert dt.datetime.fromisoformat(board["as_of"]).tzinfo
    assert set(board) == {"as_of", "calls", "waiting"}
    assert all(set(call) == {"number", "counter", "department", "called_at"} for call in board["calls"])


def test_of_one_department(client, called):
    board = client.get("/api/v1/board/finance/").json()

    assert [call["number"] for call in board["calls"]] == ["B501"]
    assert board["waiting"] == {"finance": 0}


def test_an_undone_call_is_gone(client, called):
    counter = called[0].counter
    verbs.undo_call(counter=counter, by=counter.clerk)

    assert client.get("/api/v1/board/loans/").json()["calls"] == []


def test_unknown_and_wrong_are_refused_in_words(client, db):
    assert client.get("/api/v1/board/nowhere/").json()["code"] == "not_found"
    assert client.post("/api/v1/board/").json()["code"] == "method_not_allowed"
