""" "Change a day": what it touches is seen before it is saved, and staff choose what becomes of it."""

import datetime as dt
from unittest.mock import Mock

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.urls import reverse
from django.utils import timezone

from booking import roles, thai, verbs
from booking.models import DayException, Ticket
from booking.models.tickets import State
from booking.verbs import closures
from tests.factories import (
    in_days,
    make_exception,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:booking_dayexception_add")


@pytest.fixture
def manager(client):
    user = make_user(group=roles.MANAGER)
    client.force_login(user)
    return user


@pytest.fixture
def department():
    return make_open_department(opens=dt.time(9), closes=dt.time(16), quota=1, max_days_ahead=5)


def form(*departments, days_ahead=1, **fields) -> dict:
    data = {"first_date": in_days(days_ahead).isoformat(), "last_date": "", "kind": "closed", "reason": "ประชุมใหญ่"}
    data["departments"] = [department.pk for department in departments]
    return data | fields


def look(client, data):
    page = client.post(PAGE, data)
    assert page.status_code == 200, page.headers
    return page


def saving(page, data, **chosen) -> dict:
    """What the page sends when it is saved as it was looked at."""
    rows = page.context["tickets"]
    data = data | {"looked_at": page.context["looked_at"], "seen": page.context["seen"], "save": "1"}
    data |= {f"do_{row['ticket'].pk}": row["chosen"] for row in rows}
    return data | chosen


def test_looking_saves_nothing_and_shows_what_it_touches(client, manager, department):
    early = make_ticket(slot=make_slot(department=department, nth=0))
    late = make_ticket(slot=make_slot(department=department, nth=10))  # 14.00

    page = look(client, form(department, starts="13:00"))

    assert [row["ticket"] for row in page.context["tickets"]] == [late]
    [day] = page.context["changed_days"]
    assert (day["before"], day["after"]) == ("09.00-16.00 จองได้ 14 คิว", "09.00-13.00 จองได้ 8 คิว")
    assert late.member.full_name in page.content.decode()
    assert not DayException.objects.exists()
    assert early.slot.department.days.get(date=in_days(1)).closes_at.hour == 16


def test_one_afternoon_of_five_departments_is_one_form(client, manager):
    departments = [make_open_department(opens=dt.time(9), closes=dt.time(16)) for _ in range(5)]
    tickets = [make_ticket(slot=make_slot(department=one, nth=12)) for one in departments]

    page = look(client, data := form(*departments, starts="13:00"))
    assert [row["ticket"] for row in page.context["tickets"]] == tickets
    client.post(PAGE, saving(page, data, for_all="move"))

    assert DayException.objects.count() == 1
    assert Ticket.objects.live().count() == 5
    assert not closures.stranded().exists()


def test_each_ticket_as_chosen(client, manager, department):
    kept, moved, cancelled = (make_ticket(slot=make_slot(department=department, nth=nth)) for nth in (10, 11, 12))

    page = look(client, data := form(department, starts="13:00"))
    proposal = next(row for row in page.context["tickets"] if row["ticket"] == moved)["options"][1][0]
    choices = {f"do_{kept.pk}": "keep", f"do_{moved.pk}": proposal, f"do_{cancelled.pk}": "cancel"}
    client.post(PAGE, saving(page, data, **choices))

    for ticket in (kept, moved, cancelled):
        ticket.refresh_from_db()
    assert (kept.state, moved.state, cancelled.state) == (State.BOOKED, State.CANCELLED, State.CANCELLED)
    # Of the same day, the nearest to 14.30; the turn before it was proposed to another.
    assert moved.moved_to.date == in_days(1)
    assert f"{timezone.localtime(moved.moved_to.slot.starts_at):%H.%M}" == "12.00"
    assert moved.moved_to.moved_from == moved
    assert cancelled.events.last().reason == "ประชุมใหญ่"
    assert list(closures.stranded()) == [kept]


def test_each_free_turn_is_proposed_once_and_of_the_same_day_first(client, manager, department):
    tickets = [make_ticket(slot=make_slot(department=department, nth=nth)) for nth in range(4, 14)]  # from 11.00

    page = look(client, form(department, starts="11:00"))

    times = [dt.datetime.fromisoformat(row["free_time"]) for row in page.context["tickets"]]
    assert len(set(times)) == len(tickets)
    assert [time.date() for time in times] == [in_days(1)] * 4 + [in_days(2)] * 6


def test_a_day_on_which_the_member_comes_anyway_is_not_proposed(client, manager, department):
    member = make_member()
    make_ticket(member=member, slot=make_slot(department=department, days_ahead=1))
    make_ticket(member=member, slot=make_slot(department=department, days_ahead=2))

    page = look(client, form(department))

    [row] = page.context["tickets"]
    assert dt.datetime.fromisoformat(row["free_time"]).date() == in_days(3)


def test_the_whole_office_is_seen_as_a_department_is(client, manager, department):
    other = make_open_department()
    tickets = [make_ticket(slot=make_slot(department=one)) for one in (department, other)]

    page = look(client, form(is_office="on"))

    assert [row["ticket"] for row in page.context["tickets"]] == tickets


def test_who_walked_in_is_touched_by_a_closed_day_and_cannot_be_moved(client, manager, department):
    walk_in = make_walk_in(department=department)

    page = look(client, form(department, days_ahead=0))

    [row] = page.context["tickets"]
    assert (row["ticket"], [value for value, _label in row["options"]]) == (walk_in, ["keep", "cancel"])


def test_what_is_not_touched_by_this_is_not_asked_about(client, manager, department):
    """Fewer turns close no time; and what was in a closed time before stands on another page."""
    make_ticket(slot=make_slot(department=department, nth=0))
    make_ticket(slot=make_slot(department=department, days_ahead=2))
    make_exception(department, days_ahead=2)

    assert look(client, form(department, kind="quota", quota=3)).context["tickets"] == []
    assert look(client, form(department, days_ahead=2)).context["tickets"] == []


def test_moving_and_cancelling_need_a_reason(client, manager, department):
    make_ticket(slot=make_slot(department=department))
    page = look(client, data := form(department, reason=""))

    page = client.post(PAGE, saving(page, data, for_all="cancel"))

    assert "กรุณากรอกเหตุผล" in page.content.decode()
    assert page.context["for_all"] == "cancel"
    assert not DayException.objects.exists()


def test_what_came_meanwhile_is_shown_before_it_is_saved(client, manager, department):
    page = look(client, data := form(department))
    ticket = make_ticket(slot=make_slot(department=department))

    page = client.post(PAGE, saving(page, data))
    assert "ระหว่างนี้" in page.content.decode()
    assert [row["ticket"] for row in page.context["tickets"]] == [ticket]
    assert not DayException.objects.exists()

    client.post(PAGE, saving(page, data))
    assert DayException.objects.exists()


def test_a_form_that_was_changed_after_the_look_is_looked_at_again(client, manager, department):
    make_ticket(slot=make_slot(department=department, days_ahead=2))
    page = look(client, data := form(department))

    page = client.post(PAGE, saving(page, data) | {"first_date": in_days(2).isoformat()})

    assert len(page.context["tickets"]) == 1
    assert not DayException.objects.exists()


def test_an_extra_day_is_opened(client, manager):
    department = make_open_department(weekdays=[], max_days_ahead=5)
    data = form(department, kind="hours", starts="09:00", ends="12:00", slot_minutes=60, quota=2)

    page = look(client, data)
    assert page.context["changed_days"][0]["after"] == "09.00-12.00 จองได้ 6 คิว"
    answer = client.post(PAGE, saving(page, data))

    assert answer.url == f"{reverse('admin:booking_calendar')}?month={in_days(1):%Y-%m}"
    assert department.slots.filter(date=in_days(1)).count() == 3


def test_what_changes_nothing_says_so(client, manager, department):
    make_exception(department, days_ahead=1)

    page = look(client, form(department, kind="quota", quota=3))

    assert page.context["changed_days"] == []
    assert "มีผลเหนือกว่า" in page.content.decode()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"first_date": ""}, "first_date"),
        ({"first_date": "พรุ่งนี้"}, "first_date"),
        ({"departments": []}, "departments"),
        ({"departments": ["99999"]}, "departments"),
        ({"kind": "x"}, "kind"),
        ({"kind": "quota"}, "quota"),
        ({"kind": "hours"}, "starts"),
        ({"starts": "13:00", "ends": "12:00"}, "ends"),
        ({"last_date": "2000-01-01"}, "last_date"),
    ],
)
def test_what_cannot_work_is_said_beside_its_field(client, manager, department, fields, field):
    page = look(client, form(department) | fields)

    assert field in page.context["form"].errors
    assert not DayException.objects.exists()


