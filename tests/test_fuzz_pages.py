"""Whatever is put into any form or any query of any address, by anybody: no fault of the server's.

The addresses are read from the URLconf, the forms and the links from the pages themselves. `make test` tries a fixed
choice; PAGES_FUZZ_CASES, and the slow tier, more.
"""

import copy
import datetime as dt
import os
import random
import re
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from booking import roles, verbs
from booking.models import BoardNotice, JobRun, StaffToken
from booking.models.tokens import issue_token
from holidays.models import Holiday
from members.models import LineAccount
from tests.factories import (
    in_days,
    make_counter,
    make_exception,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)
from tests.pages import confirm_name, hold
from tests.sitemap import Address, addresses

pytestmark = pytest.mark.django_db

MORNING = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.timezone(dt.timedelta(hours=7)))  # a Wednesday
STAFF = {
    "reception": roles.RECEPTION,
    "kiosk": roles.KIOSK,
    "department head": roles.HEAD,
    "auditor": roles.AUDITOR,
    "manager": roles.MANAGER,
}
WHO = ["the public", "member", "clerk", *STAFF, "superuser"]
ODD = [
    "\0",
    "a\0b",
    "",
    " ",
    "0",
    "-1",
    "1e400",
    "NaN",
    "99999999999",
    str(2**31),
    str(2**63),
    "9" * 5000,
    "๙๙๙",
    "²",
    "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "\u202e\u0000",
    "ก" * 3000,
    "a\nb",
    "' OR 1=1 --",
    "%00",
    "../../etc/passwd",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "99:99",
    "<script>",
    "[]",
    '{"a":' * 200,
    "on",
    "😀",
]
ODD_IN_ADDRESSES = {
    "slug": ["a" * 400, "-", "_"],
    "int": [0, 2**31, 2**63, 10**40],
    "date": ["0001-01-01", "9999-12-31", "2026-02-30", "0000-00-00"],
    "str": ["%00", "a%00b", "x" * 400, "%F0%9F%98%80", "9" * 40],
    "path": ["%00", "x", "_00", "__", "9" * 40, "-1", "1/2", "%C2%B2"],
}
# Names that the back office's lists read from a query, and those of our own pages.
QUERIES = (
    "q o p all e _popup _to_field _facets _changelist_filters date__year date__month date__day date__gte when state "
    "department__id__exact slot__id__exact is_active__exact groups__id__exact overfull user__id__exact date from to "
    "slot day next why why_not said show list again key lang format app_label model_name field_name term s month "
    "department state__exact id__exact pk last_login__gte history_user choice ids date_0 counter liff.state code error"
).split()


class Page(HTMLParser):
    """The forms of a page, each as its action, its method and its fields, and the queries of its links."""

    def __init__(self, text: str):
        super().__init__()
        self.forms, self.queries, self._select = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((values.get("action", ""), values.get("method", "get").lower(), {}))
        elif tag == "a" and "?" in values.get("href", ""):
            self.queries += [name for name, _value in parse_qsl(urlsplit(values["href"]).query)]
        elif self.forms and tag in ("input", "textarea", "select", "button") and values.get("name"):
            value = values.get("value", "file" if values.get("type") == "file" else "")
            self._offer(values["name"], [] if tag == "select" else [value])
            self._select = values["name"] if tag == "select" else None
        elif tag == "option" and self._select:
            self._offer(self._select, [values.get("value", "")])

    def _offer(self, name, values):
        """What may be chosen for a field: of a text the one that stands in it."""
        self.forms[-1][2].setdefault(name, []).extend(values)


@pytest.fixture
def office(settings):
    """One of everything, and somebody of every kind, each signed in."""
    settings.LOOKUP_LIMITS = dict.fromkeys(settings.LOOKUP_LIMITS, "1000000/900")
    settings.LINE_CHANNEL_SECRET = "a-secret-of-tests"
    with time_machine.travel(MORNING, tick=False):
        member, department = make_member(), make_open_department(quota=50)
        ticket = make_ticket(member=member, slot=make_slot(department=department))
        clerk = make_user(group=roles.CLERK)
        counter = make_counter(departments=[department], clerk=clerk)
        made = [
            Holiday.objects.create(date=in_days(40), name="หยุด"),
            BoardNotice.objects.create(text="ประกาศ"),
            make_exception(department, days_ahead=3, quota=2),
        ]
        JobRun.objects.create(name="heartbeat", finished_at=timezone.now())
        LineAccount.objects.create(member=member, user_id="U1", linked_at=timezone.now(), proved_by="code")
        issue_token(clerk)
        for _ in range(2):
            make_walk_in(department=department, by=clerk)
        verbs.call_next(counter=counter, by=clerk)
        verbs.start(counter=counter, by=clerk)
        clients = {who: Client(raise_request_exception=False) for who in WHO}
        confirm_name(clients["member"], department, member=member)
        hold(clients["member"], ticket)
        clients["clerk"].force_login(clerk)
        for who, group in STAFF.items():
            clients[who].force_login(make_user(group=group))
        clients["superuser"].force_login(make_user(is_superuser=True))
        values = {
            "slug": department.slug,
            "public_id": ticket.public_id,
            "date": in_days(2).isoformat(),
            "number": counter.number,
            "pk": 1,
            "id": clerk.pk,
            "verb": "hold",
            "kind": "csv",
            "app_label": "booking",
            "content_type_id": 1,
            "url": "nowhere/",
        }
        assert made
        assert StaffToken.objects.exists()
        yield clients, values


