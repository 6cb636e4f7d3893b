"""The page of reports: who may see what of it, that it shows the figures that were counted (tests/test_recount.py
counts those again), its files, its paper, and what it makes of questions that are none."""

import csv
import datetime as dt
import io
from pathlib import Path

import pytest
import time_machine
from django.urls import reverse
from django.utils import translation
from openpyxl import load_workbook

from booking import roles, verbs
from booking.admin import reports
from booking.models import Notice, StaffDepartment, Tally, Ticket
from booking.reports import stored, tables
from booking.reports.figures import Figures
from tests.factories import in_days, make_counter, make_open_department, make_ticket, make_topic, make_user

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:booking_report")
DAY = dt.date(2026, 11, 24)  # a Tuesday
AT_NINE = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)
OF_THE_DAY = {"first": f"{DAY}", "last": f"{DAY}"}


@pytest.fixture
def played():
    """Tuesday in two departments: a booking for a topic is served after 12 minutes of waiting and 8 of service, a
    walk-in after 32 and 4; one booking is cancelled, one does not come. Wednesday has come."""
    loans = make_open_department(name="ฝ่ายสินเชื่อ", letter="A", quota=4, promise_minutes=15)
    money = make_open_department(name="ฝ่ายการเงิน", letter="B")
    clerk = make_user(group=roles.CLERK, first_name="มาลี")
    counter = make_counter(number=3, departments=[loans, money], clerk=clerk)
    come, _stays_away, changes_mind = (make_ticket(department=loans, days_ahead=1, nth=1) for _ in range(3))
    topic = make_topic(department=loans, name="ขอกู้ฉุกเฉิน")
    Ticket.objects.filter(pk=come.pk).update(topic=topic)
    with time_machine.travel(AT_NINE, tick=False) as clock:
        verbs.cancel(ticket=changes_mind, by=None)
        verbs.check_in(ticket=come, by=clerk)
        verbs.walk_in(department=money, by=clerk)
        for waited, served in ((12, 8), (12, 4)):
            clock.shift(dt.timedelta(minutes=waited))
            verbs.call_next(counter=counter, by=clerk)
            verbs.start(counter=counter, by=clerk)
            clock.shift(dt.timedelta(minutes=served))
            verbs.finish(counter=counter, by=clerk)
        clock.shift(dt.timedelta(days=1))
        for department in (loans, money):
            verbs.close_day(department=department, date=DAY)
    with time_machine.travel(AT_NINE + dt.timedelta(days=1)):
        Tally.objects.create(date=DAY, hour=9, department=loans, what="refused", name="slot_full", count=7)
        Tally.objects.create(date=DAY, hour=9, what="visited", name="home", count=30)
        yield {"loans": loans, "money": money, "counter": counter, "clerk": clerk, "topic": topic}


@pytest.fixture
def manager(client, played):
    """Signed in on `client`, on Wednesday."""
    user = make_user(group=roles.MANAGER)
    client.force_login(user)
    return user


def shown(client, **asked) -> dict[str, tables.Table]:
    page = client.get(PAGE, OF_THE_DAY | asked)
    assert page.status_code == 200
    return {table.key: table for table, _plot in page.context["tables"]}


def summary(found) -> dict[str, object]:
    return {row[0]: row[1] for row in found["summary"].rows}


# --- what it shows ---


def test_the_day_as_it_was(client, manager, played):
    for _stored_or_live in range(2):
        found = shown(client)

        of_all = summary(found)
        assert (of_all["บัตรคิวทั้งหมด"], of_all["ไม่ได้จอง"], of_all["มา"], of_all["เสร็จสิ้น"]) == (4, 1, 2, 2)
        assert (of_all["จองแล้วไม่มา"], of_all["ไม่มา"]) == (1, 33.3)
        assert [row[:4] for row in found["times"].rows] == [
            ["เวลารอ", 2, 12.0, 32.0],
            ["เวลาให้บริการ", 2, 4.0, 8.0],
            ["เวลาทั้งหมด", 2, 20.0, 36.0],
        ]
        # 12 of the 15 minutes that the one promises, 32 of the 30 of the other.
        assert [row[8] for row in found["departments"].rows] == [100.0, 0.0]
        assert found["refused"].rows == [["ช่วงเวลานี้เต็มแล้ว กรุณาเลือกเวลาอื่น", "ฝ่ายสินเชื่อ", 7]]
        assert found["visits"].rows == [["หน้าแรก", 30]]
        assert found["clerks"].rows[0][:2] == ["มาลี", 2]
        stored.rebuild()