def test_dates_as_people_write_them(client, manager, department):
    date = in_days(1)

    page = look(client, form(department, first_date=f"{date.day}/{date.month}/{date.year + 543}"))

    assert page.context["changed_days"][0]["date"] == date


@pytest.mark.parametrize(
    ("query", "first"),
    [("first=2026-12-24", dt.date(2026, 12, 24)), ("first=x&last=y&department=z", None), ("", None)],
)
def test_the_form_begins_with_what_the_calendar_names(client, manager, department, query, first):
    form = client.get(f"{PAGE}?{query}").context["form"]

    assert form["first_date"].value() == first


def test_choices_that_are_none_do_nothing(client, manager, department):
    ticket = make_ticket(slot=make_slot(department=department))
    page = look(client, data := form(department))

    page = client.post(PAGE, saving(page, data, **{f"do_{ticket.pk}": "burn"}))

    assert ticket.code in page.context["faults"][0]
    assert not DayException.objects.exists()


def test_a_proposal_that_is_taken_meanwhile_becomes_the_nearest_other(client, manager, department):
    ticket = make_ticket(slot=make_slot(department=department, nth=10))
    page = look(client, data := form(department, starts="13:00"))
    [row] = page.context["tickets"]
    taken = department.slots.get(starts_at=dt.datetime.fromisoformat(row["free_time"]))
    verbs.book(member_id=make_member().pk, slot_id=taken.pk, key="first")

    client.post(PAGE, saving(page, data, for_all="move"))

    ticket.refresh_from_db()
    assert ticket.moved_to.slot != taken
    assert ticket.moved_to.date == in_days(1)


