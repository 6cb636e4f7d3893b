"""Departments go from one office to another as a file: looked at first, all or nothing."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from booking import roles
from booking.days import departments_file
from booking.days.departments_file import CannotRead
from booking.models import Department, DepartmentDay, OpeningHours, Place, QueueVersion, Slot
from tests.factories import make_counter, make_open_department, make_ticket, make_user

pytestmark = pytest.mark.django_db

IMPORT = "admin:booking_department_import"


@pytest.fixture
def file():
    """What an office with two departments exports; then this office is empty."""
    make_open_department(
        slug="loans",
        letter="A",
        name="ฝ่ายสินเชื่อ",
        bring="บัตรประชาชน\nสลิป",
        max_days_ahead=14,
        alarm_messages_minutes=25,
        alarm_surge_times=3,
    )
    make_open_department(slug="finance", letter="B", name="ฝ่ายการเงิน", weekdays=[0, 1])
    text = departments_file.written()
    for model in (Place, Slot, DepartmentDay, QueueVersion, OpeningHours, Department):
        model.objects.all().delete()
    return json.loads(text)


def look(client, content):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client.post(reverse(IMPORT), {"file": SimpleUploadedFile("departments.json", content)})


def confirm(client, response):
    return client.post(reverse(IMPORT), {"seen": response.context["seen"], "confirm": "1"})


def test_a_second_office_starts_from_the_first_s(client, manager, file):
    response = look(client, file)
    assert not Department.objects.exists()  # only looked at
    assert "ฝ่ายสินเชื่อ" in response.content.decode()

    confirm(client, response)

    loans = Department.objects.get(slug="loans")
    assert (loans.letter, loans.bring, loans.max_days_ahead) == ("A", "บัตรประชาชน\nสลิป", 14)
    assert (loans.alarm_messages_minutes, loans.alarm_surge_times) == (25, 3)
    assert loans.waits_for_counter
    assert OpeningHours.objects.filter(department__slug="finance").count() == 2
    again = json.loads(departments_file.written())
    assert again["departments"] == file["departments"]


def test_it_opens_with_its_counters(client, manager, file):
    confirm(client, look(client, file))
    counter = make_counter()
    loans = Department.objects.get(slug="loans")
    client.post(reverse("admin:setup_counters"), {f"c{counter.pk}_d{loans.pk}": "1"})

    assert list(Department.objects.active()) == [loans]
    assert loans.slots.filter(places__isnull=False).exists()


def test_what_is_there_is_changed_and_the_rest_stays(client, manager, file):
    other = make_open_department(slug="legal", letter="C", name="ฝ่ายกฎหมาย")
    loans = make_open_department(slug="loans", letter="A", name="สินเชื่อเดิม", weekdays=range(7))
    file["departments"][0]["hours"] = file["departments"][0]["hours"][:3]
    response = look(client, file)
    said = response.content.decode()
    assert "สินเชื่อเดิม" in said
    assert "ฝ่ายสินเชื่อ" in said

    confirm(client, response)

    loans.refresh_from_db()
    assert loans.name == "ฝ่ายสินเชื่อ"
    assert not loans.waits_for_counter  # it was open, and stays so
    assert loans.hours.count() == 3
    assert other.hours.count() == 7
    assert loans.history.first().history_user == manager


def test_the_same_file_twice_changes_nothing(client, manager, file):
    confirm(client, look(client, file))

    response = look(client, file)

    assert not response.context["changes"]
    assert departments_file.carry_out(departments_file.plan(json.dumps(file))) == []


def test_a_change_between_look_and_press_is_shown_again(client, manager, file):
    response = look(client, file)
    make_open_department(slug="loans", letter="A", name="มาก่อน")

    answer = confirm(client, response)

    assert "ข้อมูลเปลี่ยนไป" in answer.content.decode()
    assert Department.objects.get().name == "มาก่อน"


def changed(**values):
    return lambda file: file["departments"][0].update(values)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (changed(letter="aa"), "อักษร A ถึง Z"),
        (changed(letter="B"), "อักษร B เป็นของ"),
        (changed(max_days_ahead=9999), "180"),
        (changed(max_days_ahead="มาก"), "จองล่วงหน้าได้ไม่เกิน"),
        (changed(max_days_ahead=float("inf")), "อ่านไม่ได้"),
        (changed(min_days_ahead=20), "จำนวนวันที่จองล่วงหน้า"),
        (changed(name=["x"]), "อ่านไม่ได้"),
        (changed(name="\0"), "ใช้ไม่ได้"),
        (changed(name="\ud800"), "ใช้ไม่ได้"),
        (changed(name=""), "ชื่อฝ่าย"),
        (changed(hue="pink"), "สีประจำฝ่าย"),
        (changed(id=1), "ไม่รู้จักช่อง id"),
        (changed(waits_for_counter=False), "ไม่รู้จักช่อง"),
        (changed(hours="จันทร์"), "อ่านไม่ได้"),
        (changed(hours=[{"weekday": 9}]), "วัน"),
        (changed(hours=[{"weekday": 1}, {"weekday": 1}]), "ซ้ำกัน"),
        (changed(hours=[{"weekday": 1, "opens": "16:00"}]), "เวลาปิด"),
        (changed(hours=[{"weekday": 1, "opens": 7}]), "อ่านไม่ได้"),
        (changed(hours=[{"weekday": 1, "quota": 400}]), "500"),
    ],
)
def test_a_file_with_a_fault_changes_nothing(client, manager, file, spoil, said):
    spoil(file)

    response = look(client, file)

    assert response.status_code == 200
    assert said in response.content.decode()
    confirm(client, response)
    assert not Department.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"[]",
        b"null",
        b'{"format": "queuesite.departments", "version": 99, "departments": []}',
        b'{"format": "queuesite.departments", "version": 1, "departments": []}',
        b'{"format": "queuesite.departments", "version": 1, "departments": [1]}',
        b'{"format": "queuesite.departments", "version": 1, "departments": [{"name": "x"}]}',
        b"[" * 100_000,
        b"x" * (1024 * 1024 + 1),
    ],
)
def test_what_is_no_such_file_is_refused_with_a_sentence(client, manager, content):
    response = look(client, content)

    assert response.status_code == 200
    assert response.context["fault"]


def test_a_letter_that_stands_on_tickets_stays(client, manager, file):
    ticket = make_ticket(department=make_open_department(slug="loans", letter="Z"))

    response = look(client, file)

    assert "เปลี่ยนอักษรนำหมายเลขไม่ได้" in response.content.decode()
    ticket.department.refresh_from_db()
    assert ticket.department.letter == "Z"


def test_tickets_in_hours_that_are_gone_are_shown(client, manager, file):
    ticket = make_ticket(department=make_open_department(slug="loans", letter="A"))
    file["departments"][0]["hours"] = []

    answer = confirm(client, look(client, file))

    assert answer["Location"] == reverse("admin:booking_ticket_closed")
    ticket.refresh_from_db()
    assert ticket.is_live


@pytest.mark.parametrize("departments", [None, 7, ["loans"]])
def test_a_file_without_a_list_of_departments_is_none_of_ours(departments):
    sent = {"format": departments_file.FORMAT, "version": departments_file.VERSION, "departments": departments}
    with pytest.raises(CannotRead, match="ไม่มีรายการของฝ่าย"):
        departments_file.plan(json.dumps(sent))


def test_what_would_change_is_said_as_the_forms_say_it():
    make_open_department(slug="loans", letter="A", calls_early=True)
    sent = json.loads(departments_file.written())
    loans = sent["departments"][0]
    loans["calls_early"] = False
    monday = loans["hours"].pop(0)
    assert monday["weekday"] == 0

    [planned] = departments_file.plan(json.dumps(sent))

    flag, gone = planned.differences
    assert (flag.before, flag.after) == ("ใช่", "ไม่ใช่")
    assert gone.before.startswith("วันจันทร์ · ")
    assert gone.after == ""


def test_a_long_name_of_an_unknown_field_is_cut(file):
    file["departments"][0]["x" * 1000] = 1
    [fault] = departments_file.plan(json.dumps(file))[0].faults
    assert fault == f"ไม่รู้จักช่อง {'x' * 40} ในไฟล์"


def test_no_file_was_chosen(client, manager):
    assert "กรุณาเลือกไฟล์" in client.post(reverse(IMPORT)).content.decode()
    assert client.post(reverse(IMPORT), {"seen": "forged", "confirm": "1"}).status_code == 200
    with pytest.raises(CannotRead):
        departments_file.plan("1")


@pytest.mark.parametrize(("role", "reads"), [(roles.AUDITOR, True), (roles.HEAD, False), (roles.CLERK, False)])
def test_others_bring_nothing_in(client, role, reads, file):
    client.force_login(make_user(group=role))

    assert client.get(reverse(IMPORT)).status_code == 403
    assert look(client, file).status_code == 403
    assert (client.get(reverse("admin:booking_department_export")).status_code == 200) is reads
    assert not Department.objects.exists()
