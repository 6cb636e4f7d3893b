"""The set-up guide leads from an empty database to the first day that can be booked, and says what is missing."""

import pytest
from django.urls import reverse

from booking import roles
from booking.admin.missing import missing
from booking.days import availability
from booking.models import Counter, Department, StaffDepartment
from holidays.models import Holiday
from office.models import Change
from tests.factories import (
    make_counter,
    make_department,
    make_holiday,
    make_member,
    make_open_department,
    make_ticket,
    make_user,
)

pytestmark = pytest.mark.django_db

GUIDE = "admin:setup"
NEW = {
    "name": "ฝ่ายสินเชื่อ",
    "name_en": "Loans",
    "letter": "A",
    "slug": "",
    "hue": "teal",
    "weekdays": ["0", "1", "2", "3", "4"],
    "opens": "08:30",
    "closes": "15:30",
    "break_starts": "12:00",
    "break_ends": "13:00",
    "slot_minutes": "30",
    "quota": "4",
}


def said() -> str:
    return " / ".join(one["text"] for one in missing())


def test_from_nothing_to_a_day_that_can_be_booked(client):
    first = make_user(is_superuser=True)  # as `createsuperuser` leaves it
    client.force_login(first)
    assert "ยังไม่มีฝ่าย" in said()

    client.post(reverse("admin:setup_holidays"))
    assert Holiday.objects.filter(is_confirmed=True).count() > 10
    client.post(reverse("admin:setup_department"), NEW)
    department = Department.objects.get()
    assert (department.slug, department.position, department.waits_for_counter) == ("loans", 1, True)
    assert "ไม่มีช่องบริการใดเรียกคิวของฝ่าย A ได้" in said()
    assert "ฝ่ายสินเชื่อ" not in client.get("/").content.decode()

    client.post(reverse("admin:setup_counters"), {"count": "3"})
    make_member()

    assert missing() == []
    assert "ฝ่ายสินเชื่อ" in client.get("/").content.decode()
    first, last = availability.booking_window(department)
    assert any(day.free for day in availability.days(department, first, last))
    said_now = client.get(reverse(GUIDE)).content.decode()
    assert "สมาชิกจองได้แล้ว" in said_now
    assert "ครบแล้ว" not in said_now


def test_it_is_complete_once_the_trial_ticket_was_made(client, manager):
    department = make_open_department(letter="A")
    make_counter(departments=[department])
    make_holiday(days_ahead=20)
    clerk = make_user(group=roles.CLERK)
    member = make_member()
    Change.objects.create(name="phone", after="038 111 222", by=clerk)
    left = "สมาชิกจองได้แล้ว</b> ยังเหลือ: บัตรทดลอง</p>"
    assert left in client.get(reverse(GUIDE)).content.decode()

    make_ticket(member=member, department=department)

    said_now = client.get(reverse(GUIDE)).content.decode()
    assert "ครบแล้ว สมาชิกจองได้" in said_now
    assert "ยังเหลือ" not in said_now


def test_members_of_whom_nobody_is_registered_are_not_said_to_be_none():
    assert "ยังไม่มีสมาชิก จึงไม่มีใครจองได้" in said()
    make_member(is_registered=False)
    assert "ยังไม่มีสมาชิกที่สมัครไอเมมเบอร์แล้ว" in said()
    make_member()
    assert "ยังไม่มีสมาชิก" not in said()


def test_a_department_that_is_added_later_gets_the_same_steps(client, manager):
    counter = make_counter(departments=[make_open_department(letter="A", position=4, hue="teal")])
    page = client.get(reverse("admin:setup_department")).context["form"]
    proposed = {name: page[name].value() for name in ("letter", "hue")}
    assert proposed == {"letter": "B", "hue": "amber"}

    client.post(reverse("admin:setup_department"), NEW | proposed | {"name_en": "Legal", "counters": [counter.pk]})

    added = Department.objects.get(letter="B")
    assert (added.slug, added.position, added.waits_for_counter) == ("legal", 5, False)
    assert counter.department_ids()[-1] == added.pk