# What is there already, changed or taken back


def page_of(exception):
    return reverse("admin:booking_dayexception_change", args=[exception.pk])


def deletion_of(exception):
    return reverse("admin:booking_dayexception_delete", args=[exception.pk])


def test_a_changed_exception_shows_what_it_touches_before_it_is_saved(client, manager, department):
    exception = make_exception(department, days_ahead=1, starts=dt.time(14))
    ticket = make_ticket(slot=make_slot(department=department, nth=8))  # 13.00
    data = form(department, starts="13:00", reason="ประชุมนานขึ้น")

    assert client.get(page_of(exception)).context["form"]["starts"].value() == dt.time(14)
    page = client.post(page_of(exception), data)

    [row] = page.context["tickets"]
    assert row["ticket"] == ticket
    [day] = page.context["changed_days"]
    assert (day["before"], day["after"]) == ("09.00-14.00 จองได้ 10 คิว", "09.00-13.00 จองได้ 8 คิว")
    exception.refresh_from_db()
    assert exception.starts == dt.time(14)

    client.post(page_of(exception), saving(page, data, for_all="move"))

    ticket.refresh_from_db()
    exception.refresh_from_db()
    assert exception.starts == dt.time(13)
    assert exception.history.first().history_user == manager
    assert ticket.moved_to.date == in_days(1)
    assert DayException.objects.count() == 1


@pytest.mark.parametrize("how", ["new", "changed", "taken back"])
def test_a_quota_beyond_the_numbers_laid_out_says_until_when(client, manager, how):
    """An hour has twenty numbers for a quota of ten."""
    department = make_open_department(opens=dt.time(9), closes=dt.time(10), slot_minutes=60, quota=10, max_days_ahead=5)
    another = make_open_department(opens=dt.time(9), closes=dt.time(10), slot_minutes=60, quota=1, max_days_ahead=5)
    make_ticket(slot=make_slot(department=department))  # so that its day is not numbered anew
    address, data = PAGE, form(department, kind="quota", quota=50)
    if how != "new":
        address = page_of(make_exception(department, days_ahead=1, kind="quota", quota=5))
    if how == "taken back":
        department.hours.update(quota=50)
        address, data = deletion_of(DayException.objects.get()), {}
    another.hours.update(quota=50)  # a shortage that this changes nothing about

    page = client.post(address, data)
    said = client.post(address, saving(page, data), follow=True).content.decode()

    assert f"ยังไม่ถึงโควตาใหม่ 1 ช่วง จนถึง{thai.long_date(in_days(1))}" in said


def test_an_exception_that_moves_to_another_department_is_seen_in_both(client, manager, department):
    other = make_open_department(opens=dt.time(9), closes=dt.time(16))
    exception = make_exception(department, days_ahead=1)
    ticket = make_ticket(slot=make_slot(department=other))

    page = client.post(page_of(exception), data := form(other))

    assert [day["after"] for day in page.context["changed_days"]] == ["09.00-16.00 จองได้ 14 คิว", "ประชุมใหญ่"]
    assert [row["ticket"] for row in page.context["tickets"]] == [ticket]
    client.post(page_of(exception), saving(page, data))
    assert list(exception.departments.all()) == [other]
    assert list(closures.stranded()) == [ticket]


