"""Holidays: drafts come in by the year, staff confirm them, and tickets of their days are never passed over."""

import csv
import io

import openpyxl
import pytest
from django.urls import reverse

from booking import verbs
from booking.admin import seen
from booking.days.changing import WhatIf
from booking.models import Place, Ticket
from booking.models.tickets import State
from booking.verbs import closures
from holidays.models import Holiday
from tests.factories import in_days, make_holiday, make_member, make_open_department, make_slot, make_ticket

pytestmark = pytest.mark.django_db

LIST = reverse("admin:holidays_holiday_changelist")
ADD = reverse("admin:holidays_holiday_add")
CONFIRM = reverse("admin:holidays_holiday_confirm")
CLOSED = reverse("admin:booking_ticket_closed")


def holiday_form(date, **fields) -> dict:
    return {"date": date.isoformat(), "name": "วันหยุดพิเศษ", "kind": "office", "is_confirmed": "on"} | fields


def address_of(holiday):
    return reverse("admin:holidays_holiday_change", args=[holiday.pk])


def where(page) -> str:
    return page.redirect_chain[-1][0].partition("?")[0]


def test_a_year_comes_in_as_drafts_and_again_changes_nothing(client, manager):
    address = reverse("admin:holidays_holiday_load_year")

    page = client.post(address, {"year": 2027}, follow=True)
    count = Holiday.objects.count()
    client.post(address, {"year": 2027})

    assert Holiday.objects.count() == count > 15
    assert not Holiday.objects.confirmed().exists()
    assert page.context["cl"].result_count == count
    assert Holiday.objects.first().history.get().history_user == manager


def test_drafts_are_confirmed_together(client, manager):
    make_open_department()
    drafts = [make_holiday(date=in_days(nth), name=f"วันที่ {nth}", is_confirmed=False) for nth in (1, 2)]

    page = client.post(
        LIST, {"action": "confirm_chosen", "_selected_action": [draft.pk for draft in drafts]}, follow=True
    )

    assert where(page) == LIST
    assert Holiday.objects.confirmed().count() == 2
    assert drafts[0].history.latest().history_user == manager


def test_a_free_day_is_closed_at_once(client, manager):
    slot = make_slot()

    page = client.post(ADD, holiday_form(slot.date), follow=True)

    assert where(page) == LIST
    slot.refresh_from_db()
    assert slot.quota == 0


def test_a_day_with_tickets_shows_them_before_anything_takes_effect(client, manager):
    ticket = make_ticket()

    page = client.post(ADD, holiday_form(ticket.date), follow=True)

    assert where(page) == CONFIRM
    text = page.content.decode()
    for shown in (ticket.code, ticket.department.name, ticket.member.full_name, ticket.member.phone, "08.30 น."):
        assert shown in text
    assert not Holiday.objects.get().is_confirmed
    ticket.slot.refresh_from_db()
    assert ticket.slot.quota == 4


@pytest.mark.parametrize("how", ["a draft confirmed in its form", "drafts confirmed from the list", "a date changed"])
def test_no_way_to_confirm_passes_over_tickets(client, manager, how):
    ticket = make_ticket()
    elsewhere = in_days(30)
    holiday = Holiday.objects.create(
        date=elsewhere if how == "a date changed" else ticket.date, name="วันหยุด", is_confirmed=how == "a date changed"
    )

    if how == "drafts confirmed from the list":
        page = client.post(LIST, {"action": "confirm_chosen", "_selected_action": [holiday.pk]}, follow=True)
    else:
        page = client.post(address_of(holiday), holiday_form(ticket.date), follow=True)

    assert where(page) == CONFIRM
    assert page.context["tickets"] == [ticket]
    holiday.refresh_from_db()
    assert (holiday.date, holiday.is_confirmed) == (ticket.date, False)


def confirm(client, holiday, **answer):
    return client.post(f"{CONFIRM}?holiday={holiday.pk}", answer, follow=True)


def test_ten_holidays_of_five_departments_are_confirmed_in_few_queries(client, manager, django_assert_max_num_queries):
    for _ in range(5):
        make_ticket(slot=make_slot(max_days_ahead=30, days_ahead=20))
    drafts = [make_holiday(date=in_days(nth), is_confirmed=False) for nth in range(1, 11)]

    with django_assert_max_num_queries(99):
        client.post(LIST, {"action": "confirm_chosen", "_selected_action": [draft.pk for draft in drafts]})

    assert Holiday.objects.confirmed().count() == 10
    assert not Place.objects.filter(slot__date__range=(in_days(1), in_days(10))).exists()


