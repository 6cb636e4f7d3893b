"""Departments, their hours and the dates that differ, as staff keep them."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import verbs
from booking.models import Department, OpeningHours, Slot
from tests.factories import (
    in_days,
    make_department,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_topic,
)

pytestmark = pytest.mark.django_db


FIELDS = [field.name for field in Department._meta.fields if field.name not in ("id", "slug", "letter")]


def form_of(department, *, hours=None, topics=(), **changed) -> dict:
    """What the page of a department sends when these things are changed in it."""
    data = {"slug": department.slug, "letter": department.letter}
    for name in FIELDS:
        value = getattr(department, name)
        data[name] = "" if value is None else value
    data = {name: value for name, value in (data | changed).items() if value is not False}
    hours = [hours_row(rule) for rule in department.hours.all()] if hours is None else hours
    known = department.hours.count() if department.pk else 0
    data |= formset("topics", topics, initial=sum(bool(row.get("id")) for row in topics))
    return data | formset("hours", hours, initial=min(known, len(hours)))


def hours_row(rule, **changed) -> dict:
    row = {"weekday": rule.weekday, "opens": rule.opens, "closes": rule.closes, "quota": rule.quota}
    row |= {"break_starts": rule.break_starts or "", "break_ends": rule.break_ends or ""}
    row |= {"from_date": rule.from_date or ""} | ({"is_open": "on"} if rule.is_open else {})
    row |= {"slot_minutes": rule.slot_minutes, "id": rule.pk or "", "department": rule.department_id or ""}
    return row | changed


def formset(prefix, rows, *, initial) -> dict:
    data = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for nth, row in enumerate(rows):
        data |= {f"{prefix}-{nth}-{name}": value for name, value in row.items()}
    return data


def save(client, department, **changed):
    address = reverse("admin:booking_department_change", args=[department.pk])
    return client.post(address, form_of(department, **changed), follow=True)


def test_a_new_department_starts_with_monday_to_friday(client, manager):
    address = reverse("admin:booking_department_add")
    proposed = client.get(address).context["inline_admin_formsets"][0].formset.forms
    assert [form["weekday"].value() for form in proposed] == [0, 1, 2, 3, 4]
    new = Department(slug="estates", letter="F", name="ฝ่ายที่ดิน")
    rows = [hours_row(OpeningHours(weekday=weekday, department=None)) for weekday in range(5)]

    client.post(address, form_of(new, hours=rows), follow=True)

    department = Department.objects.get(slug="estates")
    assert department.hours.count() == 5
    weekdays = {slot.date.weekday() for slot in department.slots.all()}
    assert weekdays == {0, 1, 2, 3, 4}


def test_every_setting_of_a_department_is_on_its_page(client, manager):
    page = client.get(reverse("admin:booking_department_change", args=[make_department().pk]))
    settings = {field.name for field in Department._meta.fields if field.editable and not field.primary_key}
    assert set(page.context["adminform"].form.fields) == settings


def test_changed_hours_change_the_days_at_once(client, manager):
    department = make_open_department(weekdays=[in_days(1).weekday()], quota=4)
    [rule] = department.hours.all()

    save(client, department, hours=[hours_row(rule, quota=6, closes="12:00")])

    slots = Slot.objects.of_day(department, in_days(1))
    assert [(slot.quota, slot.places.count()) for slot in slots] == [(6, 6)] * 7


@pytest.mark.parametrize(
    ("change", "field"),
    [({"closes": "08:00"}, "closes"), ({"break_starts": "12:00"}, "break_ends"), ({"quota": 40}, "quota")],
)
def test_hours_that_cannot_work_are_told_beside_their_field(client, manager, change, field):
    department = make_open_department(weekdays=[0])
    [rule] = department.hours.all()

    page = save(client, department, hours=[hours_row(rule, **change)])

    [errors] = page.context["inline_admin_formsets"][0].formset.errors
    assert list(errors) == [field]
    rule.refresh_from_db()
    assert rule.quota == 4


def test_two_rows_of_one_weekday(client, manager):
    department = make_open_department(weekdays=[0])
    [rule] = department.hours.all()
    again = hours_row(OpeningHours(weekday=0, department=department))

    save(client, department, hours=[hours_row(rule), again])

    assert department.hours.count() == 1


def test_two_rows_change_their_weekdays_with_each_other(client, manager):
    department = make_open_department(weekdays=[0, 1])
    monday, tuesday = department.hours.order_by("weekday")
    OpeningHours.objects.filter(pk=tuesday.pk).update(quota=9)
    rows = [hours_row(monday, weekday=1), hours_row(tuesday, weekday=0, quota=9)]

    answer = save(client, department, hours=rows)

    assert answer.redirect_chain
    assert list(department.hours.order_by("weekday").values_list("pk", "quota")) == [
        (tuesday.pk, 9),
        (monday.pk, monday.quota),
    ]
    assert set(department.hours.values_list("from_date", flat=True)) == {None}
    assert monday.history.first().history_type == "~"


def test_a_weekday_that_a_row_outside_the_form_has(client, manager):
    """A colleague added it meanwhile."""
    department = make_open_department(weekdays=[0])
    row = hours_row(department.hours.get())
    form = form_of(department, hours=[row, hours_row(OpeningHours(weekday=5, department=department), id="")])
    colleagues = OpeningHours.objects.get(department=department)
    colleagues.pk, colleagues.weekday = None, 5
    colleagues.save()

    answer = client.post(reverse("admin:booking_department_change", args=[department.pk]), form)

    assert answer.status_code == 200
    assert "ฝ่ายนี้มีเวลาทำการของวันนี้ที่เริ่มใช้วันเดียวกันแล้ว" in answer.content.decode()
    assert department.hours.count() == 2


def test_a_quota_below_what_is_booked_names_the_slots_with_their_tickets(client, manager):
    department = make_open_department(weekdays=[in_days(1).weekday()], quota=3)
    slot = make_slot(department=department, nth=2)
    for _ in range(3):
        make_ticket(slot=slot)
    [rule] = department.hours.all()

    page = save(client, department, hours=[hours_row(rule, quota=2)]).content.decode()

    assert "09.30 น. (3/2)" in page
    tickets = f"{reverse('admin:booking_ticket_changelist')}?slot__id__exact={slot.pk}"
    assert f'href="{tickets}"' in page
    assert len(client.get(tickets).context["cl"].result_list) == 3
    assert client.get(reverse("admin:booking_slot_changelist"), {"overfull": 1}).context["cl"].result_count == 1


def test_a_quota_beyond_the_numbers_laid_out_says_until_when(client, manager):
    department = make_open_department(weekdays=[in_days(1).weekday()], quota=4, closes=dt.time(9))
    [rule] = department.hours.all()

    page = save(client, department, hours=[hours_row(rule, quota=50)]).content.decode()

    assert "ยังไม่ถึงโควตาใหม่" in page
    rule.refresh_from_db()
    assert rule.quota == 50


@pytest.mark.parametrize("how", ["switched off", "hours"])
def test_closing_a_time_that_has_tickets_leads_to_them(client, manager, how):
    department = make_open_department(weekdays=[in_days(1).weekday()])
    ticket = make_ticket(slot=make_slot(department=department, nth=0))
    [rule] = department.hours.all()
    changes = {
        "switched off": {"is_active": False},
        "hours": {"hours": [hours_row(rule, opens="10:00")]},
    }

    page = save(client, department, **changes[how])

    assert page.redirect_chain[-1][0].startswith(reverse("admin:booking_ticket_closed"))
    assert page.context["stranded"] == [ticket]


def test_what_stands_on_tickets_is_fixed_once_there_are_some(client, manager):
    department = make_open_department()
    address = reverse("admin:booking_department_change", args=[department.pk])
    assert "letter" in client.get(address).context["adminform"].form.fields

    make_ticket(slot=make_slot(department=department))
    save(client, department, letter="Z", slug="other")

    department.refresh_from_db()
    assert department.letter != "Z"
    assert department.slug != "other"


def test_the_week_is_said_in_runs_of_days(client, manager):
    department = make_open_department(weekdays=[0, 1, 2, 5])
    department.hours.filter(weekday=5).update(closes=dt.time(12))

    page = client.get(reverse("admin:booking_department_changelist")).content.decode()

    assert "จันทร์-พุธ 08.30-15.30 · เสาร์ 08.30-12.00" in page


def test_new_hours_begin_next_month(client, manager):
    department = make_open_department(weekdays=range(7), opens=dt.time(9), closes=dt.time(12), max_days_ahead=40)
    begins = in_days(20)
    rows = [hours_row(rule) for rule in department.hours.all()]
    new = OpeningHours(weekday=begins.weekday(), from_date=begins, opens=dt.time(13), closes=dt.time(16))
    closed = OpeningHours(weekday=in_days(22).weekday(), from_date=begins, is_open=False)

    save(client, department, hours=[*rows, hours_row(new, id=""), hours_row(closed, id="")])

    def starts(days_ahead):
        return [
            f"{timezone.localtime(slot.starts_at):%H.%M}" for slot in department.slots.filter(date=in_days(days_ahead))
        ]

    assert starts(20 - 7)[0] == "09.00"
    assert starts(20)[0] == starts(27)[0] == "13.00"
    assert starts(21)[0] == "09.00"
    assert starts(22 - 7)
    assert starts(22) == []
    page = client.get(reverse("admin:booking_department_changelist")).content.decode()
    assert "จันทร์-อาทิตย์ 09.00-12.00" in page


def test_history_says_who_changed_what_in_words(client, manager):
    department = make_open_department()
    save(client, department, is_active=False)

    page = client.get(reverse("admin:booking_department_history", args=[department.pk])).content.decode()

    assert manager.username in page
    assert "เปิดใช้งาน" in page
    assert "ไม่ใช่" in page


def topic_row(**values) -> dict:
    names = ("name_en", "minutes", "bring", "bring_en", "online_url", "active_from", "active_until", "id")
    return dict.fromkeys(names, "") | {"share": 0, "position": 0} | values


def test_topics_are_kept_with_their_department(client, manager):
    department = make_open_department()
    save(client, department, topics=[topic_row(name="ขอกู้สามัญ", minutes=60, bring="สลิปเงินเดือน")])
    topic = department.topics.get()
    assert (topic.name, topic.minutes, topic.things_to_bring) == ("ขอกู้สามัญ", 60, ["สลิปเงินเดือน"])
    assert topic.history.count() == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"minutes": 0}, "มากกว่าหรือเท่ากับ 1"),
        ({"share": 101}, "น้อยกว่าหรือเท่ากับ 100"),
        ({"online_url": "javascript:alert(1)"}, "URL"),
        ({"active_from": "2026-12-01", "active_until": "2026-11-01"}, "วันสุดท้ายต้องไม่มาก่อนวันแรก"),
    ],
)
def test_what_a_topic_cannot_have_is_said_beside_it(client, manager, values, said):
    department = make_open_department()
    page = save(client, department, topics=[topic_row(name="ขอกู้สามัญ", **values)])
    assert said in page.content.decode()
    assert not department.topics.exists()


def test_a_topic_somebody_booked_for_is_ended_not_deleted(client, manager):
    department = make_open_department()
    topic = make_topic(department=department)
    verbs.book(
        member_id=make_member().pk, slot_id=make_slot(department=department).pk, topic_id=topic.pk, key="of-the-topic"
    )
    row = topic_row(name=topic.name, id=topic.pk, DELETE="on")
    save(client, department, topics=[row])
    assert department.topics.exists()
