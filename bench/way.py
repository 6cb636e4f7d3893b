"""What a member's whole way to a ticket costs: who, the name, the days, the times, the form, the ticket. In this
process, without a web server: processor time of the thread and of the database's own process, and queries, a step."""

import gzip
import re
import time
from collections.abc import Callable, Iterator
from statistics import median
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import database
from bench.consoles import database_seconds
from booking.days import availability
from booking.models import Department
from members.models import Member

TELEPHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile", "Accept-Encoding": "gzip"}
AS_BROWSERS_SEND = "application/x-www-form-urlencoded"
WARM_UP = 3

Ask = Callable[[], HttpResponse]


def measure(*, rounds: int) -> dict:
    """Medians of so many members' ways, each another member's from another address."""
    costs: dict[str, list[tuple[float, float]]] = {}
    queries: dict[str, int] = {}

    def warm_up(_step: str, ask: Ask) -> HttpResponse:
        return ask()

    def cost(step: str, ask: Ask) -> HttpResponse:
        spent, began = database_seconds(), time.thread_time()
        answer = ask()
        took = time.thread_time() - began
        costs.setdefault(step, []).append((took, database_seconds() - spent))
        return answer

    def count(step: str, ask: Ask) -> HttpResponse:
        with CaptureQueriesContext(connection) as captured:
            answer = ask()
        queries[step] = len(captured)
        return answer

    ways = [warm_up] * WARM_UP + [cost] * rounds + [count]
    members = Member.objects.filter(tickets=None, is_registered=True).order_by("-pk")[: len(ways)]
    for nth, (member, around) in enumerate(zip(members, ways, strict=True)):
        _go(_way(member, nth), around)
    return {
        step: {
            "web_ms": 1000 * median(web for web, _stored in each),
            "database_ms": 1000 * median(stored for _web, stored in each),
            "queries": queries[step],
        }
        for step, each in costs.items()
    }


def _go(way: Iterator, around: Callable[[str, Ask], HttpResponse]) -> None:
    answer = None
    while True:
        try:
            step, ask, status = way.send(answer)
        except StopIteration:
            return
        answer = around(step, ask)
        if answer.status_code != status:
            raise SystemExit(f"{answer.request['PATH_INFO']} answered {answer.status_code}")


def _way(member: Member, nth: int) -> Iterator:
    """Each step: its name, what asks for it, and the status wanted. It is sent the answer, whose cookies and fields the
    next one needs, as a browser's does."""
    browser = Client(enforce_csrf_checks=True, headers=TELEPHONE, REMOTE_ADDR=f"10.{nth // 250}.{nth % 250}.7")
    browser.handler.load_middleware()  # else the first request would
    department = Department.objects.get(slug=database.READ)
    found = availability.days(department, *availability.booking_window(department))
    date = max(found, key=lambda day: day.free).date
    free = max(availability.times(department, date), key=lambda time: time.free)
    root = f"/book/{database.READ}/"
    day = f"{root}days/{date}/"

    def get(address: str) -> Ask:
        return lambda: browser.get(address)

    def post(address: str, **form: str) -> Ask:
        form["csrfmiddlewaretoken"] = browser.cookies[settings.CSRF_COOKIE_NAME].value
        return lambda: browser.post(address, urlencode(form), content_type=AS_BROWSERS_SEND)

    yield "who", get(root), 200
    yield "who, sent", post(root, by="member_number", member_number=member.member_number), 302
    yield "the name", get(f"{root}confirm/"), 200
    yield "the name, sent", post(f"{root}confirm/", answer="yes"), 302
    yield "days", get(f"{root}days/"), 200
    page = gzip.decompress((yield "times", get(day), 200).content).decode()
    form = {name: re.search(rf'name="{name}" value="([^"]+)"', page)[1] for name in ("key", "for")}
    booked = yield "the form", post(f"{day}take/", slot=str(free.id), **form), 302
    if "?booked=1" not in booked["Location"]:
        raise SystemExit(f"A booking was refused: {booked['Location']}")
    yield "ticket", get(booked["Location"]), 200
