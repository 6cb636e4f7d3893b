"""The page on which a sheet of paper is entered: by rows, with what is wrong beside them."""

import datetime as dt
import re

import pytest
from django.urls import reverse

from booking import roles, verbs
from booking.models import StaffDepartment, Ticket
from booking.models.tickets import State
from tests.clock import MORNING, today_at
from tests.factories import make_counter, make_member, make_open_department, make_ticket, make_user

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:booking_ticket_on_paper")
TODAY = MORNING.date()


@pytest.fixture
def department():
    return make_open_department(letter="A", max_days_ahead=9)


@pytest.fixture
def ticket(department):
    return make_ticket(slot=department.slots.filter(date=TODAY).order_by("starts_at")[3])


@pytest.fixture
def sheet(clock, department, ticket, manager):
    """The address of today's sheet, at one o'clock."""
    make_counter(departments=[department], number=1)
    clock.move_to(today_at("13.00"))
    return f"{PAGE}?department={department.pk}&date={TODAY}"


def row(ticket, arrived="1000", called="1005", counter="1", finished="1015", ending="") -> dict:
    typed = {"arrived": arrived, "called": called, "counter": counter, "finished": finished, "ending": ending}
    return {"ticket": ticket.pk} | {f"{name}-t{ticket.pk}": value for name, value in typed.items()}


def walk_in(number="501", member="", **typed) -> dict:
    times = {"arrived": "1020", "called": "1030", "counter": "1", "finished": "1040", "ending": ""}
    return {f"{name}-w0": value for name, value in ({"number": number, "member": member} | times | typed).items()}


def test_served_on_paper_is_entered_from_one_page(client, sheet, ticket, manager):
    assert ticket.code in client.get(sheet).text
    member = make_member(member_number="100777")

    page = client.post(sheet, row(ticket) | walk_in(member="๑๐๐ ๗๗๗"), follow=True)

    assert "บันทึกจากกระดาษแล้ว 2 ใบ" in page.text
    assert [one.state for one in Ticket.objects.order_by("number")] == [State.SERVED, State.SERVED]
    assert Ticket.objects.get(number=501).member == member
    assert page.context["rows"] == [] and page.context["entered"] == 2
    assert page.context["walk_ins"][0].typed["number"] == "502"
    shown = client.get(reverse("admin:booking_ticket_change", args=[ticket.pk])).text
    assert "จากกระดาษ กรอกเมื่อ" in shown


@pytest.mark.parametrize("typed", ["1005", "10.05", "10:05", "๑๐.๐๕", " 10 05 "])
def test_a_time_is_typed_as_people_do(client, sheet, ticket, typed):
    client.post(sheet, row(ticket, called=typed))

    ticket.refresh_from_db()
    assert ticket.called_at == today_at("10.05")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"called": "2561"}, "ไม่ใช่เวลา"),
        ({"called": "สิบโมง"}, "ไม่ใช่เวลา"),
        ({"counter": "9"}, "ไม่มีช่องบริการ"),
        ({"counter": "ก"}, "ไม่ใช่หมายเลข"),
        ({"finished": ""}, "เวลาเสร็จ"),
        ({"finished": "1455"}, "ยังไม่ถึง"),
    ],
)
def test_what_is_wrong_stands_beside_its_row_and_what_was_typed_stays(client, sheet, ticket, typed, words):
    page = client.post(sheet, row(ticket, **typed) | walk_in())

    assert page.status_code == 200
    (shown,) = page.context["rows"]
    assert words in shown.fault and shown.fault in page.text
    name, value = next(iter(typed.items()))
    assert f'name="{name}-t{ticket.pk}" value="{value}"' in page.text
    assert page.context["walk_ins"][0].typed["called"] == "1030"
    assert Ticket.objects.get().state == State.BOOKED


@pytest.mark.parametrize("typed", [{"number": "abc"}, {"number": ""}, {"member": "424242"}, {"member": "x"}])
def test_a_walk_in_that_cannot_be_read_is_not_entered(client, sheet, typed):
    page = client.post(sheet, walk_in(**typed))

    assert page.context["walk_ins"][0].fault
    assert Ticket.objects.count() == 1


def test_missed_not_come_and_still_waiting(client, sheet, department, ticket):
    late, waiting = (make_ticket(slot=department.slots.filter(date=TODAY).order_by("starts_at")[11]) for _ in range(2))

    client.post(sheet, {"ticket": [ticket.pk, late.pk, waiting.pk]}
        | {name: value for name, value in row(ticket, finished="", ending="missed").items() if name != "ticket"}
        | {f"ending-t{late.pk}": "not_arrived", f"arrived-t{waiting.pk}": "1250"})  # fmt: skip

    for one, state in ((ticket, State.MISSED), (late, State.NOT_ARRIVED), (waiting, State.WAITING)):
        one.refresh_from_db()
        assert one.state == state


def test_an_empty_page_enters_nothing(client, sheet):
    assert "ยังไม่ได้กรอกแถวใด" in client.post(sheet, {}, follow=True).text


@pytest.mark.parametrize("sent", [{"ticket": "abc"}, {"ticket": "9" * 17}, {"number-w0": "9" * 900, "arrived-w0": "1"}])
def test_nonsense_enters_nothing(client, sheet, sent):
    assert client.post(sheet, sent).status_code == 200
    assert Ticket.objects.get().state == State.BOOKED