def draft_for(ticket) -> Holiday:
    return make_holiday(date=ticket.date, name="วันหยุดพิเศษ", is_confirmed=False)


@pytest.mark.parametrize(
    ("choice", "state"), [("keep", State.BOOKED), ("move", State.CANCELLED), ("cancel", State.CANCELLED)]
)
def test_staff_choose_and_the_holiday_takes_effect(client, manager, choice, state):
    ticket = make_ticket()
    holiday = draft_for(ticket)

    page = confirm(client, holiday, seen=seen.sign([ticket.pk]), choice=choice, reason="สำนักงานปิด")

    ticket.refresh_from_db()
    holiday.refresh_from_db()
    assert holiday.is_confirmed
    assert ticket.state == state
    assert where(page) == CLOSED
    assert (page.context["stranded"] == [ticket]) is (choice == "keep")
    if choice != "keep":
        [told] = page.context["settled"]
        assert (told, told.reason) == (ticket, "สำนักงานปิด")
        assert ticket.member.phone in page.content.decode()
        assert ticket.events.last().by == manager
    assert Ticket.objects.live().count() == (0 if choice == "cancel" else 1)


@pytest.mark.parametrize("answer", [{}, {"choice": "move"}, {"choice": "cancel", "reason": " "}, {"choice": "burn"}])
def test_without_a_choice_and_a_reason_nothing_happens(client, manager, answer):
    ticket = make_ticket()
    holiday = draft_for(ticket)

    page = confirm(client, holiday, seen=seen.sign([ticket.pk]), **answer)

    holiday.refresh_from_db()
    assert not holiday.is_confirmed
    assert page.context["form"].errors
    assert ticket.code in page.content.decode()


@pytest.mark.parametrize("shown", ["some", "none"])
def test_a_ticket_booked_meanwhile_is_shown_next(client, manager, shown):
    """Between looking and confirming members go on booking: their tickets come on a second list, untouched."""
    department = make_open_department()
    shown_tickets = [make_ticket(slot=make_slot(department=department))] if shown == "some" else []
    holiday = make_holiday(date=in_days(1), name="วันหยุดพิเศษ", is_confirmed=False)
    meanwhile = make_ticket(slot=make_slot(department=department))

    page = confirm(
        client, holiday, seen=seen.sign([ticket.pk for ticket in shown_tickets]), choice="cancel", reason="หยุด"
    )

    holiday.refresh_from_db()
    assert holiday.is_confirmed
    assert where(page) == CLOSED
    assert page.context["stranded"] == [meanwhile]
    assert "จองเข้ามาระหว่างนี้ 1 ใบ" in page.content.decode()


def test_a_booking_between_the_look_and_the_save_is_not_missed(client, manager, monkeypatch):
    """The form looked, saw no ticket and saves; a booking commits in between."""
    slot = make_slot()
    looked = WhatIf.tickets

    def look_then_somebody_books(what_if):
        found = looked(what_if)
        if not Ticket.objects.exists():
            make_ticket(slot=slot)
        return found

    monkeypatch.setattr(WhatIf, "tickets", look_then_somebody_books)

    page = client.post(ADD, holiday_form(slot.date), follow=True)

    assert Holiday.objects.get().is_confirmed
    assert where(page) == CLOSED
    assert page.context["stranded"] == list(Ticket.objects.all())


def test_half_a_holiday_asks_about_its_half_alone(client, manager):
    department = make_open_department()
    early, late = (make_ticket(slot=make_slot(department=department, nth=nth)) for nth in (0, 10))  # 08.30, 13.30

    page = client.post(ADD, holiday_form(early.date, starts="12:00", ends=""), follow=True)
    assert where(page) == CONFIRM
    assert page.context["tickets"] == [late]
    confirm(client, Holiday.objects.get(), seen=seen.sign([late.pk]), choice="move", reason="หยุดครึ่งบ่าย")

    late.refresh_from_db()
    assert late.moved_to.date == late.date, "the same day first"
    early.refresh_from_db()
    assert early.is_live
    assert not closures.stranded().exists()


def test_a_ticket_of_another_day_cannot_be_slipped_in(client, manager):
    department = make_open_department()
    ticket = make_ticket(slot=make_slot(department=department, days_ahead=1))
    other = make_ticket(slot=make_slot(department=department, days_ahead=2))

    confirm(client, draft_for(ticket), seen=seen.sign([ticket.pk, other.pk]), choice="cancel", reason="หยุด")

    other.refresh_from_db()
    assert other.state == State.BOOKED


