"""Status check: registered in i-member or not, and the ways on."""

import re

import pytest
from django.urls import reverse

from tests.factories import make_member
from tests.pages import text

pytestmark = pytest.mark.django_db


def check(client, **form):
    return client.post(reverse("status"), form)


def test_a_registered_member_may_book(client):
    answer = check(client, by="member_number", member_number=make_member().member_number)
    assert "สมัครไอเมมเบอร์แล้ว" in text(answer)
    assert "ทำอย่างไรต่อ" not in text(answer)


def test_the_others_are_told_the_three_ways_on_and_the_telephone(client, settings):
    settings.IMEMBER_LOGIN_URL = "https://imember.example.org/login"
    settings.IMEMBER_REGISTER_URL = "https://imember.example.org/register"
    settings.IMEMBER_FORGOT_URL = "https://imember.example.org/forgot"
    number = make_member(is_registered=False).member_number
    answer = check(client, by="member_number", member_number=number)
    page = answer.content.decode()
    links = dict(re.findall(r'<a class="button button-(\w+)" href="([^"]+)"', page))
    assert links["login"] == settings.IMEMBER_LOGIN_URL
    assert links["register"] == settings.IMEMBER_REGISTER_URL
    assert links["forgot"] == settings.IMEMBER_FORGOT_URL
    assert "tel:038000000" in page
    assert f'value="{number}"' in page


def test_a_way_without_an_address_is_left_out(client, settings):
    settings.OWN_IMEMBER, settings.OFFICE_PHONE = False, ""
    settings.IMEMBER_REGISTER_URL = "https://imember.example.org/register"
    page = check(client, by="member_number", member_number="1").content.decode()
    assert "button-login" not in page
    assert "tel:" not in page
    assert "button-register" in page


def test_unknown_and_unregistered_get_the_same_answer(client):
    unregistered = make_member(is_registered=False).member_number
    answers = [check(client, by="member_number", member_number=number) for number in (unregistered, "987654")]
    first, second = (text(answer) for answer in answers)
    assert first == second


def test_a_wrong_number_is_told_beside_the_field(client):
    answer = check(client, by="citizen_id", citizen_id="123")
    assert answer.status_code == 422
    assert "มี 13 หลัก แต่กรอกมา 3 หลัก" in text(answer)
    assert 'value="123"' in answer.content.decode()


def test_it_shares_the_throttle(client, settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"address": "1/900"}
    check(client, by="member_number", member_number="1")
    answer = check(client, by="member_number", member_number="1")
    assert answer.status_code == 429
    assert answer.has_header("Retry-After")
