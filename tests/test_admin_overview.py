"""The first page and the month at a glance: what is taken of what there is, what is closed, what wants a look."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from booking.admin.jobs import WHAT_IT_DOES
from booking.days import overview
from booking.jobs import RECURRING
from booking.models import JobRun
from tests.factories import (
    in_days,
    make_counter,
    make_exception,
    make_holiday,
    make_open_department,
    make_slot,
    make_ticket,
)

pytestmark = pytest.mark.django_db

INDEX = reverse("admin:index")
CALENDAR = reverse("admin:booking_calendar")
MORNING = dt.datetime(2026, 11, 25, 1, 0, tzinfo=dt.UTC)  # 08.00 on a Wednesday in Bangkok


@pytest.fixture
def worker_is_well():
    JobRun.objects.create(name="heartbeat", finished_at=timezone.now())


def cells(page) -> dict:
    """The days of the calendar by date."""
    return {cell["day"].date: cell["day"] for week in page.context["weeks"] for cell in week if cell}


def warnings(client) -> list[str]:
    return [str(warning["text"]) for warning in client.get(INDEX).context["warnings"]]


def test_today_and_tomorrow_by_department(client, manager):
    with time_machine.travel(MORNING, tick=False):
        client.force_login(manager)
        department = make_open_department(name="ฝ่ายสินเชื่อ", quota=4)
        closed = make_open_department(name="ฝ่ายการเงิน")
        make_exception(closed, date=in_days(1), quota=0, reason="อบรม")
        make_ticket(slot=make_slot(department=department, days_ahead=0, nth=2))

        today, tomorrow = client.get(INDEX).context["days"]

    assert today["day"].load == overview.Load(taken=1, places=14 * 4 * 2)
    assert [(row["load"].taken, row["load"].places, row["closed"]) for row in today["rows"]] == [
        (1, 56, ""),
        (0, 56, ""),
    ]
    assert [row["closed"] for row in tomorrow["rows"]] == ["", "อบรม"]


def test_a_department_for_walk_ins_only_is_not_called_shut(client, manager):
    make_open_department(walk_in_percent=100)
    _today, tomorrow = client.get(INDEX).context["days"]
    assert [row["closed"] for row in tomorrow["rows"]] == ["ไม่เปิดให้จอง"]


def test_nothing_wants_a_look_where_all_is_well(client, manager, worker_is_well):
    make_counter(departments=[make_ticket().department])
    make_holiday(date=dt.date(2027, 1, 1))

    assert warnings(client) == []


def test_what_wants_a_look_is_said_with_where_to_put_it_right(client, manager):
    department = make_open_department(quota=2)
    make_counter(departments=[department])
    slot = make_slot(department=department)
    for _ in range(2):
        make_ticket(slot=slot)
    make_ticket(slot=make_slot(department=department, days_ahead=2))
    make_exception(department, date=slot.date, start="08:30", quota=1)
    make_exception(department, date=in_days(2), quota=0)
    make_holiday(date=in_days(5), name="วันพ่อ", is_confirmed=False)
    make_holiday(date=in_days(200), name="ไกลออกไป", is_confirmed=False)
    JobRun.objects.create(name="heartbeat", finished_at=timezone.now() - dt.timedelta(minutes=4))

    draft, stranded, overfull, worker = warnings(client)

    assert "1 วัน" in draft
    assert "วันพ่อ" in draft
    assert "1 ใบ" in stranded
    assert "1 ช่วง" in overfull
    assert "โปรแกรมเบื้องหลังไม่ทำงาน" in worker
    assert all(client.get(each["link"]).status_code == 200 for each in client.get(INDEX).context["warnings"])


def test_a_worker_never_heard_of_is_told(client, manager):
    assert any("โปรแกรมเบื้องหลัง" in warning for warning in warnings(client))


def test_a_month_says_why_days_are_closed_and_how_full_the_others_are(client, manager):
    with time_machine.travel(MORNING, tick=False):
        client.force_login(manager)
        department = make_open_department(name="ฝ่ายสินเชื่อ", quota=2, weekdays=range(5), max_days_ahead=30)
        other = make_open_department(name="ฝ่ายการเงิน", quota=1, weekdays=range(5), max_days_ahead=30)
        make_holiday(date=dt.date(2026, 12, 7), name="ชดเชยวันพ่อ")
        make_holiday(date=dt.date(2026, 12, 10), name="วันรัฐธรรมนูญ", is_confirmed=False)
        make_exception(other, date=dt.date(2026, 12, 8), quota=0, reason="อบรม")
        make_exception(other, date=dt.date(2026, 12, 9), starts=dt.time(13), ends=dt.time(16), reason="ประชุม")
        make_ticket(slot=make_slot(department=department, days_ahead=6))

        page = client.get(CALENDAR, {"month": "2026-12"})
        of_one = client.get(CALENDAR, {"month": "2026-12", "department": other.slug})

    found = cells(page)
    assert len(found) == 31
    assert found[dt.date(2026, 12, 1)].load == overview.Load(taken=1, places=14 * 3)
    assert cells(of_one)[dt.date(2026, 12, 1)].load == overview.Load(taken=0, places=14)
    assert found[dt.date(2026, 12, 7)].holiday.why == "ชดเชยวันพ่อ"
    assert found[dt.date(2026, 12, 7)].load == overview.Load()
    assert found[dt.date(2026, 12, 10)].draft.name == "วันรัฐธรรมนูญ"
    text = " ".join(strip_tags(page.content.decode()).split())
    for words in (
        "ธันวาคม 2569",
        "จอง 1 จาก 42",
        "ชดเชยวันพ่อ",
        "ร่าง: วันรัฐธรรมนูญ",
        "ฝ่ายการเงิน: อบรม",
        "ฝ่ายการเงิน: บางเวลา: ประชุม",
        "ไม่เปิดให้จอง",
        "ยังไม่เปิดจอง",
    ):
        assert words in text, words


def test_a_day_leads_to_its_tickets_and_to_the_page_that_changes_it(client, manager):
    department = make_open_department(max_days_ahead=1)
    ticket = make_ticket(slot=make_slot(department=department))

    page = client.get(CALENDAR, {"month": f"{ticket.date:%Y-%m}", "department": department.slug})
    [cell] = [cell for week in page.context["weeks"] for cell in week if cell and cell["day"].date == ticket.date]

    assert list(client.get(cell["tickets"]).context["cl"].result_list) == [ticket]
    form = client.get(cell["change"]).context["form"]
    assert (form["first_date"].value(), form["departments"].value()) == (ticket.date, [department.pk])
    assert cell["tickets"] in page.content.decode().replace("&amp;", "&")


def test_a_month_takes_as_many_queries_for_many_departments(client, manager):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(CALENDAR)
        return len(captured)

    make_open_department()
    client.get(CALENDAR)
    before = queries()
    for _ in range(3):
        make_ticket()

    assert queries() == before <= 12


@pytest.mark.parametrize("month", ["", "2026-13", "x", "2569-11", "9999-99", "1999-01"])
def test_a_month_that_is_none_is_this_month(client, manager, month):
    page = client.get(CALENDAR, {"month": month, "department": "nobody"})

    assert timezone.localdate() in cells(page)


def test_the_slots_behind_it(client, manager, django_assert_max_num_queries):
    ticket = make_ticket()
    with django_assert_max_num_queries(12):
        page = client.get(reverse("admin:booking_slot_changelist"), {"department__id__exact": ticket.department.pk})

    assert "08.30 น. - 09.00 น." in page.content.decode()
    assert client.get(reverse("admin:booking_slot_change", args=[ticket.slot.pk])).status_code == 200
    jobs = client.get(reverse("admin:booking_jobrun_changelist"))
    assert jobs.status_code == 200


def test_each_job_that_recurs_says_in_words_what_it_does():
    assert set(RECURRING) - set(WHAT_IT_DOES) == set()


@pytest.mark.parametrize("ticked", [" ", "0001-01-01", "²", "a\x00b", "99999999999999999999", "-1", "1 OR 1=1"])
@pytest.mark.parametrize("name", ["holidays_holiday", "booking_dayexception", "booking_counterprofile"])
def test_a_row_that_is_none_is_not_ticked(client, manager, name, ticked):
    form = {"action": "delete_selected", "index": "0", "select_across": "0", "_selected_action": ticked}

    assert client.post(reverse(f"admin:{name}_changelist"), form).status_code in (200, 302, 403)
