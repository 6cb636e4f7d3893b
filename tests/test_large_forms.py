"""The largest forms of a large office: a form has few fields, whatever it shows; many tickets are settled in the
background."""

import datetime as dt
import re
from html.parser import HTMLParser
from string import ascii_uppercase

import pytest
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from booking import errors, roles
from booking.admin import closed
from booking.models import Counter, CounterDepartment, DayException, Place, Settlement, Slot, Ticket
from booking.models.tickets import State
from booking.verbs import closures, settling
from booking.verbs.closures import Choice, Decision
from holidays.models import Holiday
from tests.factories import (
    in_days,
    make_department,
    make_exception,
    make_holiday,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
)

pytestmark = pytest.mark.django_db

CLOSED = reverse("admin:booking_ticket_closed")
CONFIRM = reverse("admin:holidays_holiday_confirm")
CHANGE_DAY = reverse("admin:booking_dayexception_add")


@pytest.fixture
def manager(client):
    user = make_user(group=roles.MANAGER)
    client.force_login(user)
    return user


def make_full_days(*, tickets: int, days: int) -> list[Ticket]:
    """Days full of tickets, written as rows: a thousand bookings would take long."""
    department = make_open_department(quota=tickets, slot_minutes=420, max_days_ahead=days)
    for days_ahead in range(1, days + 1):
        first = make_ticket(slot=make_slot(department=department, days_ahead=days_ahead))
        places = list(first.slot.places.filter(ticket=None).order_by("number")[: tickets - 1])
        rows = [
            Ticket(
                public_id=f"{days_ahead}-{place.number}",
                secret_hash=str(place.number),
                department=department,
                queue=department,
                date=first.date,
                number=place.number,
                slot=first.slot,
                due_at=first.due_at,
                issued_at=first.issued_at,
            )
            for place in places
        ]
        for place, ticket in zip(places, Ticket.objects.bulk_create(rows), strict=True):
            place.ticket = ticket
        Place.objects.bulk_update(places, ["ticket"])
    return list(Ticket.objects.order_by("pk"))


class Fields(HTMLParser):
    """What a browser would send of a page's forms: name to values."""

    def __init__(self, page):
        super().__init__()
        self.sent, self.select, self.text = {}, None, None
        self.feed(page.content.decode())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "input" and "name" in attrs:
            is_box = attrs.get("type") in ("checkbox", "radio")
            if "checked" in attrs if is_box else attrs.get("type") != "submit":
                self.sent.setdefault(attrs["name"], []).append(attrs.get("value", "on" if is_box else ""))
        elif tag == "select":
            self.select = attrs["name"]
        elif tag == "option" and self.select and "selected" in attrs:
            self.sent[self.select] = [attrs["value"]]
        elif tag == "textarea":
            self.text = attrs["name"]

    def handle_data(self, data):
        if self.text:
            self.sent[self.text], self.text = [data.strip()], None


def fields_of(page) -> dict:
    return Fields(page).sent


def work_off(settlement) -> None:
    settling.carry_out(settlement.pk)
    settlement.refresh_from_db()


def test_five_full_holidays_are_confirmed_at_once(client, manager):
    tickets = make_full_days(tickets=200, days=5)
    assert len(tickets) == 1000
    drafts = [make_holiday(days_ahead=nth, is_confirmed=False) for nth in range(1, 6)]
    address = f"{CONFIRM}?{'&'.join(f'holiday={draft.pk}' for draft in drafts)}"

    page = client.get(address)
    sent = fields_of(page)
    answer = client.post(address, sent | {"choice": "cancel", "reason": "หยุดยาว"})

    settlement = Settlement.objects.get()
    assert len(sent) < 5
    assert answer.url == reverse("admin:booking_settlement", args=[settlement.pk])
    assert Holiday.objects.confirmed().count() == 5
    assert settlement.tickets.count() == 1000
    assert "ทำแล้ว 0 จาก 1000 ใบ" in client.get(answer.url).content.decode()


def test_a_thousand_tickets_of_a_day_are_changed_with_one_choice(client, manager):
    make_full_days(tickets=200, days=5)
    data = {"first_date": in_days(1), "last_date": in_days(5), "is_office": "on", "kind": "closed", "reason": "น้ำท่วม"}

    page = client.post(CHANGE_DAY, data)
    sent = {name: values for name, values in fields_of(page).items() if name in ("seen", "looked_at")}
    assert len(page.context["tickets"]) == 1000
    assert len(re.findall(r"<(input|select)", page.content.decode())) < 100
    again = client.post(CHANGE_DAY, data | sent | {"save": "1", "for_all": "each"})
    assert "บัตรคิวทุกใบ" in again.context["faults"][0]
    answer = client.post(CHANGE_DAY, data | sent | {"save": "1", "for_all": "cancel"})

    assert Settlement.objects.get().tickets.count() == 1000
    assert "settling" in answer.url
    assert DayException.objects.count() == 1