def test_who_did_not_come_is_counted_of_the_tickets_that_ended():
    """Who checked in and then cancelled has come, and is no reason to tell a smaller share."""
    found = Figures()
    for name, count in {
        "served": 5,
        "no_shows": 2,
        "not_arrived": 3,
        "cancelled": 4,
        "still_open": 6,
        "came": 17,
    }.items():
        found.counts[name] = count

    assert found.share_not_come == 0.5


def test_the_heat_map_has_weekdays_down_and_hours_across(client, manager, played):
    heat = shown(client)["heat"]

    assert [row[0] for row in heat.rows] == ["อังคาร"]
    taken = dict(zip([str(column.title) for column in heat.columns], heat.rows[0], strict=True))
    assert taken["09.00"] > 0
    assert taken["13.00"] == 0


@pytest.mark.parametrize(
    ("asked", "tickets"),
    [({"weekday": "1"}, 4), ({"weekday": "2"}, 0), ({"hour": "9"}, 4), ({"hour": "15"}, 0)],
)
def test_it_is_narrowed_down(client, manager, played, asked, tickets):
    assert summary(shown(client, **asked))["บัตรคิวทั้งหมด"] == tickets


def test_of_one_department(client, manager, played):
    found = shown(client, department=played["money"].pk)

    assert summary(found)["บัตรคิวทั้งหมด"] == 1
    assert "refused" not in found


@pytest.mark.parametrize("is_stored", [True, False])
def test_of_one_topic(client, manager, played, is_stored):
    if is_stored:
        stored.rebuild()
    found = shown(client, topic=played["topic"].pk)

    of_all = summary(found)
    assert [of_all[name] for name in ("บัตรคิวทั้งหมด", "จองเอง", "เสร็จสิ้น", "จองแล้วไม่มา", "จองไป")] == [1, 1, 1, 0, 1]
    assert of_all["โควตา"] == summary(shown(client, department=played["loans"].pk))["โควตา"] > 1
    assert [row[:4] for row in found["times"].rows] == [
        ["เวลารอ", 1, 12.0, 12.0],
        ["เวลาให้บริการ", 1, 8.0, 8.0],
        ["เวลาทั้งหมด", 1, 20.0, 20.0],
    ]
    assert [row[:4] for row in found["departments"].rows] == [["ฝ่ายสินเชื่อ", 1, 0, 1]]
    assert [row[:3] for row in found["topics"].rows] == [["ขอกู้ฉุกเฉิน", "ฝ่ายสินเชื่อ", 1]]
    assert "causes" not in found
    assert shown(client, topic=played["topic"].pk, clerk=played["clerk"].pk)["summary"].rows[0][1] == 1


def test_the_topic_stands_in_the_title_in_the_files_and_on_paper(client, manager, played):
    of_topic = {"topic": played["topic"].pk}
    html = client.get(PAGE, OF_THE_DAY | of_topic).content.decode()

    assert "เรื่องที่ติดต่อ ขอกู้ฉุกเฉิน · ฝ่ายสินเชื่อ</h1>" in html
    assert f"topic={played['topic'].pk}&amp;table=departments&amp;as=csv" in html
    table = client.get(PAGE, OF_THE_DAY | of_topic | {"table": "departments", "as": "csv"}).content.decode("utf-8-sig")
    assert table.splitlines()[1].startswith("ฝ่ายสินเชื่อ,1,0,1,")
    book = load_workbook(io.BytesIO(client.get(PAGE, OF_THE_DAY | of_topic | {"as": "xlsx"}).content))
    assert book["สรุป"]["B2"].value == 1
    assert "เรื่องที่ติดต่อ ขอกู้ฉุกเฉิน" in client.get(PAGE, OF_THE_DAY | of_topic | {"as": "paper"}).content.decode()


@pytest.fixture
def message(played):
    ticket, now = Ticket.objects.get(topic=played["topic"]), AT_NINE
    Notice.objects.create(ticket=ticket, kind="issued", expires_at=now, created_at=now, next_try_at=now)


def noted(found) -> dict[str, list[str]]:
    return {key: table.notes for key, table in found.items() if table.notes}


def test_what_a_table_does_not_heed_stands_beside_it(client, manager, played, message):
    hours, topics = "ไม่แยกตามชั่วโมงที่เลือก นับทั้งวัน", "ไม่แยกตามเรื่องที่เลือก นับทุกเรื่อง"
    quota = "โควตาไม่แยกตามเรื่องที่เลือก เป็นของทั้งฝ่าย"
    hour, topic = {"hour": "9"}, {"topic": played["topic"].pk}

    assert noted(shown(client, weekday="1", department=played["loans"].pk)) == {}
    assert noted(shown(client, **hour)) == dict.fromkeys(("topics", "causes", "messages"), [hours])
    of_topic = dict.fromkeys(("summary", "departments", "days", "hours", "heat"), [quota])
    of_topic |= dict.fromkeys(("refused", "visits"), [topics])
    assert noted(shown(client, **topic)) == of_topic
    assert noted(shown(client, **hour, **topic)) == of_topic | dict.fromkeys(("topics", "messages"), [hours])
    assert noted(shown(client, clerk=played["clerk"].pk, **hour, **topic)) == {
        "summary": ["นับเฉพาะที่ทำที่ช่องหรือโดยเจ้าหน้าที่ที่เลือก บัตรคิวและข้อความเป็นของฝ่าย จึงไม่แสดง"]
    }


