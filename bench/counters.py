"""Members who come on their day, and clerks who call and serve them, by the API: what the soak's office does besides
booking. Whatever is not answered, or answered 503, is sent again."""

import contextlib
import http.client
import json
import random
import threading
import time
from collections import Counter as Count
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection
from django.utils import timezone

from bench.servers import Server
from booking import roles
from booking.models import Counter, CounterDepartment, Department, StaffToken, Ticket, TicketEvent
from booking.models.tickets import State
from booking.models.tokens import issue_token

CLERKS = 3
FIRST_NUMBER = 901  # of their counters
SERVED_IN = (1.0, 4.0)  # seconds
LOOKS_EVERY = 1.0  # seconds from one look for who comes, or for who waits, to the next
STAYS_AWAY = 10  # one of so many members does not come


@dataclass
class Served:
    """What the clerks were told: whom they have served, and every answer that they could not expect."""

    finished: list[str] = field(default_factory=list)
    answers: Count = field(default_factory=Count)
    refusals: list[str] = field(default_factory=list)


@contextlib.contextmanager
def at_work(site: Server, office: Department):
    """For the block's duration members come and are served. Gives what the clerks were told."""
    served, over = Served(), threading.Event()
    tokens = _tokens(office)
    people = [threading.Thread(target=_come, args=(site, office, tokens[0], served, over), daemon=True)]
    people += [
        threading.Thread(target=_serve, args=(site, FIRST_NUMBER + nth, token, served, over), daemon=True)
        for nth, token in enumerate(tokens)
    ]
    for one in people:
        one.start()
    try:
        yield served
    finally:
        over.set()
        for one in people:
            one.join(60)


def broken(served: Served, since) -> list[str]:
    """What the clerks were told since then, and does not hold; and who was called or served twice."""
    faults = [f"at a counter: {said}" for said in served.refusals[:5]]
    kept = set(
        Ticket.objects.filter(public_id__in=served.finished, state=State.SERVED).values_list("public_id", flat=True)
    )
    if gone := set(served.finished) - kept:
        faults.append(f"{len(gone)} who were served are not")
    for verb in ("call", "finish"):
        events = TicketEvent.objects.filter(verb=verb, at__gte=since)
        if twice := events.count() - events.values("ticket").distinct().count():
            faults.append(f"{twice} times {verb} of one ticket twice")
    return faults


def _tokens(office: Department) -> list[str]:
    """One for each clerk, who sits at a counter that serves the office."""
    group, tokens = Group.objects.get(name=roles.CLERK), []
    for number in range(FIRST_NUMBER, FIRST_NUMBER + CLERKS):
        clerk, _created = get_user_model().objects.get_or_create(username=f"soak{number}", defaults={"password": "!"})
        clerk.groups.add(group)
        counter, _created = Counter.objects.get_or_create(number=number, defaults={"clerk": clerk})
        CounterDepartment.objects.get_or_create(counter=counter, department=office)
        StaffToken.objects.filter(user=clerk).delete()
        tokens.append(issue_token(clerk))
    return tokens


def _come(site: Server, office: Department, token: str, served: Served, over: threading.Event) -> None:
    """Nine of ten members are checked in as soon as their time has come."""
    asks = _Asks(site, token, served, over)
    while not over.wait(LOOKS_EVERY):
        due: list[str] = []
        with contextlib.suppress(DatabaseError):
            booked = Ticket.objects.filter(queue=office, date=timezone.localdate(), state=State.BOOKED)
            due = [
                public_id
                for pk, public_id in booked.filter(due_at__lte=timezone.now()).values_list("pk", "public_id")
                if pk % STAYS_AWAY
            ]
        connection.close()
        for public_id in due:
            # 409: the answer to an earlier try was lost, or the day was closed just now.
            asks.until_answered(f"/api/v1/tickets/{public_id}/check-in/", expects=(200, 409))


def _serve(site: Server, number: int, token: str, served: Served, over: threading.Event) -> None:
    """Call the next, begin, finish, and so on. Where an answer was lost, the next step finds that it was done (409)."""
    asks, chance = _Asks(site, token, served, over), random.Random(number)
    at = f"/api/v1/counters/{number}"
    while not over.is_set():
        status, _said = asks.until_answered(f"{at}/call-next/", expects=(200, 204, 409))
        if status == 204:
            over.wait(LOOKS_EVERY)
            continue
        asks.until_answered(f"{at}/start/", expects=(200, 409))
        time.sleep(chance.uniform(*SERVED_IN))
        status, said = asks.until_answered(f"{at}/finish/", expects=(200, 409))
        if status == 200:
            served.finished.append(said["id"])
        else:
            over.wait(LOOKS_EVERY)


class _Asks:
    """One who sends requests with a token, and sends each again until it is answered."""

    def __init__(self, site: Server, token: str, served: Served, over: threading.Event):
        self.site, self.served, self.over = site, served, over
        self.headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}

    def until_answered(self, path: str, *, expects: tuple[int, ...]) -> tuple[int, dict]:
        """Gives status and answer; 0 where the soak ended first."""
        while not self.over.is_set():
            line = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)
            try:
                line.request("POST", path, "{}", self.headers)
                answer = line.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException):
                self.served.answers["lost"] += 1
                self.over.wait(0.1)
                continue
            finally:
                line.close()
            self.served.answers[answer.status] += 1
            if answer.status == 503:
                self.over.wait(0.1)
                continue
            if answer.status not in expects:
                self.served.refusals.append(f"{path} {answer.status}: {said[:200].decode(errors='replace')}")
                self.over.wait(LOOKS_EVERY)
            return answer.status, json.loads(said or b"{}")
        return 0, {}