def test_a_thousand_tickets_in_closed_times_stand_on_pages_and_are_settled_together(client, manager):
    make_full_days(tickets=200, days=5)
    for nth in range(1, 6):
        make_holiday(days_ahead=nth)

    page = client.get(CLOSED)
    sent = fields_of(page)
    assert len(sent["ticket"]) == closed.TICKS
    assert sent["which"] == ["all"]
    client.post(CLOSED, sent | {"choice": "cancel", "reason": "หยุด"})

    assert Settlement.objects.get().tickets.count() == 1000


def test_only_the_ticked_ones_of_a_page_are_settled_where_that_is_chosen(client, manager, monkeypatch):
    monkeypatch.setattr(closed, "TICKS", 2)
    tickets = make_full_days(tickets=3, days=1)
    make_holiday()

    client.post(
        CLOSED,
        {"ticket": [tickets[0].pk], "which": "ticked", "seen": fields_of(client.get(CLOSED))["seen"]}
        | {"choice": "cancel", "reason": "หยุด"},
    )

    assert Ticket.objects.live().count() == 2


def settle(tickets, *, choice=Choice.CANCEL, by=None) -> Settlement:
    decisions = [Decision(ticket, choice) for ticket in tickets]
    return settling.begin(decisions=decisions, by=by or make_user(), reason="หยุด")


def test_the_background_does_each_and_says_what_became_of_it(client, manager):
    department = make_open_department(max_days_ahead=1)
    fine, served = (make_ticket(slot=make_slot(department=department, nth=nth)) for nth in (0, 1))
    settlement = settle([fine, served], by=manager)
    Ticket.objects.filter(pk=served.pk).update(state=State.SERVED)

    work_off(settlement)

    fine.refresh_from_db()
    assert (fine.state, fine.events.last().by, fine.events.last().reason) == (State.CANCELLED, manager, "หยุด")
    assert settlement.finished_at
    page = client.get(reverse("admin:booking_settlement", args=[settlement.pk]))
    assert (page.context["cancelled"], page.context["moved"]) == (1, 0)
    assert page.context["refused"] == [(served, errors.WrongState.message)]


def test_many_are_moved_and_who_finds_no_time_is_listed():
    department = make_open_department(quota=1, max_days_ahead=2, slot_minutes=240)
    tickets = [make_ticket(slot=make_slot(department=department, nth=0))]
    make_ticket(slot=make_slot(department=department, days_ahead=2))
    make_holiday()
    settlement = settle(tickets, choice=Choice.MOVE)

    work_off(settlement)

    assert settlement.tickets.get().refusal == errors.NoFreeTime.code


def test_a_worker_that_stops_in_between_has_done_some_and_the_next_does_the_rest(monkeypatch):
    tickets = make_full_days(tickets=3, days=1)
    settlement = settle(tickets)
    carry_out, done = closures.carry_out, []

    def stopped(decision, **arguments):
        if done:
            raise KeyboardInterrupt
        done.append(decision.ticket)
        return carry_out(decision, **arguments)

    monkeypatch.setattr(closures, "carry_out", stopped)
    with pytest.raises(KeyboardInterrupt):
        settling.carry_out(settlement.pk)
    monkeypatch.setattr(closures, "carry_out", carry_out)
    assert Ticket.objects.live().count() == 2

    settling.go_on()
    settling.go_on()

    settlement.refresh_from_db()
    assert settlement.finished_at
    assert not Ticket.objects.live().exists()
    assert all(ticket.events.filter(to_state=State.CANCELLED).count() == 1 for ticket in tickets)
    assert not settlement.tickets.exclude(refusal="").exists()


def test_a_job_that_takes_long_hands_over_to_another(monkeypatch):
    settlement = settle(make_full_days(tickets=2, days=1))
    monkeypatch.setattr(settling, "AT_WORK", 0)
    before = OrmQ.objects.count()

    settling.carry_out(settlement.pk)

    assert OrmQ.objects.count() == before + 1
    assert Ticket.objects.live().count() == 1