def test_what_is_noted_stands_on_the_page_on_paper_and_in_the_files(client, manager, played, message):
    noted = "ไม่แยกตามชั่วโมงที่เลือก นับทั้งวัน"
    for way in ("", "paper"):
        html = client.get(PAGE, OF_THE_DAY | {"hour": "9", "as": way}).content.decode()
        assert html.count(noted) == 3
    asked = {"hour": "9", "table": "causes", "as": "csv"}
    table = client.get(PAGE, OF_THE_DAY | asked).content.decode("utf-8-sig")
    assert table.splitlines()[-1] == noted


def test_the_tables_that_heed_everything_count_less_for_it(client, manager, played, message):
    """Each table either counts nothing of another hour, or says that it does not heed hours; so for topics."""
    another = make_topic(department=played["loans"], name="เรื่องอื่น")

    def numbers(table):
        return [cell for row in table.rows for cell in row[1:] if isinstance(cell, int | float) and cell]

    for narrowed in ({"hour": "20"}, {"topic": another.pk}):
        for key, table in shown(client, **narrowed).items():
            assert table.notes or not numbers(table), (narrowed, key)


def test_days_to_come_count_what_is_booked_for_them(client, manager, played):
    """The topics of a range and its tickets are of the same days."""
    tomorrow = in_days(1)
    ticket = make_ticket(department=played["loans"], days_ahead=1)
    Ticket.objects.filter(pk=ticket.pk).update(topic=played["topic"])

    found = shown(client, first=f"{tomorrow}", last=f"{tomorrow}")
    assert summary(found)["บัตรคิวทั้งหมด"] == summary(found)["ยังไม่สิ้นสุด"] == 1
    assert found["topics"].rows[0][2] == 1


@pytest.mark.parametrize("of", ["counter", "clerk"])
def test_of_somebody_only_what_they_did(client, manager, played, of):
    found = shown(client, **{of: played[of].pk})

    assert summary(found) == {"ให้บริการ": 2, "เรียกแล้วไม่พบ": 0}
    assert "heat" not in found
    assert shown(client, **{of: played[of].pk, "department": played["money"].pk})["summary"].rows[0][1] == 1


def test_months_stand_in_place_of_days_in_a_long_range(client, manager, played):
    found = shown(client, first="2026-06-01", last="2026-12-31")

    assert found["days"].title == "แต่ละเดือน"
    assert ["พฤศจิกายน 2569", 3] in [row[:2] for row in found["days"].rows]


def test_without_dates_it_is_this_month(client, manager, played):
    page = client.get(PAGE)

    assert page.context["range"] == "พฤศจิกายน 2569"
    assert "แต่ละวัน" in page.content.decode()


def test_what_is_drawn_needs_no_script_and_nothing_from_elsewhere(client, manager, played):
    html = client.get(PAGE, OF_THE_DAY).content.decode()
    drawn = html[html.index("<svg xmlns") : html.rindex("</svg>")]

    assert "การจอง" in drawn
    assert "<script" not in drawn
    assert "http" not in drawn.replace("http://www.w3.org/", "").replace("http://pygal.org", "").replace(
        "http://github.com/Kozea/pygal", ""
    )


def test_the_queries_are_as_many_for_years_as_for_a_day(client, manager, played, django_assert_max_num_queries):
    for first in ("2026-11-24", "2022-01-01"):
        for narrowed in ({}, {"topic": played["topic"].pk}):
            with django_assert_max_num_queries(38):
                client.get(PAGE, OF_THE_DAY | {"first": first} | narrowed)


# --- files and paper ---


def test_a_table_as_csv(client, manager, played):
    answer = client.get(PAGE, OF_THE_DAY | {"table": "departments", "as": "csv"})

    assert answer["Content-Disposition"] == 'attachment; filename="report-departments-2026-11-24-2026-11-24.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:3] == ["ฝ่าย", "การจอง", "ไม่ได้จอง"]
    assert rows[1][:4] == ["ฝ่ายสินเชื่อ", "3", "0", "1"]


def test_all_tables_as_xlsx_with_numbers_that_can_be_summed(client, manager, played):
    book = load_workbook(io.BytesIO(client.get(PAGE, OF_THE_DAY | {"as": "xlsx"}).content))

    assert book.sheetnames[:3] == ["สรุป", "เวลารอและเวลาให้บริการ", "แต่ละฝ่าย"]
    assert book["แต่ละฝ่าย"]["B2"].value == 3


