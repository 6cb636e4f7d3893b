"""What a manager reads, few tickets and many: today, a month's and a year's report from the stored counts, and both of
one topic, which are counted from its tickets."""

import datetime as dt
import time

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bench import database
from bench.history import Ask, by_turns, database_seconds
from booking import roles
from booking.models import Ticket, Topic
from booking.reports import stored


def count(name: str) -> dict:
    """How long counting all days of a database anew takes, by the clock and in seconds of processor, web and
    database."""
    database.turn_to(name)
    began, stored_before, web = time.perf_counter(), database_seconds(), time.process_time()
    days = stored.rebuild()
    found = {"days": days, "tickets": Ticket.objects.count(), "seconds": time.perf_counter() - began}
    found |= {"web": time.process_time() - web, "database": database_seconds() - stored_before}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return found


def measure(few: str, many: str, *, rounds: int) -> dict:
    """What each page costs on both databases, by turns (in one process, without a web server)."""
    asked, tickets = {}, []
    for name in (few, many):
        database.turn_to(name)
        asked[name] = _asked()
        tickets.append(Ticket.objects.count())
    return {"tickets": tickets, "asked": {what: by_turns(asked, what, rounds) for what in asked[few]}}


def _asked() -> dict[str, Ask]:
    manager = User.objects.filter(groups__name=roles.MANAGER).earliest("pk")
    client = Client()
    client.force_login(manager)
    today = timezone.localdate()
    report = reverse("admin:booking_report")
    topic = Topic.objects.filter(minutes=None).earliest("pk")
    addresses = {"today": reverse("admin:booking_today")}
    for name, days in (("month", 31), ("year", 365)):
        address = f"{report}?first={today - dt.timedelta(days=days - 1)}&last={today}"
        addresses |= {f"a {name}'s report": address, f"a {name}'s report, one topic": f"{address}&topic={topic.pk}"}
    return {name: Ask(lambda address=address: _page(client, address)) for name, address in addresses.items()}


def _page(client: Client, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")
