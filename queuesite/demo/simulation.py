"""A day at the office, played through the API: members who book, come early, late or not at all, others who walk in,
and clerks who call, serve, miss and pass on. Minutes are those of the simulated day; the server's clock knows nothing
of them.
"""

import heapq
import json
import random
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter as Tally
from functools import cached_property
from itertools import count
from typing import NamedTuple

from queuesite.demo import office

BEFORE = 20  # minutes in which members book, before the first slot
SLOTS, SLOT_MINUTES = 12, 30
CLOSES = BEFORE + SLOTS * SLOT_MINUTES
AT_THE_LATEST = CLOSES + 120  # then whoever is left is left
BOOKINGS, WALK_INS = 90, 70
SERVICE = 10  # minutes, in the mean
# What part of the members goes where.
WEIGHTS = {"loans": 5, "finance": 5, "administration": 3, "legal": 2, "funeral-aid": 3}
PRIORITIES = ["elderly", "elderly", "monk", "disabled", "pregnant"]


class NoServer(Exception):
    """Nothing answers at the address."""


class Answer(NamedTuple):
    status: int
    body: dict

    @property
    def code(self) -> str:
        return self.body.get("code", "") if isinstance(self.body, dict) else ""


class Api:
    """The service at `url` (without a path), called the way any program calls it."""

    def __init__(self, url: str):
        self.url = url.rstrip("/") + "/api/v1/"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, path: str, body: dict | None = None, *, authority: str = "", post: bool = True) -> Answer:
        """Raises NoServer."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if authority:
            headers["Authorization"] = authority
        data = json.dumps(body or {}).encode() if post else None
        request = urllib.request.Request(self.url + path, data, headers, method="POST" if post else "GET")
        try:
            with self.opener.open(request, timeout=30) as response:
                return Answer(response.status, _read(response))
        except urllib.error.HTTPError as refusal:
            return Answer(refusal.code, _read(refusal))
        except OSError as fault:
            raise NoServer(str(fault)) from fault


class Day:
    """One simulated day. `tokens` are those of the clerks, by counter; `slots` the ids of the slots that may be booked,
    with the minute at which each begins, by the slug of the department; `date` is today's."""

    def __init__(self, api: Api, *, tokens: dict[int, str], slots: dict[str, dict[int, int]], date, speed: float, seed):
        self.api, self.tokens, self.slots, self.date, self.speed = api, tokens, slots, date, speed
        self.chance = random.Random(seed)
        self.events, self.order = [], count()
        self.done, self.minute, self.is_throttled = Tally(), 0, False
        self.patience = max(1, speed / 60)  # a clerk without a ticket asks again after a minute, or a real second
        numbers = [n for n in range(office.FIRST_NUMBER, office.LAST_NUMBER + 1) if n not in office.NOT_REGISTERED]
        self.members = self.chance.sample(numbers, len(numbers))
        for nth in range(BOOKINGS):
            # Most have booked before the doors open, one in five does it in the first half of the day.
            self.at(self.chance.uniform(0, BEFORE if nth % 5 else CLOSES / 2), self.book)
        for _ in range(WALK_INS):
            self.at(self.chance.uniform(BEFORE, CLOSES - 30), self.walk_in)
        for number in tokens:
            self.at(BEFORE + self.chance.uniform(0, 3), self.call_next, number)

    def at(self, minute: float, do, *arguments) -> None:
        heapq.heappush(self.events, (minute, next(self.order), do, arguments))

    def after(self, minutes: float, do, *arguments) -> None:
        self.at(self.minute + minutes, do, *arguments)

    def run(self, tell) -> None:
        """Play it; `tell(minute, done)` is called each half hour with what has been done so far. Raises NoServer."""
        began = time.monotonic()
        told = 0
        while self.events and self.minute < AT_THE_LATEST:
            self.minute, _, do, arguments = heapq.heappop(self.events)
            time.sleep(max(0, began + self.minute * 60 / self.speed - time.monotonic()))
            do(*arguments)
            if self.minute >= told + SLOT_MINUTES:
                told += SLOT_MINUTES
                tell(told, self.done)

    # --- members ---

    def book(self) -> None:
        slug = self._department()
        booked = self._booked(slug)
        if booked is None:
            self.walk_in()
            return
        self._count("booked" if booked.status == 201 else booked.code)
        if booked.status == 201:
            begins = self.slots[slug][booked.body["slot"]]
            self._live(begins, booked.body["id"], f"Ticket {booked.body['secret']}")

    def _booked(self, slug: str) -> Answer | None:
        """The answer to a booking, with its slot; None where look-ups are throttled by now."""
        number = self.members.pop()
        # All of them book from one address, which is what the office asks a proof for.
        wanted = {"citizen_id": office.citizen_id(number), "proof": office.phone(number)[-4:]}
        who = None if self.is_throttled else self.api.call("members/identify/", wanted)
        if who is None or who.status == 429:
            self.is_throttled = True
            return None
        times = self.api.call(f"departments/{slug}/days/{self.date}/slots/", post=False).body
        free = [time["id"] for time in times if time["state"] == "open" and time["id"] in self.slots[slug]]
        if who.status != 200 or not free:
            return Answer(who.status, {"code": who.code or "slot_full"})
        slot = self.chance.choice(free)
        asked = {"identity": who.body["identity"], "slot": slot}
        if topics := self._topics.get(slug):
            asked["topic"] = self.chance.choice(topics)
        booked = self.api.call("tickets/", asked)
        return Answer(booked.status, booked.body | {"slot": slot})

    @cached_property
    def _topics(self) -> dict[str, list[int]]:
        """By the slug of a department, its topics that take one place."""
        departments = self.api.call("departments/", post=False).body
        return {
            one["slug"]: [topic["id"] for topic in one["topics"] if topic["minutes"] is None] for one in departments
        }

    def _live(self, begins: float, *ticket: str) -> None:
        """What becomes of a booking: cancelled, early, late, or never come."""
        fate = self.chance.random()
        if fate < 0.05:
            self.after(self.chance.uniform(5, 40), self.cancel, *ticket)
        elif fate < 0.85:
            self.at(max(self.minute + 1, begins - self.chance.uniform(2, 30)), self.check_in, *ticket)
        elif fate < 0.93:
            self.at(begins + self.chance.uniform(3, 25), self.check_in, *ticket)

    def cancel(self, ticket: str, authority: str) -> None:
        if self.api.call(f"tickets/{ticket}/cancel/", authority=authority).status == 200:
            self._count("cancelled")

    def check_in(self, ticket: str, authority: str) -> None:
        answer = self.api.call(f"tickets/{ticket}/check-in/", authority=authority)
        if answer.code in ("presence_needed", "too_early"):
            answer = self.api.call(f"tickets/{ticket}/check-in/", authority=self._somebodys_token())
        self._count("arrived" if answer.status == 200 else answer.code)

    def walk_in(self) -> None:
        wanted = {"department": self._department()}
        if self.members and self.chance.random() < 0.5:
            wanted["member_number"] = str(self.members.pop())
        if self.chance.random() < 0.1:
            wanted |= {"priority": self.chance.choice(PRIORITIES), "reason": "จำลองวัน"}
        answer = self.api.call("walk-ins/", wanted, authority=self._somebodys_token())
        self._count("walked in" if answer.status == 201 else answer.code)

    # --- clerks ---

    def call_next(self, number: int) -> None:
        """Call; who finds nobody waiting asks again, until the doors are closed."""
        answer = self._at(number, "call-next")
        if answer.status == 200:
            self._count("called")
            comes = self.chance.random() < 0.93
            then = [self.start, number] if comes else [self.recall, number, answer.body["id"]]
            self.after(self.chance.uniform(0.5, 2), *then)
        elif answer.code == "counter_busy":  # with a ticket from before
            self._at(number, "finish")
            self._at(number, "miss")
            self.after(self.patience, self.call_next, number)
        elif self.minute < CLOSES:  # nobody is waiting, or somebody else sits there
            self.after(self.patience if answer.status == 204 else SLOT_MINUTES, self.call_next, number)

    def recall(self, number: int, ticket: str) -> None:
        self._at(number, "recall")
        self.after(1.5, self.miss, number, ticket)

    def miss(self, number: int, ticket: str) -> None:
        if self._at(number, "miss").status == 200:
            self._count("missed")
        if self.chance.random() < 0.4:
            self.after(self.chance.uniform(3, 15), self.come_back, ticket)
        self.call_next(number)

    def come_back(self, ticket: str) -> None:
        if self.api.call(f"tickets/{ticket}/come-back/", authority=self._somebodys_token()).status == 200:
            self._count("came back")

    def start(self, number: int) -> None:
        served_for = self.chance.gammavariate(4, SERVICE / 4)
        if self._at(number, "start").status == 200:
            self.after(served_for, self.finish, number)
        else:  # somebody at the counter's console was quicker
            self.after(self.patience, self.call_next, number)

    def finish(self, number: int) -> None:
        passes_on = {"department": self._department(), "note": "จำลองวัน"} if self.chance.random() < 0.06 else None
        if passes_on and self._at(number, "transfer", passes_on).status == 200:
            self._count("passed on")
        elif self._at(number, "finish").status == 200:
            self._count("served")
        self.after(self.chance.uniform(0.2, 1), self.call_next, number)

    def _at(self, number: int, verb: str, body: dict | None = None) -> Answer:
        return self.api.call(f"counters/{number}/{verb}/", body, authority=f"Token {self.tokens[number]}")

    def _department(self) -> str:
        return self.chance.choices(list(self.slots), [WEIGHTS[slug] for slug in self.slots])[0]

    def _somebodys_token(self) -> str:
        return f"Token {self.chance.choice(list(self.tokens.values()))}"

    def _count(self, what: str) -> None:
        self.done[what] += 1


def _read(response) -> dict:
    text = response.read()
    return json.loads(text) if text.startswith((b"{", b"[")) else {}