def test_no_cell_is_a_formula(client, manager, played):
    played["clerk"].first_name = "=1+1"
    played["clerk"].save()

    csv_file = client.get(PAGE, OF_THE_DAY | {"table": "clerks", "as": "csv"}).content.decode("utf-8-sig")
    sheet = load_workbook(io.BytesIO(client.get(PAGE, OF_THE_DAY | {"table": "clerks", "as": "xlsx"}).content)).active

    assert "\n'=1+1," in csv_file.replace("\r", "")
    assert (sheet["A2"].value, sheet["A2"].data_type) == ("'=1+1", "s")


@pytest.mark.parametrize("asked", [{"as": "csv"}, {"as": "csv", "table": "nothing"}, {"as": "xlsx", "table": "x\0"}])
def test_a_file_that_is_none(client, manager, played, asked):
    assert client.get(PAGE, OF_THE_DAY | asked).status_code == 404


def test_on_paper_it_says_of_which_office_and_when(client, manager, played):
    html = client.get(PAGE, OF_THE_DAY | {"as": "paper", "department": played["loans"].pk}).content.decode()

    assert "วันอังคารที่ 24 พฤศจิกายน 2569" in html
    assert "สหกรณ์" in html
    assert "ฝ่าย ฝ่ายสินเชื่อ" in html
    assert "ทำเมื่อ วันพุธที่ 25 พฤศจิกายน 2569" in html


# --- who may ---


def test_a_head_sees_the_departments_that_are_theirs(client, played):
    head = make_user(group=roles.HEAD)
    StaffDepartment.objects.create(user=head, department=played["money"])
    client.force_login(head)

    found = shown(client)
    assert summary(found)["บัตรคิวทั้งหมด"] == 1
    assert [row[0] for row in found["departments"].rows] == ["ฝ่ายการเงิน"]
    assert "visits" not in found
    refused = client.get(PAGE, OF_THE_DAY | {"department": played["loans"].pk})
    assert "department" in refused.context["form"].errors
    of_topic = client.get(PAGE, OF_THE_DAY | {"topic": played["topic"].pk})
    assert "topic" in of_topic.context["form"].errors
    for page in (refused, of_topic):
        assert "ฝ่ายสินเชื่อ" not in page.content.decode()


@pytest.mark.parametrize(
    ("group", "status"),
    [(roles.AUDITOR, 200), (roles.MANAGER, 200), (roles.CLERK, 403), (roles.RECEPTION, 403)],
)
def test_who_may_open_it(client, group, status):
    client.force_login(make_user(group=group))

    assert client.get(PAGE).status_code == status


def test_it_is_only_read(client, manager):
    assert client.post(PAGE).status_code == 405


# --- questions that are none ---


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"first": "2026-11-25", "last": "2026-11-24"}, "วันสุดท้ายต้องไม่ก่อนวันแรก"),
        ({"first": "2016-11-25"}, "ดูได้ครั้งละไม่เกิน 5 ปี"),
        ({"first": "x"}, "กรอกวันที่เป็น วัน/เดือน/ปี"),
        ({"department": "99999999999999999999"}, "เลือก"),
        ({"counter": "x\0"}, "เลือก"),
        ({"topic": "99999999999999999999"}, "เลือก"),
        ({"weekday": "8"}, "เลือก"),
        ({"hour": "24"}, "เลือก"),
    ],
)
def test_a_question_that_is_none_is_told_and_kept(client, manager, asked, said):
    page = client.get(PAGE, OF_THE_DAY | asked)

    assert page.status_code == 200
    assert said in str(page.context["form"].errors)
    assert "ยังดูตามที่เลือกไม่ได้" in page.content.decode()


def test_dates_of_the_buddhist_era(client, manager, played):
    assert summary(shown(client, first="24/11/2569", last="24/11/2569"))["บัตรคิวทั้งหมด"] == 4


# --- in words ---


def test_each_figure_says_in_docs_what_it_says_on_the_page():
    docs = " ".join(Path("docs/figures.md").read_text().split())

    with translation.override("en"):
        missing = [name for name, means in tables.MEANS.items() if str(means) not in docs]
    assert missing == []


def test_a_range_in_words():
    assert reports.title_of(tables.Scope(dt.date(2026, 2, 1), dt.date(2026, 2, 28))) == "กุมภาพันธ์ 2569"
    assert reports.title_of(tables.Scope(dt.date(2026, 2, 1), dt.date(2026, 2, 27))) == (
        "อา. 1 ก.พ. 2569 ถึง ศ. 27 ก.พ. 2569"
    )
