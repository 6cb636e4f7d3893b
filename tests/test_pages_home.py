"""The first page: what a member may do, and in which language."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse

from booking.models import DepartmentDay
from tests.factories import make_department, make_open_department, make_ticket
from tests.pages import hold, text

pytestmark = pytest.mark.django_db

BEFORE_CLOSING = dt.datetime.fromisoformat("2026-11-25T15:29:00+07:00")
AT_CLOSING = dt.datetime.fromisoformat("2026-11-25T15:30:00+07:00")


def test_each_department_says_what_it_is_for(client):
    department = make_department(name="ฝ่ายกฎหมาย", description="ปรับโครงสร้างหนี้", letter="D", hue="rose")
    make_department(name="ฝ่ายที่เลิกแล้ว", is_active=False)

    page = client.get("/")

    assert "ฝ่ายกฎหมาย ปรับโครงสร้างหนี้" in text(page)
    assert "ฝ่ายที่เลิกแล้ว" not in text(page)
    assert 'class="stub hue-rose"' in page.content.decode()
    assert reverse("identify", args=[department.slug]) in page.content.decode()
    assert "ขั้นตอนที่ 3 จาก 6" in text(page)


def test_whether_a_department_is_open_today(client):
    with time_machine.travel(BEFORE_CLOSING):
        make_department(name="ปิดอยู่")
        make_open_department(name="เปิดอยู่", closes=dt.time(15, 30))
        said = text(client.get("/"))
    assert "เปิดอยู่ วันนี้เปิด" in said
    assert "ปิดอยู่ วันนี้ปิด" in said

    with time_machine.travel(AT_CLOSING):
        said = text(client.get("/"))
    assert "เปิดอยู่ วันนี้ปิดแล้ว" in said


def test_the_tickets_of_this_device_come_first(client):
    mine, other = make_ticket(days_ahead=2), make_ticket(days_ahead=2)
    hold(client, mine)

    said = text(client.get("/"))

    assert mine.code in said
    assert other.code not in said
    assert said.index(mine.code) < said.index("เลือกฝ่ายที่ต้องการ", said.index("บัตรคิวของฉัน"))


def test_english_by_the_switch_and_thai_otherwise(client):
    make_department(name="ฝ่ายการเงิน", name_en="Finance")

    # A telephone set to English is no wish for English pages.
    assert "ฝ่ายการเงิน" in text(client.get("/", headers={"Accept-Language": "en"}))

    answer = client.post(reverse("set_language"), {"language": "en", "next": "/"})
    assert answer["Location"] == "/"
    page = client.get("/")
    assert "Finance" in text(page)
    assert '<html lang="en">' in page.content.decode()


def test_a_page_that_does_not_exist_says_where_to_go(client):
    answer = client.get("/nothing/here/")
    assert answer.status_code == 404
    assert "ไม่พบหน้านี้" in text(answer)
    assert client.get("/book/no-such-department/").status_code == 404
    assert client.get("/book/no-such-department/days/2026-02-30/").status_code == 404


def test_a_fault_of_ours_says_what_to_do(client, monkeypatch):
    def fail(date):
        raise ZeroDivisionError

    monkeypatch.setattr(DepartmentDay.objects, "on", fail)
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.status_code == 500
    assert "กรุณาลองใหม่ในอีกสักครู่" in text(answer)
    assert "Please try again" in text(answer)
