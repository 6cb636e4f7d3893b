"""What was deleted of the audit, on a page of the back office."""

import datetime as dt

import pytest
from axes.models import AccessLog
from django.urls import reverse
from django.utils import timezone

from booking import retention, roles, verbs
from booking.models import Erasure
from tests.factories import make_member, make_user

PAGE = "admin:booking_erasure_changelist"


@pytest.fixture
def erased(db):
    """A member who asked, and a log-in whose time was over. Gives the member's number in the database."""
    member = make_member(given_name="สมหญิง")
    pk = member.pk
    verbs.erase_member(member=member, by=make_user(first_name="มานี", last_name="ใจดี"))
    AccessLog.objects.create(username="clerk", ip_address="192.0.2.1")
    AccessLog.objects.update(attempt_time=timezone.now() - dt.timedelta(days=4000))
    retention.forget_old()
    return pk


@pytest.mark.parametrize("role", [roles.MANAGER, roles.AUDITOR])
def test_it_says_what_when_how_many_and_by_whom(client, erased, role):
    client.force_login(make_user(group=role))
    page = client.get(reverse(PAGE)).content.decode()
    for said in ("สมาชิกที่ขอให้ลบข้อมูล", "มานี ใจดี", "การเข้าสู่ระบบที่เก็บครบเวลา", "ระบบ", "พ.ย. 2569"):
        assert said in page, said
    assert "สมหญิง" not in page
    assert f'href="{reverse(PAGE)}"' in client.get(reverse("admin:index")).content.decode(), "in the sidebar"


def test_nobody_changes_it(client, erased):
    client.force_login(make_user(is_superuser=True))
    one = Erasure.objects.first()
    for name in ("change", "delete"):
        assert client.post(reverse(f"admin:booking_erasure_{name}", args=[one.pk]), {"count": 0}).status_code == 403
    assert client.post(reverse("admin:booking_erasure_add"), {"count": 0}).status_code == 403
    assert "member_id" not in client.get(reverse("admin:booking_erasure_change", args=[one.pk])).content.decode()


def test_who_deleted_by_hand_is_not_passed_off_as_the_system(client, erased):
    from django.db import connection

    member = make_member()
    pk = member.pk
    member.delete()
    connection.cursor().execute("SELECT set_config('queue.by', '', true), booking_forget_member(%s)", [pk])
    client.force_login(make_user(group=roles.AUDITOR))
    assert "ไม่ได้บันทึก" in client.get(reverse(PAGE)).content.decode()


def test_a_clerk_does_not_see_it(client, erased):
    client.force_login(make_user(group=roles.CLERK))
    assert client.get(reverse(PAGE)).status_code == 403
