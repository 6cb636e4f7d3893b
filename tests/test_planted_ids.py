"""Five hundred citizen IDs, typed wherever people type them: afterwards none is found anywhere.

A page that refuses a number shows it again in its field, to who typed it and in that one answer: nowhere else.
"""

import itertools
import json
import logging
import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from booking import roles, verbs
from booking.models import WaitingEntry
from members import accounts
from members.files import importing
from members.models import LineAccount, Member
from queuesite.demo import fake_line
from tests.factories import (
    make_citizen_id,
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)
from tests.test_identify import _dump
from tests.test_member_import import csv_file
from tests.test_webhook import _send

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PLANTED = 500
# Which pages lead on, and where to. Where one led to a door, what was typed would not have been read.
LED = {
    "ask_correction": {"held?done=asked"},
    "family_add": {"family?done=asked"},
    "identify": {"confirm"},
    "kiosk_issue": {"kiosk_ticket"},
    "line_link": {"line_confirm"},
    "line_log_in": {"line_link"},
    "member": {"member"},
    "member_first": {"member_code"},
    "member_forgot": {"member_code"},
    "ticket_open": {"ticket?why=wrong_link"},
    "waiting_open": {"waiting?why=wrong_link"},
}
ECHO = re.compile(r'value="[^"]*"|[^<>]*(?=</textarea>)')


def name_of(address: str) -> str:
    """The name of the page of an address, with why it leads there; the path of one that has no name."""
    path, _mark, query = address.partition("?")
    name = resolve(path).view_name if path.startswith("/") else ""
    why = "?" + query if query.startswith(("why=", "done=")) else ""
    return (name if name and not path.startswith("/api/") else path) + why


class Answers:
    """Clients whose every answer is kept: headers, cookies and body; which pages were missing, and which led on."""

    def __init__(self):
        self.said: list[str] = []
        self.missing: set[str] = set()
        self.led: dict[str, set[str]] = {}  # from which page to which others

    def client(self, user=None) -> Client:
        client = Client(raise_request_exception=False)
        if user:
            client.force_login(user)
        ask = client.request

        def kept(**request):
            answer = ask(**request)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            text = body.decode(errors="replace")
            if request["REQUEST_METHOD"] == "POST":
                text = ECHO.sub("", text)  # the field that was typed in, beside its refusal
            name = name_of(request["PATH_INFO"])
            if answer.status_code == 404 and "not_registered" not in text:  # which the API says of an unknown number
                self.missing.add(name)
            if answer.status_code in (301, 302) and not name.endswith("_changelist"):  # each search leads to its list
                self.led.setdefault(name, set()).add(name_of(answer["Location"]))
            self.said += [f"{answer.headers}", f"{answer.cookies}", f"{client.cookies}", text]
            return answer

        client.request = kept
        return client


def work_off():
    """Run the jobs, as they were stored."""
    while jobs := list(OrmQ.objects.order_by("pk")):
        for job in jobs:
            task = SignedPackage.loads(job.payload)
            module, _dot, name = task["func"].rpartition(".")
            getattr(__import__(module, fromlist=[name]), name)(*task["args"], **task["kwargs"])
            job.delete()