def test_what_another_settlement_has_to_come_to_is_left_to_it():
    tickets = make_full_days(tickets=2, days=1)
    settle(tickets[:1])

    second = settle(tickets)

    assert [row.ticket for row in second.tickets.all()] == tickets[1:]


def test_a_ticket_booked_after_the_page_was_shown_is_left_and_listed(client, manager, monkeypatch):
    monkeypatch.setattr(settling, "AT_ONCE", 1)
    department = make_open_department()
    shown = [make_ticket(slot=make_slot(department=department)) for _ in range(2)]
    draft = make_holiday(is_confirmed=False)
    address = f"{CONFIRM}?holiday={draft.pk}"
    sent = fields_of(client.get(address))
    meanwhile = make_ticket(slot=make_slot(department=department))

    client.post(address, sent | {"choice": "cancel", "reason": "หยุด"})
    work_off(Settlement.objects.get())

    assert list(closures.stranded()) == [meanwhile]
    assert not Ticket.objects.live().filter(pk__in=[ticket.pk for ticket in shown]).exists()


def test_a_list_that_is_not_ours_names_no_ticket(client, manager):
    ticket = make_ticket()
    make_holiday()

    client.post(CLOSED, {"which": "all", "seen": f"[{ticket.pk}]", "choice": "cancel", "reason": "หยุด"})

    ticket.refresh_from_db()
    assert ticket.is_live


def test_progress_asks_again_and_the_page_comes_anew_at_the_end(client, manager):
    settlement = settle(make_full_days(tickets=2, days=1))
    address = reverse("admin:booking_settlement_progress", args=[settlement.pk])
    assert "data-hx-get" in client.get(address).content.decode()

    work_off(settlement)

    assert client.get(address)["HX-Refresh"] == "true"


def test_a_department_with_155_coming_exceptions_is_saved(client, manager):
    department = make_open_department()
    DayException.objects.bulk_create(
        DayException(first_date=in_days(nth), last_date=in_days(nth), is_office=True, kind="closed")
        for nth in range(30, 185)
    )
    address = reverse("admin:booking_department_change", args=[department.pk])

    sent = fields_of(client.get(address))
    answer = client.post(address, sent | {"name": "ฝ่ายสินเชื่อใหม่"})

    assert answer.status_code == 302, answer.context["errors"]
    assert sum(map(len, sent.values())) < 300
    department.refresh_from_db()
    assert department.name == "ฝ่ายสินเชื่อใหม่"


def test_a_department_is_saved_when_its_slots_change_under_an_exception_of_one_time_and_ever_after(client, manager):
    department = make_open_department(opens=dt.time(8, 30), closes=dt.time(15, 30), slot_minutes=30)
    make_exception(department, start=dt.time(10, 30), quota=1)
    address = reverse("admin:booking_department_change", args=[department.pk])
    sent = fields_of(client.get(address))
    lengths = {name: "45" for name, [value, *_] in sent.items() if name.endswith("-slot_minutes") and value == "30"}
    assert len(lengths) >= 7

    changed = client.post(address, sent | lengths)
    later = client.post(address, fields_of(client.get(address)) | {"name": "ฝ่ายสินเชื่อใหม่"})

    for answer in (changed, later):
        assert answer.status_code == 302, answer.context["errors"]
    department.refresh_from_db()
    assert department.name == "ฝ่ายสินเชื่อใหม่"
    assert set(department.hours.values_list("slot_minutes", flat=True)) == {45}
    slots = Slot.objects.of_day(department, in_days(1)).filter(quota__gt=0)
    quotas = {f"{timezone.localtime(slot.starts_at):%H.%M}": slot.quota for slot in slots}
    assert [quotas[start] for start in ("09.15", "10.00", "10.45", "11.30")] == [4, 1, 1, 4]


def test_a_counter_that_serves_26_departments_is_saved_among_40(client, manager):
    departments = [make_department(letter=letter) for letter in ascii_uppercase]
    counters = [Counter.objects.create(number=nth) for nth in range(1, 41)]
    for position, department in enumerate(departments):
        CounterDepartment.objects.create(counter=counters[0], department=department, position=position)
    address = reverse("admin:booking_counter_change", args=[counters[0].pk])

    page = client.get(address)
    sent = fields_of(page)
    answer = client.post(address, sent)

    assert answer.status_code == 302
    assert sum(map(len, sent.values())) < 300
    assert len(client.get(reverse("admin:booking_counter_changelist")).context["cl"].result_list) == 40