def odd(rng: random.Random) -> str:
    return rng.choice(["a\0b", "99999999999", rng.choice(ODD), rng.choice(ODD)])


def fill(address: Address, values: dict, rng: random.Random) -> str:
    """An address with what exists in its holes; now and then with something that does not."""
    known = dict(values)
    first = address.model and address.model._default_manager.order_by("pk").first()
    known["object_id"] = quote(str(first.pk), safe="") if first else "1"
    for converter, name in address.holes():
        if rng.random() < 0.15:
            known[name] = rng.choice(ODD_IN_ADDRESSES[converter])
    return address.filled(known)


def faults(client, address: Address, values: dict, rng: random.Random) -> list[str]:
    """Open the address plainly, then with an odd query, then send its forms with something odd in them."""
    found, path, signed_in = [], fill(address, values, rng), copy.deepcopy(client.cookies)

    def send(method, path, data=None, **extra):
        # Each leaves the office as it was, and the one who sent it signed in.
        client.cookies = copy.deepcopy(signed_in)
        before = transaction.savepoint()
        answer = client.generic("POST", path, data, **extra) if extra else getattr(client, method)(path, data)
        transaction.set_rollback(False)
        transaction.savepoint_rollback(before)
        if answer.status_code >= 500:
            why = answer.exc_info and answer.exc_info[1]
            found.append(f"{method} {path[:300]} {data!r:.600}: {answer.status_code} {why!r:.300}")
        return answer

    plain = send("get", path)
    page = Page("")
    if "text/html" in plain.get("Content-Type", "") and plain.status_code == 200:
        page = Page(plain.content.decode())
    own = sorted({*page.queries, *(name for form in page.forms if form[1] == "get" for name in form[2])})
    for names in (own or QUERIES, own or QUERIES, QUERIES):
        query = {name: odd(rng) for name in rng.sample(names, k=min(len(names), rng.choice([1, 1, 2, 5])))}
        send("get", f"{path}?{urlencode(query)}")
    forms = [form for form in page.forms if form[1] == "post"] or [("", "post", {"text": [""], "reason": [""]})]
    for action, _method, fields in rng.sample(forms, k=min(2, len(forms))):
        where = action if action.startswith("/") else path
        typed = {name: rng.choice(values or [""]) for name, values in fields.items() if name != "csrfmiddlewaretoken"}
        for name in rng.sample(sorted(typed), k=min(len(typed), rng.choice([1, 1, 3, 100]))):
            typed[name] = odd(rng)
        if rng.random() < 0.2:
            file = SimpleUploadedFile("a.csv", b"\0\xff,")
            typed = {name: file if value == "file" else value for name, value in typed.items()}
        if rng.random() < 0.1:
            kind = f"application/x-www-form-urlencoded; charset={rng.choice(CHARSETS)}"
            # Without its query: the test client decodes it by the charset, which queuesite/wsgi.py takes out.
            send("generic", where.partition("?")[0], urlencode(typed).encode(), content_type=kind)
        else:
            send("post", where, typed)
    client.cookies = signed_in
    return found


CHARSETS = ["utf-7", "rot13", "utf-16", "hex", "idna", "raw_unicode_escape", "nothing"]


def fuzz(office, who: str, *, cases: int, seed: int) -> None:
    clients, values = office
    rng = random.Random(f"{who} {seed}")
    found_addresses = [one for one in addresses() if not re.match("demo/|healthz|readyz", one.path)]
    chosen = rng.sample(found_addresses, k=min(cases, len(found_addresses)))
    found = [fault for address in chosen for fault in faults(clients[who], address, values, rng)]
    assert not found, f"{len(found)} faults:\n" + "\n".join(found[:40])


@pytest.mark.parametrize("who", WHO)
def test_nothing_that_is_sent_makes_the_server_fail(office, who):
    fuzz(office, who, cases=int(os.environ.get("PAGES_FUZZ_CASES", "12")), seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("seed", map(int, os.environ.get("PAGES_FUZZ_SEEDS", "2 3 4").split()))
def test_nor_does_more_of_it(office, who, seed):
    fuzz(office, who, cases=10_000, seed=seed)