def test_a_name_for_the_address_is_one_that_nobody_has(client, manager):
    make_department(slug="loans")

    client.post(reverse("admin:setup_department"), NEW | {"letter": "B"})
    client.post(reverse("admin:setup_department"), NEW | {"letter": "C", "name_en": ""})

    assert set(Department.objects.values_list("slug", flat=True)) == {"loans", "loans-2", "department-c"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"letter": "a"}, "letter"),
        ({"name": ""}, "name"),
        ({"closes": "08:00"}, "closes"),
        ({"break_ends": ""}, "break_ends"),
        ({"quota": "400"}, "quota"),
        ({"weekdays": []}, "weekdays"),
        ({"slug": "ฝ่าย"}, "slug"),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(client, manager, changed, field):
    response = client.post(reverse("admin:setup_department"), NEW | changed)

    assert response.status_code == 200
    assert response.context["form"].errors[field]
    assert not Department.objects.exists()


def test_a_department_whose_clerks_have_others_is_called_by_nobody(client):
    served, other = make_open_department(letter="F"), make_open_department(letter="G")
    make_counter(departments=[served, other], clerk=make_user(group=roles.CLERK, is_active=False))
    make_member()
    clerk = make_user(group=roles.CLERK)
    assert missing() == []

    StaffDepartment.objects.create(user=clerk, department=other)

    assert said() == "ไม่มีเจ้าหน้าที่คนใดเรียกคิวของฝ่าย F ได้"


def test_the_office_may_open_a_department_before_it_has_a_counter(client, manager):
    client.post(reverse("admin:setup_department"), NEW)
    department = Department.objects.get()
    page = client.get(reverse("admin:booking_department_change", args=[department.pk])).context["adminform"].form
    data = {name: value for name, value in page.initial.items() if value is not None and value is not False}
    data |= {f"{part}-{what}_FORMS": "0" for part in ("hours", "topics") for what in ("TOTAL", "INITIAL")}
    data.pop("waits_for_counter", None)

    client.post(reverse("admin:booking_department_change", args=[department.pk]), data)

    assert Department.objects.active().get() == department
    assert department.slots.filter(places__isnull=False).exists()


def test_counters_are_added_once(client, manager):
    make_open_department()
    client.post(reverse("admin:setup_counters"), {"count": "2"})
    client.post(reverse("admin:setup_counters"), {"count": "3"})

    assert list(Counter.objects.values_list("number", flat=True)) == [1, 2, 3]
    assert client.post(reverse("admin:setup_counters"), {"count": "9999"}).status_code == 200
    assert Counter.objects.count() == 3


def test_holidays_are_brought_in_by_the_page_that_asks_where_tickets_are_booked(client, manager):
    make_ticket()
    client.post(reverse("admin:setup_holidays"))

    assert not Holiday.objects.exists()
    make_holiday(days_ahead=9)
    assert client.get(reverse("admin:setup_holidays")).status_code == 200


@pytest.mark.parametrize("role", [roles.CLERK, roles.HEAD, roles.AUDITOR])
@pytest.mark.parametrize("page", ["setup", "setup_holidays", "setup_department", "setup_counters"])
def test_others_do_not_set_up(client, role, page):
    client.force_login(make_user(group=role))

    assert client.get(reverse(f"admin:{page}")).status_code == 403
    assert client.post(reverse(f"admin:{page}"), NEW | {"count": "2"}).status_code == 403
    assert not Department.objects.exists()
    assert not Counter.objects.exists()


def test_the_first_page_of_an_empty_office_leads_to_the_guide_and_says_it_once(client, manager):
    warned = [warning["text"] for warning in client.get(reverse("admin:index")).context["warnings"]]

    assert "ระบบยังว่าง" in warned
    assert "ยังไม่มีฝ่าย" not in warned, "the same in other words"


def test_the_first_page_says_what_is_missing(client, manager):
    client.post(reverse("admin:setup_department"), NEW)

    warned = [warning["text"] for warning in client.get(reverse("admin:index")).context["warnings"]]

    assert "ไม่มีช่องบริการใดเรียกคิวของฝ่าย A ได้" in warned
    assert "ระบบยังว่าง" not in warned
    assert len(set(warned)) == len(warned)
