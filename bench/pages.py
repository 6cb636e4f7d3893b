"""What members read, at few tickets and at many: the same pages, asked for in turn, and their queries."""

from pathlib import Path
from statistics import median

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import client, database
from bench.servers import Server, serving
from booking.days import availability
from booking.models import Department, Ticket
from members.identify import issue_identity

IN_A_ROW = 25


def measure(small: str, large: str, *, rounds: int, workspace: Path) -> dict:
    """The median time of each page on both databases (one client, one worker), and how many queries it takes."""
    database.turn_to(_name(small))
    ticket = Ticket.objects.with_details().get(idempotency_key=database.READ_TICKET)
    asked = _addresses(ticket)
    cookies = _cookies(ticket)
    counts = {}
    for url in (small, large):
        database.turn_to(_name(url))
        counts[url] = {
            "tickets": Ticket.objects.count(),
            "queries": {page: _queries(address, headers, cookies) for page, (address, headers) in asked.items()},
        }
    database.turn_to(_name(small))
    times = {page: {small: [], large: []} for page in asked}
    with serving(small, workers=1) as few, serving(large, workers=1) as many:
        servers = {small: few, large: many}
        for nth in range(rounds + 1):
            for page, (address, headers) in asked.items():
                for url, server in servers.items():
                    seconds = _ask(server, address, headers | {"Cookie": cookies}, workspace)
                    if nth:  # the first round warms up
                        times[page][url] += seconds
    return {
        "tickets": [counts[small]["tickets"], counts[large]["tickets"]],
        "pages": {
            page: {
                "ms": [1000 * median(both[small]), 1000 * median(both[large])],
                "ratio": median(both[large]) / median(both[small]),
                "queries": [counts[small]["queries"][page], counts[large]["queries"][page]],
            }
            for page, both in times.items()
        },
    }


def _addresses(ticket: Ticket) -> dict[str, tuple[str, dict]]:
    """Each page's address, and the headers that it takes."""
    department = Department.objects.get(slug=database.READ)
    found = availability.days(department, *availability.booking_window(department))
    date = next(day.date for day in found if day.state == availability.DayState.OPEN)
    api, mine = f"/api/v1/departments/{database.READ}", f"/t/{ticket.public_id}/"
    secret = {"Authorization": f"Ticket {ticket.secret}"}
    return {
        "home": ("/", {}),
        "days": (f"/book/{database.READ}/days/", {}),
        "times": (f"/book/{database.READ}/days/{date}/", {}),
        "ticket": (mine, {}),
        "ticket, its live part": (f"{mine}live/?shown=booked", {}),
        "my tickets": ("/tickets/", {}),
        "API departments": ("/api/v1/departments/", {}),
        "API days": (f"{api}/days/", {}),
        "API slots": (f"{api}/days/{date}/slots/", {}),
        "API ticket": (f"/api/v1/tickets/{ticket.public_id}/", secret),
    }


def _cookies(ticket: Ticket) -> str:
    """Those of a device whose member confirmed the name and holds this ticket."""
    made = HttpResponse()
    made.set_signed_cookie("identity", issue_identity(ticket.member)[0], salt="visitor.confirmed")
    made.set_signed_cookie("tickets", ticket.public_id, salt="visitor.")
    return "; ".join(f"{name}={cookie.coded_value}" for name, cookie in made.cookies.items())


def _queries(address: str, headers: dict, cookies: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        answer = Client(headers=headers | {"Cookie": cookies}).get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")
    return len(captured)


def _ask(server: Server, address: str, headers: dict, workspace: Path) -> list[float]:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{lines}\r\n".encode()
    load = client.send(server.port, [request] * IN_A_ROW, clients=1, workspace=workspace)
    faults = {answer.status for answer in load.answers} - {200}
    if faults:
        raise SystemExit(f"{address} answered {faults}")
    return [answer.seconds for answer in load.answers]


def _name(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]
