"""An unknown number and a wrong proof of a known one: the same bytes, the same statements, and how long each takes."""

import re
import time
from statistics import median

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ

from members import accounts
from members.models import LookupLog
from tests.factories import make_citizen_id, make_member, make_open_department

pytestmark = pytest.mark.django_db

# What a page has that is random, or was typed: the token of its form.
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')
UNKNOWN = "999000"
SECRET = "ดอกไม้ริมรั้วบ้าน"
WAYS = ["booking", "status", "sign_in", "code", "family", "family_asked"]


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL, settings.MEMBER_PROOF = "", "phone_last4"
    settings.LOOKUP_LIMITS = dict.fromkeys(settings.LOOKUP_LIMITS, "1000000/900")


def asks(way: str):
    """How a wrong proof is given on a way, by a number: a function of the number and a client."""
    department = make_open_department()
    carer = make_member(member_number="100001")
    accounts._set(carer, SECRET)
    citizen_id = make_citizen_id(7)

    def by_number(address, **more):
        return lambda client, number: client.post(address, {"by": "member_number", "member_number": number, **more})

    def by_code(client, number):
        client.post(reverse("member_forgot"), {"member_number": number, "citizen_id": citizen_id})
        return client.post(reverse("member_code"), {"code": "12345678", "password": "หมายเลขใหม่ของฉัน"})

    def for_family(code):
        def ask(client, number):
            if "member" not in client.cookies:
                client.post(reverse("member"), {"member_number": carer.member_number, "password": SECRET})
            return client.post(reverse("family_add"), {"member_number": number, "code": code})

        return ask

    return {
        "booking": by_number(reverse("identify", args=[department.slug]), proof="0000"),
        "status": by_number(reverse("status"), proof="0000"),
        "sign_in": lambda client, number: client.post(
            reverse("member"), {"member_number": number, "password": "ไม่ใช่รหัสผ่าน"}
        ),
        "code": by_code,
        "family": for_family("12345678"),
        "family_asked": for_family(""),
    }[way]


def known() -> str:
    """The number of a member with a telephone, a citizen ID and a password."""
    member = make_member(member_number="999111", phone="0812345678", citizen_id=make_citizen_id(7))
    accounts._set(member, SECRET)
    return member.member_number


def said(answer, number: str) -> bytes:
    return TOKEN.sub(b"", answer.content).replace(number.encode(), b"")


def statements(ask, number: str) -> list[str]:
    client = Client()
    ask(client, "999333")  # what a device does once, and no more
    with CaptureQueriesContext(connection) as captured:
        ask(client, number)
    # Each names its own keys and savepoints.
    return [re.sub(r"'[^']*'|\d+|s[0-9a-f_x]{6,}", "?", one["sql"])[:60] for one in captured.captured_queries]


@pytest.mark.parametrize("way", WAYS)
def test_both_say_the_same_by_the_same_statements(way):
    number, ask = known(), asks(way)
    client = Client()

    one, other = ask(client, number), ask(client, UNKNOWN)

    assert (one.status_code, said(one, number)) == (other.status_code, said(other, UNKNOWN))
    assert statements(ask, UNKNOWN) == statements(ask, number)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_two_thousand_of_each_say_the_same_and_how_long_they_take(way):
    """The times are told, not asserted: they are the machine's. `-s` shows them."""
    count = 2000
    number, ask, client = known(), asks(way), Client()
    ask(client, number), ask(client, UNKNOWN)
    taken: dict[str, list[float]] = {number: [], UNKNOWN: []}
    words = set()

    for nth in range(count):
        if nth % 5 == 0:  # within the limits of a day, and with rows as short as they are then
            LookupLog.objects.all().delete()
            OrmQ.objects.all().delete()
        for one in (number, UNKNOWN):  # by turns, so that whatever else the machine does meets both
            began = time.perf_counter()
            answer = ask(client, one)
            taken[one].append(time.perf_counter() - began)
            words.add(said(answer, one))

    assert len(words) == 1
    unknown, wrong = median(taken[UNKNOWN]), median(taken[number])
    print(f"\n{way}: unknown {1000 * unknown:.2f} ms, wrong {1000 * wrong:.2f} ms, ratio {unknown / wrong:.3f}")