@pytest.mark.parametrize("query", ["?date=2020-01-01", "?date=x", "?department=999999", "?department=x", "?page=x"])
def test_another_day_or_department_is_asked_for_again(client, sheet, query):
    assert client.get(PAGE + query).status_code == 200
    assert client.post(PAGE + query, walk_in()).status_code in (200, 302)


def test_a_sheet_of_300_is_entered_page_by_page_in_as_many_queries(
    client, clock, manager, django_assert_max_num_queries
):
    department = make_open_department(letter="B", quota=22, max_days_ahead=9)
    for slot in department.slots.filter(date=TODAY):
        for _ in range(22):
            make_ticket(slot=slot)
    clock.move_to(MORNING + dt.timedelta(hours=5))
    sheet = f"{PAGE}?department={department.pk}&date={TODAY}"
    client.get(sheet)

    with django_assert_max_num_queries(20):
        page = client.get(sheet)

    assert page.context["pages"].paginator.count > 300
    fields = re.findall(r'<(?:input|select)[^>]* name="', page.text)
    assert len(fields) < 300


def test_staff_of_a_department_enter_its_sheet_alone(client, sheet, department, ticket):
    head, others = make_user(group=roles.HEAD), make_open_department()
    StaffDepartment.objects.create(user=head, department=others)
    client.force_login(head)

    client.post(sheet, row(ticket))

    assert ticket.code not in client.get(sheet).text
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


@pytest.mark.parametrize("role", [roles.CLERK, roles.RECEPTION, roles.AUDITOR])
def test_who_may_not_close_the_day_enters_nothing(client, sheet, ticket, role):
    client.force_login(make_user(group=role))

    assert client.get(sheet).status_code == 403
    assert client.post(sheet, row(ticket)).status_code == 403
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


# --- what was entered wrongly ---


def take_back(*tickets, reason="อ่านเวลาผิด", **fields) -> dict:
    return {"do": "take_back", "entered": [ticket.pk for ticket in tickets], "reason": reason} | fields


def test_a_wrong_row_is_taken_back_and_entered_anew_on_the_same_page(client, sheet, ticket, manager):
    client.post(sheet, row(ticket, called="1040", finished="1050"))
    (shown,) = client.get(sheet).context["done"]
    assert (shown.ticket, shown.finished_at, shown.by) == (ticket, today_at("10.50"), manager)

    page = client.post(sheet, take_back(ticket), follow=True)

    assert "ถอนแล้ว 1 ใบ" in page.text
    assert [one.ticket for one in page.context["rows"]] == [ticket]
    assert page.context["done"] == [] and page.context["entered"] == 0
    client.post(sheet, row(ticket))
    ticket.refresh_from_db()
    assert (ticket.state, ticket.called_at) == (State.SERVED, today_at("10.05"))
    history = client.get(reverse("admin:booking_ticket_change", args=[ticket.pk])).text
    assert "ถอนที่กรอกจากกระดาษ" in history and "อ่านเวลาผิด" in history


def test_the_number_of_a_wrong_walk_in_is_proposed_again(client, sheet):
    client.post(sheet, walk_in())
    client.post(sheet, take_back(Ticket.objects.get(number=501)))

    assert client.get(sheet).context["walk_ins"][0].typed["number"] == "501"
    client.post(sheet, walk_in())
    assert Ticket.objects.filter(number=501, state=State.SERVED).count() == 1


@pytest.mark.parametrize(
    ("sent", "words"),
    [({"reason": " "}, "เหตุผล"), ({"entered": []}, "ยังไม่ได้เลือก"), ({"entered": ["x", "9" * 17]}, "ยังไม่ได้เลือก")],
)
def test_without_a_reason_or_a_row_nothing_is_taken_back(client, sheet, ticket, sent, words):
    client.post(sheet, row(ticket))

    page = client.post(sheet, take_back(ticket, reason="อ่านเวลาผิด") | sent)

    assert page.status_code == 200 and words in page.text
    assert page.context["reason"] == sent.get("reason", "อ่านเวลาผิด").strip()
    ticket.refresh_from_db()
    assert ticket.state == State.SERVED


def test_why_a_row_cannot_be_taken_back_stands_beside_it(client, sheet, department, ticket):
    client.post(sheet, row(ticket, called="", counter="", finished=""))  # waits
    counter = department.counters.get()
    verbs.call_next(counter=counter, by=counter.clerk)

    page = client.post(sheet, take_back(ticket))

    (shown,) = page.context["done"]
    assert shown.is_chosen and "มีการทำรายการ" in shown.fault and shown.fault in page.text
    assert 'value="อ่านเวลาผิด"' in page.text


@pytest.mark.parametrize("who", [roles.CLERK, roles.AUDITOR, "head of another department"])
def test_who_may_not_enter_takes_nothing_back(client, sheet, ticket, who):
    client.post(sheet, row(ticket))
    user = make_user(group=roles.HEAD if " " in who else who)
    if " " in who:
        StaffDepartment.objects.create(user=user, department=make_open_department())
    client.force_login(user)

    client.post(sheet, take_back(ticket))

    ticket.refresh_from_db()
    assert ticket.state == State.SERVED
    assert not ticket.events.filter(verb="take_back_paper").exists()