def test_an_exception_changed_by_a_colleague_meanwhile_is_looked_at_again(client, manager, department):
    exception = make_exception(department, days_ahead=1, starts=dt.time(14))
    page = client.post(page_of(exception), data := form(department, starts="13:00"))
    exception.reason = "เปลี่ยนเหตุผล"
    exception.save()

    client.post(page_of(exception), saving(page, data))

    exception.refresh_from_db()
    assert exception.starts == dt.time(14)


def test_a_department_that_is_not_active_stays_named(client, manager, department):
    exception = make_exception(department, days_ahead=1)
    department.is_active = False
    department.save()

    page = client.post(page_of(exception), data := form(department, kind="quota", quota="2"))
    client.post(page_of(exception), saving(page, data))

    assert list(exception.departments.all()) == [department]


def test_taking_back_an_extra_day_shows_its_tickets_first(client, manager):
    department = make_open_department(weekdays=[], max_days_ahead=5)
    extra = make_exception(
        department, days_ahead=1, kind="hours", starts=dt.time(9), ends=dt.time(12), slot_minutes=60, quota=2
    )
    ticket = make_ticket(slot=make_slot(department=department))

    page = client.get(deletion_of(extra))
    assert [row["ticket"] for row in page.context["tickets"]] == [ticket]
    assert page.context["changed_days"][0]["before"] == "09.00-12.00 จองได้ 6 คิว"
    # As Django's own page would be answered: nothing was looked at.
    client.post(deletion_of(extra), {"post": "yes"})
    assert DayException.objects.filter(pk=extra.pk).exists()
    page = client.post(deletion_of(extra), saving(page, {}, for_all="cancel"))
    assert "กรุณากรอกเหตุผล" in page.content.decode()
    client.post(deletion_of(extra), saving(page, {"reason": "เปิดไม่ได้แล้ว"}, for_all="cancel"))

    ticket.refresh_from_db()
    assert not DayException.objects.exists()
    assert ticket.state == State.CANCELLED
    assert ticket.events.last().reason == "เปิดไม่ได้แล้ว"
    assert not department.slots.filter(date=in_days(1), quota__gt=0).exists()
    [entry] = LogEntry.objects.all()
    assert (entry.action_flag, entry.object_id, entry.user) == (DELETION, str(extra.pk), manager)


def test_a_deletion_that_fails_is_not_in_the_log(client, manager, department, monkeypatch):
    extra = make_exception(department, days_ahead=1)
    page = client.get(deletion_of(extra))
    monkeypatch.setattr(closures.opening, "rules_changed", Mock(side_effect=ZeroDivisionError))

    with pytest.raises(ZeroDivisionError):
        client.post(deletion_of(extra), saving(page, {}))

    assert DayException.objects.exists()
    assert not LogEntry.objects.exists()


def test_several_deleted_from_the_list_lead_to_the_tickets_left(client, manager):
    department = make_open_department(weekdays=[], max_days_ahead=5)
    extra = make_exception(
        department, days_ahead=1, kind="hours", starts=dt.time(9), ends=dt.time(12), slot_minutes=60, quota=2
    )
    make_ticket(slot=make_slot(department=department))
    chosen = {"action": "delete_selected", "_selected_action": extra.pk, "post": "yes"}

    page = client.post(reverse("admin:booking_dayexception_changelist"), chosen, follow=True)

    assert not DayException.objects.exists()
    assert "มีบัตรคิว 1 ใบในเวลาที่ปิด" in page.content.decode()


@pytest.mark.parametrize("group", [roles.CLERK, roles.AUDITOR])
@pytest.mark.parametrize("address", [page_of, deletion_of])
def test_who_may_not_change_it_changes_nothing(client, department, group, address):
    exception = make_exception(department, days_ahead=1)
    client.force_login(make_user(group=group))

    client.post(address(exception), form(department, kind="quota", quota="2") | {"save": "1", "looked_at": "x"})

    exception.refresh_from_db()
    assert exception.kind == "closed"


@pytest.mark.parametrize("number", ["0", "99999", "x", "9" * 30])
@pytest.mark.parametrize("address", ["change", "delete"])
def test_an_exception_that_is_none(client, manager, number, address):
    assert client.get(reverse(f"admin:booking_dayexception_{address}", args=[number])).status_code in (302, 404)
