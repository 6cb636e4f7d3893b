"""LINE accounts in the back office: codes for who stands at the counter, and links that staff end."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from booking import roles
from members import line_accounts
from members.models import LineAccount, LinkingCode
from tests.factories import make_member, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:members_member_line")
USER = "U" + "1" * 32


@pytest.fixture(params=[roles.CLERK, roles.MANAGER])
def staff(request, client):
    user = make_user(group=request.param)
    client.force_login(user)
    return user


def code_on(page) -> str:
    return re.search(r'class="office-code">([0-9 ]+)<', page.content.decode())[1]


def test_a_code_is_shown_once_and_links(client, staff, settings):
    settings.LINE_LINK_PROOF = "code"
    member = make_member(given_name="เพ็ญศรี")
    page = client.post(PAGE, {"member_number": member.member_number})
    assert member.masked_name in text(page)
    assert "เพ็ญศรี" not in page.content.decode()
    assert not LinkingCode.objects.exists(), "looking hands out nothing"

    code = code_on(client.post(PAGE, {"member_number": member.member_number, "do": "code"}))

    assert LinkingCode.objects.get().issued_by == staff
    assert code not in client.post(PAGE, {"member_number": member.member_number}).content.decode()
    _, token = line_accounts.claim(user_id=USER, member_number=member.member_number, address="203.0.113.7")
    line_accounts.link(user_id=USER, token=token, code=code, address="203.0.113.7")
    assert LogEntry.objects.filter(user=staff, object_id=member.pk).exists()


def test_staff_end_a_link(client, staff):
    member = make_member()
    LineAccount.objects.create(member=member, user_id=USER, linked_at=timezone.now(), proved_by="code")
    assert "ผูกแล้วเมื่อ" in text(client.post(PAGE, {"member_number": member.member_number}))
    page = client.post(PAGE, {"member_number": member.member_number, "do": "unlink"})
    assert "ยังไม่ได้ผูก" in text(page)
    assert not LineAccount.objects.exists()
    assert USER not in page.content.decode()


def test_by_get_nothing_is_done(client, staff):
    member = make_member()
    LineAccount.objects.create(member=member, user_id=USER, linked_at=timezone.now(), proved_by="code")
    for do in ("code", "unlink"):
        client.get(PAGE, {"member_number": member.member_number, "do": do})
    assert LineAccount.objects.exists()
    assert not LinkingCode.objects.exists()


@pytest.mark.parametrize("number", ["", "999999", "กขค", "\x00"])
def test_a_number_that_is_none(client, staff, number):
    page = client.post(PAGE, {"member_number": number, "do": "code"})
    assert page.status_code == 200
    assert not LinkingCode.objects.exists()


def test_others_hand_out_nothing(client):
    member = make_member()
    form = {"member_number": member.member_number, "do": "code"}
    assert client.post(PAGE, form).status_code == 302
    client.force_login(make_user())
    assert client.post(PAGE, form).status_code == 403
    assert not LinkingCode.objects.exists()
