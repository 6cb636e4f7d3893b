"""An unknown number and a wrong proof of a known one: the same bytes, the same statements, and how long each takes."""

import os
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
from members.throttle import WRONG_PROOFS
from queuesite.demo import fake_line
from tests.factories import make_citizen_id, make_member, make_open_department

pytestmark = pytest.mark.django_db

# What a page has that is random, or was typed: the token of its form.
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')
KNOWN, UNKNOWN, OTHER = "999111", "999000", "999333"
# The citizen ID that goes with each of these numbers.
CITIZEN_IDS = {KNOWN: make_citizen_id(7), UNKNOWN: make_citizen_id(8), OTHER: make_citizen_id(9)}
SECRET = "ดอกไม้ริมรั้วบ้าน"
WAYS = [
    "booking",
    "booking_by_citizen_id",
    "status",
    "api",
    "recover",
    "line_link",
    "sign_in",
    "first",
    "first_wrong_citizen_id",
    "forgot",
    "code",
    "family",
    "family_asked",
]


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL, settings.MEMBER_PROOF = "", "phone_last4"
    settings.LINE_LINK_PROOF = "member_proof"
    settings.LOOKUP_LIMITS = dict.fromkeys(settings.LOOKUP_LIMITS, "1000000/900")


@pytest.fixture
def ask(way, request):
    """How a wrong proof is given on a way, by a number: a function of a client and the number."""
    department = make_open_department()
    carer = make_member(member_number="100001")
    accounts._set(carer, SECRET)

    def by_number(address, **more):
        return lambda client, number: client.post(address, {"by": "member_number", "member_number": number, **more})

    def by_citizen_id(client, number):
        typed = {"by": "citizen_id", "citizen_id": CITIZEN_IDS[number], "proof": "0000"}
        return client.post(reverse("identify", args=[department.slug]), typed)

    def by_api(client, number):
        typed = {"member_number": number, "proof": "0000"}
        return client.post("/api/v1/members/identify/", typed, content_type="application/json")

    def by_line(client, number):
        if "line_user" not in client.cookies:
            token = request.getfixturevalue("server").id_token(sub=fake_line.user_id(100001))
            client.post(reverse("line_log_in"), {"id_token": token})
        return client.post(reverse("line_link"), {"by": "member_number", "member_number": number, "proof": "0000"})

    def by_both(address, citizen_id_of=CITIZEN_IDS.get):
        return lambda client, number: client.post(
            address, {"member_number": number, "citizen_id": citizen_id_of(number)}
        )

    def by_code(client, number):
        by_both(reverse("member_forgot"))(client, number)
        return client.post(reverse("member_code"), {"code": "12345678", "password": "หมายเลขใหม่ของฉัน"})

    def for_family(code):
        def ask(client, number):
            if "member" not in client.cookies:
                client.post(reverse("member"), {"member_number": carer.member_number, "password": SECRET})
            return client.post(reverse("family_add"), {"member_number": number, "code": code})

        return ask

    return {
        "booking": by_number(reverse("identify", args=[department.slug]), proof="0000"),
        "booking_by_citizen_id": by_citizen_id,
        "status": by_number(reverse("status"), proof="0000"),
        "api": by_api,
        "recover": by_number(reverse("recover"), proof="12345678"),
        "line_link": by_line,
        "sign_in": by_number(reverse("member"), password="ไม่ใช่รหัสผ่าน"),
        "first": by_both(reverse("member_first")),
        "first_wrong_citizen_id": by_both(reverse("member_first"), lambda number: make_citizen_id(6)),
        "forgot": by_both(reverse("member_forgot")),
        "code": by_code,
        "family": for_family("12345678"),
        "family_asked": for_family(""),
    }[way]


def known() -> str:
    """The number of a member with a telephone, a citizen ID and a password."""
    member = make_member(member_number=KNOWN, phone="0812345678", citizen_id=CITIZEN_IDS[KNOWN])
    accounts._set(member, SECRET)
    return member.member_number


def said(answer, number: str) -> bytes:
    """Where it leads and what it says, but for what was typed."""
    content = TOKEN.sub(b"", answer.content)
    for typed in (number, CITIZEN_IDS[number]):
        content = content.replace(typed.encode(), b"")
    return answer.get("Location", "").encode() + content


def statements(ask, number: str) -> list[str]:
    client = Client()
    ask(client, OTHER)  # what a device does once, and no more
    with CaptureQueriesContext(connection) as captured:
        ask(client, number)
    # Each names its own keys and savepoints.
    return [re.sub(r"'[^']*'|\d+|s[0-9a-f_x]{6,}", "?", one["sql"])[:60] for one in captured.captured_queries]


@pytest.mark.parametrize("way", WAYS)
def test_both_say_the_same_by_the_same_statements(way, ask):
    number, client = known(), Client()

    one, other = ask(client, number), ask(client, UNKNOWN)

    assert (one.status_code, said(one, number)) == (other.status_code, said(other, UNKNOWN))
    assert statements(ask, UNKNOWN) == statements(ask, number)


@pytest.mark.parametrize("way", ["booking", "recover", "line_link", "code", "family"])
def test_after_ten_wrong_ones_in_a_day_too(way, ask):
    number, client = known(), Client()
    for _ in range(WRONG_PROOFS.tries):
        ask(client, number), ask(client, UNKNOWN)

    one, other = ask(client, number), ask(client, UNKNOWN)

    assert LookupLog.objects.filter(scope="code").count() == 2, "a clerk's code alone counts from now on"
    assert (one.status_code, said(one, number)) == (other.status_code, said(other, UNKNOWN))
    assert statements(ask, UNKNOWN) == statements(ask, number)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_two_thousand_of_each_say_the_same_and_how_long_they_take(way, ask):
    """The times are told, not asserted: they are the machine's. `-s` shows them."""
    count = int(os.environ.get("PROOFS", "2000"))
    number, client = known(), Client()
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