def test_none_of_five_hundred_is_anywhere_afterwards(server, settings, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    settings.LOOKUP_LIMITS = dict.fromkeys(settings.LOOKUP_LIMITS, "1000000/900")
    settings.IMEMBER_LOGIN_URL = ""
    settings.EMAIL_HOST = "localhost"
    planted = [make_citizen_id() for _ in range(PLANTED)]
    unused = iter(planted)
    answers = Answers()
    department = make_open_department(quota=9)
    manager = make_user(group=roles.MANAGER)
    counter = make_counter(departments=[department], clerk=manager)
    linked = make_member(email="somsri@example.org")
    LineAccount.objects.create(
        member=linked, user_id=fake_line.user_id(100001), linked_at=timezone.now(), proved_by="code"
    )

    ticket = make_ticket(department=department)
    entry = WaitingEntry.objects.create(
        member=ticket.member, department=department, date=ticket.date, joined_at=timezone.now(), public_id="waits"
    )

    def some(count: int) -> list[str]:
        return list(itertools.islice(unused, count))

    # Members of a file, and one file with a fault in each row.
    in_file = some(100)
    rows = [
        {"member_number": f"{nth}", "citizen_id": one, "given_name": "สมศรี", "family_name": "ใจดี", "registered": "1"}
        for nth, one in enumerate(in_file, start=700001)
    ]
    staff = answers.client(manager)
    for file in (csv_file(*rows), csv_file(*[row | {"registered": "maybe"} for row in rows])):
        upload = importing.take_in(file, name=f"{in_file[0]}.csv", by=manager)
        work_off()
        staff.get(reverse("admin:members_member_file", args=[upload.pk]))
        if file == csv_file(*rows):
            importing.confirm(file=upload, marks_missing=False, by=manager)
            work_off()
    assert Member.objects.filter(member_number__startswith="70").count() == 100

    # The pages of members: known and unknown, in the right field and in the wrong one, with and without dashes.
    visitor = answers.client()
    page = reverse("identify", args=[department.slug])
    for one in [*in_file[:40], *some(80)]:
        dashed = f"{one[0]}-{one[1:5]}-{one[5:10]}-{one[10:12]}-{one[12]}"
        answer = visitor.post(page, {"by": "citizen_id", "citizen_id": dashed if one[-1] > "4" else one})
        assert answer.status_code == (302 if one in in_file else 422)
        if one in in_file:
            assert visitor.get(answer["Location"]).status_code == 200
        visitor.post(reverse("status"), {"by": "citizen_id", "citizen_id": one})
        visitor.post(reverse("recover"), {"by": "citizen_id", "citizen_id": one, "proof": one[:8]})
        visitor.post(reverse("recover"), {"by": "citizen_id", "citizen_id": one, "proof": one})
        visitor.get(page)
    for one in some(40):
        visitor.post(page, {"by": "member_number", "member_number": one})
        visitor.post(reverse("member"), {"member_number": one, "password": one})
        visitor.post(reverse("member_first"), {"member_number": "700001", "citizen_id": one})
        visitor.post(reverse("member_forgot"), {"member_number": one, "citizen_id": one})
        visitor.post(reverse("member_forgot"), {"member_number": "700002", "citizen_id": one})
        visitor.post(reverse("member_code"), {"code": one, "password": f"ลับ {one}"})
        for opened in (
            reverse("ticket_open", args=[ticket.public_id]),
            reverse("waiting_open", args=[entry.public_id]),
        ):
            visitor.post(opened, {"link": one})
    by_line = answers.client()
    token = server.id_token(sub=fake_line.user_id(100002))
    assert by_line.post(reverse("line_log_in"), {"id_token": token})["Location"] == reverse("line_link")
    for known, unknown in zip(in_file[60:80], some(20), strict=True):
        assert by_line.post(reverse("line_link"), {"by": "citizen_id", "citizen_id": unknown}).status_code == 422
        by_line.post(reverse("line_link"), {"by": "citizen_id", "citizen_id": known})
        assert by_line.get(reverse("line_confirm")).status_code == 200
        assert by_line.post(reverse("line_confirm"), {"answer": "yes", "code": unknown}).status_code == 422
    own = answers.client()
    accounts._set(linked, "ดอกไม้ริมรั้วบ้าน")
    own.post(reverse("member"), {"member_number": linked.member_number, "password": "ดอกไม้ริมรั้วบ้าน"})
    for one in some(20):
        for number, code in ((one, ""), (one, one), ("700001", one), ("700001", "")):
            own.post(reverse("family_add"), {"member_number": number, "code": code})
        own.post(reverse("ask_correction"), {"wrong": f"เลขของฉันคือ {one}", "right": one})
        own.post(reverse("member_contact"), {"phone": one, "email": f"{one}@example.org"})
        own.post(reverse("member_password"), {"old": one, "password": f"ลับ {one}"})
        assert own.get(reverse("held")).status_code == 200

    # The API.
    for one in [*in_file[40:60], *some(60)]:
        answer = visitor.post("/api/v1/members/identify/", json.dumps({"citizen_id": one}), "application/json")
        assert (answer.status_code == 200) == (one in in_file)
        visitor.post("/api/v1/members/identify/", json.dumps({"member_number": one, "proof": one}), "application/json")
        visitor.post("/api/v1/tickets/", json.dumps({"identity": one, "slot": one}), "application/json")

    # LINE's chat.
    for one in some(60):
        event = server.event(fake_line.user_id(100001), "message", text=f"เลขบัตร {one} ค่ะ")
        assert _send(visitor, *server.webhook(event)).status_code == 200
        work_off()

    # Staff: reasons, notes, searches, log-ins.
    for one in some(30):
        make_walk_in(department=department, by=manager, priority="monk", reason=one)
        staff.post(reverse("kiosk_issue", args=[department.slug]), {"priority": "monk", "reason": f"บัตร {one}"})
        staff.post(reverse("counter_find", args=[counter.number]), {"text": one})
        staff.post(reverse("kiosk_check_in"), {"ticket": one})
        for name in ("members_member", "booking_ticket", "booking_notice", "holidays_holiday"):
            address = reverse(f"admin:{name}_changelist")
            assert staff.get(staff.post(address, {"q": one})["Location"]).status_code == 200
            assert staff.get(staff.get(address, {"q": one})["Location"]).status_code == 200
        answers.client().post(reverse("admin:login"), {"username": one, "password": one})
    for one in some(10):
        verbs.call_next(counter=counter, by=manager)
        verbs.hold(counter=counter, by=manager, reason=one)

    # A fault while the number is in hand: the page of the fault, and what is logged of it.
    from booking.views import book

    def broken(**claim):
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(book, "look_up", broken)
    for one in some(20):
        assert visitor.post(page, {"by": "citizen_id", "citizen_id": one}).status_code == 500
    monkeypatch.undo()

    # A booking, with its messages.
    settings.EMAIL_HOST = "localhost"
    verbs.book(member_id=linked.pk, slot_id=make_slot(department=department).pk, key="one")
    work_off()
    for one in unused:  # the rest through the likeliest door
        visitor.post(page, {"by": "citizen_id", "citizen_id": one})
    for address in ("home", "tickets", "status", "privacy", "board"):
        visitor.get(reverse(address))
    for name in (
        "booking_ticket_changelist",
        "members_member_changelist",
        "booking_jobrun_changelist",
        "booking_today",
    ):
        staff.get(reverse(f"admin:{name}"))

    assert answers.missing == set()
    assert answers.led == LED

    everywhere = {
        "database": _dump(),
        "log": caplog.text,
        "letters": "\n".join(f"{letter.subject} {letter.body}" for letter in mail.outbox),
        "LINE": json.dumps([server.pushes, server.replies], ensure_ascii=False),
        "answers": "\n".join(answers.said),
    }
    assert in_file[0] not in everywhere["database"], "not even in the name of a file"
    assert linked.citizen_id_hmac in everywhere["database"], "the dump holds what the tables hold"
    assert len(answers.said) > 4 * PLANTED
    plain = {where: re.sub(r"(?<=\d)[- ](?=\d)", "", text) for where, text in everywhere.items()}
    assert {where: [one for one in planted if one in text] for where, text in plain.items()} == dict.fromkeys(plain, [])
