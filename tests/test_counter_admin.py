"""Counters in the back office."""

import pytest
from django.urls import reverse

from booking.models import Counter
from booking.roles import CLERK
from tests.factories import make_counter, make_department, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db


def form(*rows, number=6):
    """The form of a counter that serves these departments, in this order."""
    data = {"number": number, "is_active": "on", "serves-TOTAL_FORMS": len(rows), "serves-INITIAL_FORMS": 0}
    for nth, department in enumerate(rows):
        data |= {f"serves-{nth}-position": len(rows) - nth, f"serves-{nth}-department": department.pk}
    return data


def test_a_counter_with_its_departments_in_order(client, manager):
    last, first = make_department(name="ฝ่ายการเงิน"), make_department(name="ฝ่ายสินเชื่อ")

    answer = client.post(reverse("admin:booking_counter_add"), form(last, first))

    assert answer.status_code == 302, text(answer)
    assert Counter.objects.get(number=6).department_ids() == [first.pk, last.pk]
    assert "ฝ่ายสินเชื่อ · ฝ่ายการเงิน" in text(client.get(reverse("admin:booking_counter_changelist")))


def test_a_department_stands_there_once(client, manager):
    department = make_department()
    answer = client.post(reverse("admin:booking_counter_add"), form(department, department))
    assert answer.status_code == 200
    assert not Counter.objects.exists()


def test_who_sits_there_is_shown_and_not_changed(client, manager):
    counter = make_counter(clerk=make_user(first_name="อรุณี"), number=6)
    clerk = counter.clerk
    address = reverse("admin:booking_counter_change", args=[counter.pk])
    assert "อรุณี" in text(client.get(address))

    client.post(address, form() | {"clerk": manager.pk, "clerk_": manager.pk})

    counter.refresh_from_db()
    assert counter.clerk == clerk


def test_a_counter_is_switched_off_and_not_deleted(client, manager):
    counter = make_counter()
    assert client.post(reverse("admin:booking_counter_delete", args=[counter.pk]), {"post": "yes"}).status_code == 403


def test_clerks_do_not_change_counters(client):
    client.force_login(make_user(group=CLERK))
    assert client.get(reverse("admin:booking_counter_changelist")).status_code == 403


def test_the_sidebar_leads_to_the_console_and_to_the_counters(client, manager):
    page = client.get(reverse("admin:index")).content.decode()
    assert f'href="{reverse("counters")}"' in page
    assert f'href="{reverse("admin:booking_counter_changelist")}"' in page