def test_what_could_not_be_done_is_said_and_the_rest_is_done(client, manager):
    department = make_open_department(max_days_ahead=1)
    first, second = (make_ticket(slot=make_slot(department=department, nth=nth)) for nth in (0, 1))
    Ticket.objects.filter(pk=first.pk).update(state=State.SERVED)

    page = confirm(client, draft_for(first), seen=seen.sign([first.pk, second.pk]), choice="move", reason="หยุด")

    assert page.context["stranded"] == [second]
    assert f"{second.code}: ไม่มีเวลาว่าง" in page.content.decode()


def test_staff_settle_the_ticked_tickets_later(client, manager):
    department = make_open_department()
    first, second = (make_ticket(slot=make_slot(department=department, nth=nth)) for nth in (0, 1))
    make_holiday(date=first.date, name="หยุด")
    address = f"{CLOSED}?date={first.date.isoformat()}"

    page = client.post(address, {"ticket": [first.pk], "choice": "cancel", "reason": "หยุด"}, follow=True)

    assert page.context["stranded"] == [second]
    assert page.context["settled"] == [first]


def test_open_times_are_out_of_reach_of_that_page(client, manager):
    ticket = make_ticket()

    client.post(CLOSED, {"ticket": [ticket.pk], "choice": "cancel", "reason": "หยุด"})

    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_the_list_to_telephone_from(client, manager):
    department = make_open_department()
    member = make_member(given_name="=HYPERLINK(1)", phone="+66812345678")
    moved = make_ticket(member=member, slot=make_slot(department=department, nth=0))
    kept = make_ticket(slot=make_slot(department=department, nth=1))
    holiday = draft_for(moved)
    confirm(client, holiday, seen=seen.sign([moved.pk]), choice="move", reason="@หยุด")

    as_csv = client.get(reverse("admin:booking_ticket_closed_list", args=["csv"]), {"date": moved.date.isoformat()})
    as_xlsx = client.get(reverse("admin:booking_ticket_closed_list", args=["xlsx"]))

    rows = list(csv.reader(io.StringIO(as_csv.content.decode("utf-8-sig"))))
    sheet = [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(as_xlsx.content)).active]
    assert rows == [[cell or "" for cell in row] for row in sheet]
    assert [row[0] for row in rows[1:]] == [kept.code, moved.code]
    _heading, _kept, told = rows
    assert told[4:7] == [member.member_number, "นาง=HYPERLINK(1) ใจดี", "'+66812345678"]
    assert "หมายเลข" in told[7]
    assert told[8] == "'@หยุด"
    assert as_csv["Content-Disposition"].startswith("attachment")
    assert client.get(reverse("admin:booking_ticket_closed_list", args=["exe"])).status_code == 404


def test_what_members_cancel_themselves_is_not_on_it(client, manager):
    ticket = make_ticket()
    verbs.cancel(ticket=ticket)
    make_holiday(date=ticket.date, name="หยุด")

    page = client.get(CLOSED)

    assert (page.context["stranded"], page.context["settled"]) == ([], [])


def test_nothing_of_it_needs_javascript_or_a_get(client, manager):
    """A GET, such as a preview makes, changes nothing."""
    ticket = make_ticket()
    holiday = draft_for(ticket)

    client.get(f"{CONFIRM}?holiday={holiday.pk}&choice=cancel&reason=x&ticket={ticket.pk}")
    client.get(f"{CONFIRM}?holiday=x&holiday=99999999999999999999")
    client.get(f"{CLOSED}?date=abc&department=xyz")

    holiday.refresh_from_db()
    ticket.refresh_from_db()
    assert (holiday.is_confirmed, ticket.state) == (False, State.BOOKED)


ENDLESS = "9" * 5000  # Python reads no number of more than 4,300 digits


@pytest.mark.parametrize("year", [ENDLESS, "2027", "๒๕๖๙", "-1", "x"])
def test_a_year_without_holidays_narrows_nothing(client, manager, year):
    make_holiday(date=in_days(1))

    page = client.get(LIST, {"year": year})

    assert page.context["cl"].result_count == 1


def test_a_year_shows_its_own(client, manager):
    this_year, next_year = make_holiday(date=in_days(1)), make_holiday(date=in_days(366))

    page = client.get(LIST, {"year": next_year.date.year})

    assert this_year.date.year != next_year.date.year
    assert list(page.context["cl"].queryset) == [next_year]


def test_what_cannot_be_a_holiday_is_left_out_of_those_to_confirm(client, manager):
    draft = make_holiday(date=in_days(1), is_confirmed=False)

    page = client.get(reverse("admin:holidays_holiday_confirm"), {"holiday": [ENDLESS, "x", draft.pk]})

    assert page.status_code == 200
    assert draft.name in page.content.decode()
