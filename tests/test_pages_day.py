"""The ticket's page on its day: check-in, who is ahead, how long, and the call."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from booking import verbs
from booking.calling import queues
from booking.models import Ticket
from booking.models.tickets import State
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_walk_in
from tests.pages import hold

pytestmark = pytest.mark.django_db

MONDAY = today_at("8.40")


clock = standing_still(MONDAY, autouse=True)


def department_of(**fields):
    return make_open_department(opens=dt.time(10), closes=dt.time(12), max_days_ahead=1, **fields)


def ticket_today(department=None, **fields):
    return make_ticket(slot=make_slot(department=department or department_of(**fields), days_ahead=0))


def page(client, ticket):
    return client.get(reverse("ticket", args=[ticket.public_id])).content.decode()


def live(client, ticket, **headers):
    shown = client.get(reverse("ticket", args=[ticket.public_id])).context["shown"]
    return client.get(reverse("ticket_live", args=[ticket.public_id]), {"shown": shown}, headers=headers)


def check_in(client, ticket):
    return client.post(reverse("ticket_check_in", args=[ticket.public_id]))


def test_before_its_time_the_page_says_from_when_and_has_no_button(client):
    ticket = ticket_today(check_in_minutes_before=60)
    hold(client, ticket)

    content = page(client, ticket)

    assert "09.00" in content
    assert reverse("ticket_check_in", args=[ticket.public_id]) not in content


def test_the_member_taps_that_they_have_come(client, clock):
    ticket = ticket_today(check_in_minutes_before=60)
    hold(client, ticket)
    clock.move_to(MONDAY.replace(hour=9, minute=30))
    assert "มาถึงแล้ว" in page(client, ticket)

    answer = check_in(client, ticket)

    ticket.refresh_from_db()
    assert (answer.status_code, ticket.state) == (302, State.WAITING)
    assert "รอเรียก" in page(client, ticket)


def test_too_early_says_what_to_do_and_changes_nothing(client):
    ticket = ticket_today()
    hold(client, ticket)

    answer = client.post(reverse("ticket_check_in", args=[ticket.public_id]), follow=True)

    assert "ยังแจ้งมาถึงไม่ได้" in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_where_presence_counts_the_page_asks_to_scan(client, clock):
    ticket = ticket_today(check_in_needs_presence=True)
    hold(client, ticket)
    clock.move_to(MONDAY.replace(hour=9, minute=30))

    assert "สแกน QR" in page(client, ticket)
    check_in(client, ticket)

    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_a_department_without_check_in_does_not_speak_of_it(client, clock):
    ticket = ticket_today(uses_check_in=False)
    hold(client, ticket)
    clock.move_to(MONDAY.replace(hour=9, minute=30))

    assert "มาถึงแล้ว" not in page(client, ticket)


def test_a_stranger_checks_nobody_in_and_a_get_changes_nothing(client, clock):
    ticket = ticket_today()
    clock.move_to(MONDAY.replace(hour=9, minute=30))

    assert check_in(client, ticket).status_code == 404
    hold(client, ticket)
    assert client.get(reverse("ticket_check_in", args=[ticket.public_id])).status_code == 405
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_waiting_says_how_many_are_ahead_and_how_long(client, clock):
    department = department_of(usual_service_minutes=10)
    make_counter(departments=[department])
    clock.move_to(today_at("10.00"))
    for _ in range(3):
        make_walk_in(department=department)
    ticket = make_walk_in(department=department)
    hold(client, ticket)

    content = page(client, ticket)

    assert "3 คิว" in content
    assert "คาดว่าจะถึงคิวในอีก 10 ถึง 50 นาที" in content


def test_called_fills_the_page_with_the_counter(client):
    department = department_of()
    ticket = make_walk_in(department=department)
    hold(client, ticket)
    counter = make_counter(departments=[department], number=3)
    verbs.call_next(counter=counter, by=counter.clerk)

    content = page(client, ticket)

    assert "ถึงคิวของท่าน" in content
    assert "<strong>3</strong>" in content


def test_an_open_page_is_told_304_until_its_queue_changes(client):
    department = department_of()
    ticket = make_walk_in(department=department)
    hold(client, ticket)
    etag = live(client, ticket)["ETag"]

    assert live(client, ticket, if_none_match=etag).status_code == 304
    make_walk_in(department=department)
    assert live(client, ticket, if_none_match=etag).status_code == 200


def test_an_open_page_learns_of_the_call(client):
    department = department_of()
    ticket = make_walk_in(department=department)
    hold(client, ticket)
    url = reverse("ticket_live", args=[ticket.public_id])
    shown = client.get(reverse("ticket", args=[ticket.public_id])).context["shown"]
    etag = client.get(url, {"shown": shown})["ETag"]
    counter = make_counter(departments=[department])
    verbs.call_next(counter=counter, by=counter.clerk)

    answer = client.get(url, {"shown": shown}, headers={"if-none-match": etag})

    assert answer["HX-Refresh"] == "true"


def test_the_page_asks_more_often_when_its_turn_is_near(client):
    department = department_of(nearly_when_ahead=1)
    first, second, third = (make_walk_in(department=department) for _ in range(3))
    for ticket, seconds in [(first, "0.6"), (second, "0.6"), (third, "5")]:
        hold(client, ticket)
        assert f'data-every="{seconds}"' in live(client, ticket).content.decode()


def test_a_booking_that_need_not_check_in_is_near_too(client, clock):
    ticket = ticket_today(uses_check_in=False)
    hold(client, ticket)

    assert 'data-every="0.6"' in live(client, ticket).content.decode()


def test_a_ticket_that_still_waits_when_its_day_is_over_says_so(client, clock):
    ticket = make_walk_in(department=department_of())
    hold(client, ticket)
    clock.shift(dt.timedelta(days=1))

    content = page(client, ticket)

    assert "เลยวันของบัตรคิวนี้แล้ว" in content
    assert "ท่านเป็นคิวถัดไป" not in content


def test_after_a_transfer_the_page_names_where_it_goes_on(client):
    here, there = department_of(), department_of(name="ฝ่ายการเงิน")
    ticket = make_walk_in(department=here)
    counter = make_counter(departments=[here])
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.start(counter=counter, by=counter.clerk)
    verbs.transfer(counter=counter, to=there, by=counter.clerk)
    hold(client, ticket)

    assert "รับบริการต่อที่ฝ่ายการเงิน" in page(client, ticket)
    assert Ticket.objects.get(pk=ticket.pk).code == ticket.code


# --- looking again ---


def shown_and_version(client, ticket):
    """What an open page sends along when it looks again."""
    answer = live(client, ticket)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-cache"
    return answer.wsgi_request.GET["shown"], answer["ETag"]


def look(client, ticket, shown, version):
    address = reverse("ticket_live", args=[ticket.public_id])
    return client.get(address, {"shown": shown}, headers={"If-None-Match": version})


@pytest.mark.parametrize("weak", ["", "W/"])
def test_unchanged_is_told_from_the_queues_version_alone(client, django_assert_num_queries, weak):
    ticket = make_walk_in(department=department_of())
    hold(client, ticket)
    shown, version = shown_and_version(client, ticket)

    with django_assert_num_queries(1):
        answer = look(client, ticket, shown, weak + version)

    assert answer.status_code == 304
    assert answer["ETag"] == version
    assert answer["Cache-Control"] == "private, no-cache"
    assert not answer.content


def test_a_version_that_one_has_heard_of_tells_a_stranger_nothing(client):
    ticket = make_walk_in(department=department_of())
    hold(client, ticket)
    shown, version = shown_and_version(client, ticket)

    assert look(Client(), ticket, shown, version).status_code == 404


@pytest.mark.parametrize(
    "version", ['"1.1"', '"a", "b"', '"9.9-9-9-th-9-9-"', '"๙.๙-๙-๙-th-๙"', "W/", f'"{40 * "9"}.1-1-1-th-1"']
)
def test_a_version_that_never_was_is_answered_anew(client, version):
    ticket = make_walk_in(department=department_of())
    hold(client, ticket)
    shown, _ = shown_and_version(client, ticket)

    assert look(client, ticket, shown, version).status_code == 200


def test_whoever_is_called_before_is_told_at_once(client, clock):
    department = department_of()
    clock.move_to(today_at("10.00"))
    counter = make_counter(departments=[department])
    make_walk_in(department=department)
    ticket = make_walk_in(department=department)
    hold(client, ticket)
    shown, version = shown_and_version(client, ticket)

    verbs.call_next(counter=counter, by=counter.clerk)

    answer = look(client, ticket, shown, version)
    assert answer.status_code == 200
    assert "ท่านเป็นคิวถัดไป" in answer.content.decode()


def test_whoever_books_before_is_told_within_half_a_minute(client, clock):
    department = department_of()
    first, second = [make_slot(department=department, days_ahead=0, nth=nth) for nth in (0, 1)]
    ticket = make_ticket(slot=second)
    hold(client, ticket)
    shown, version = shown_and_version(client, ticket)

    make_ticket(slot=first)
    clock.shift(30)

    answer = look(client, ticket, shown, version)
    assert answer.status_code == 200
    assert answer.context["ahead"] == 1


def test_a_call_loads_the_page_anew_at_once(client):
    department = department_of()
    counter = make_counter(departments=[department])
    ticket = make_walk_in(department=department)
    hold(client, ticket)
    shown, version = shown_and_version(client, ticket)

    verbs.call_next(counter=counter, by=counter.clerk)

    assert look(client, ticket, shown, version)["HX-Refresh"] == "true"


def test_a_call_stands_alone_on_the_page(client):
    department = department_of()
    counter = make_counter(departments=[department])
    ticket = make_walk_in(department=department)
    hold(client, ticket)
    address = reverse("ticket", args=[ticket.public_id])
    said = "ท่านมีบัตรคิวของฝ่ายนี้"
    assert said in client.get(address, {"why": "already_booked"}).content.decode()

    verbs.call_next(counter=counter, by=counter.clerk)

    assert said not in client.get(address, {"why": "already_booked"}).content.decode()


def test_a_call_while_the_page_is_made_is_not_missed(client, monkeypatch):
    """Told the version after the call with what stood there before it, the page would be unchanged from then on."""
    department = department_of()
    counter = make_counter(departments=[department])
    ticket = make_walk_in(department=department)
    hold(client, ticket)
    shown, _ = shown_and_version(client, ticket)
    versions = queues.versions

    def after_a_call(*departments):
        monkeypatch.setattr(queues, "versions", versions)
        verbs.call_next(counter=counter, by=counter.clerk)
        return versions(*departments)

    monkeypatch.setattr(queues, "versions", after_a_call)
    answer = client.get(reverse("ticket_live", args=[ticket.public_id]), {"shown": shown})
    if "HX-Refresh" not in answer:
        answer = look(client, ticket, shown, answer["ETag"])

    assert answer["HX-Refresh"] == "true"


def test_the_line_is_worked_out_once_for_all_who_stand_in_it(client, django_assert_num_queries):
    department = department_of()
    tickets = [make_walk_in(department=department) for _ in range(3)]
    for ticket in tickets:
        hold(client, ticket)
    addresses = [reverse("ticket_live", args=[ticket.public_id]) for ticket in tickets]
    shown, _ = shown_and_version(client, tickets[0])

    with django_assert_num_queries(2 * len(tickets)):  # each its ticket and its queue's version
        ahead = [client.get(address, {"shown": shown}).context["ahead"] for address in addresses]

    assert ahead == [0, 1, 2]
