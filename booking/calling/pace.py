"""How long a department takes for one ticket, measured from its last services. Misleading ones are left out."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from statistics import mean, pstdev, quantiles

from django.utils import timezone

from booking.models import Department, Pace, Ticket, TicketEvent, Topic

LOOKS_BACK = dt.timedelta(days=14)
LAST = 50
FEWEST = 5
# Why a service does not count: a job ended it long after the member had gone, or a clerk took it back.
BY_A_JOB, TAKEN_BACK = "by_a_job", "taken_back"

History = tuple[str, int | None, int | None, dt.datetime]  # one event: verb, queue, by whom, when


@dataclass(frozen=True)
class Service:
    """One ticket's time at the counters of a department, from the call on, without time on hold. `left_out` says why it
    does not count; empty if it does."""

    department_id: int
    ticket_id: int
    seconds: float
    ended_at: dt.datetime
    left_out: str = ""


@dataclass(frozen=True)
class Measured:
    """A department's pace in seconds, its spread, and what it was measured from: how many services counted, the cap in
    seconds for long ones, how many were capped, and how many were left out, by reason."""

    seconds: float
    spread: float
    count: int
    cap: float
    capped: int
    left_out: dict[str, int]

    @property
    def minutes(self) -> float:
        return self.seconds / 60

    @property
    def cap_minutes(self) -> float:
        return self.cap / 60


def pace_of(department: Department) -> tuple[int, int]:
    """Seconds a ticket takes in a department, and their spread: measured, else as the office says is usual."""
    return paces_of([department])[department.pk]


def paces_of(departments: list[Department]) -> dict[int, tuple[int, int]]:
    """Like pace_of, for each of these departments by its id, in one query."""
    found = {one.pk: (one.usual_service_minutes * 60, one.usual_service_minutes * 30) for one in departments}
    measured = Pace.objects.filter(department__in=departments)
    return found | {row.department_id: (row.seconds, row.spread) for row in measured}


def services(*, since: dt.datetime) -> list[Service]:
    """All finished services that began since then, of all departments, in order of their ends. One query."""
    events = TicketEvent.objects.standing().filter(at__gte=since, verb__in=FOLLOWED).order_by("id")
    histories: dict[int, list[History]] = defaultdict(list)
    for ticket_id, verb, queue_id, by_id, at in events.values_list("ticket_id", "verb", "queue_id", "by_id", "at"):
        histories[ticket_id].append((verb, queue_id, by_id, at))
    found = [service for ticket_id, history in histories.items() for service in services_of(ticket_id, history)]
    return sorted(found, key=lambda service: service.ended_at)


def measured(found: list[Service]) -> Measured | None:
    """The pace from the last fifty services of one department; None if fewer than five count.

    The mean, because a median would tell too little if a few services take long. But a service far longer than the
    others (past the upper quartile by three times the distance of the quartiles) is cut to that length: somebody forgot
    to end it.
    """
    taken = [service.seconds for service in found if not service.left_out][-LAST:]
    if len(taken) < FEWEST:
        return None
    lower, _, upper = quantiles(taken, n=4, method="inclusive")
    cap = upper + 3 * (upper - lower)
    cut = [min(seconds, cap) for seconds in taken]
    left_out = {why: sum(service.left_out == why for service in found) for why in (BY_A_JOB, TAKEN_BACK)}
    return Measured(mean(cut), pstdev(cut), len(taken), cap, sum(seconds > cap for seconds in taken), left_out)


def by_department(found: list[Service]) -> dict[int, list[Service]]:
    parts: dict[int, list[Service]] = defaultdict(list)
    for service in found:
        parts[service.department_id].append(service)
    return dict(parts)


def of_topics() -> dict[int, int]:
    """How many seconds a visit for each topic takes, by the topic's id, where that could be measured. One query."""
    return {pk: seconds for pk, seconds in Topic.objects.values_list("pk", "pace_seconds") if seconds}


def measure_paces(*, since: dt.datetime) -> None:
    """Store the pace of each active department, and of each topic, for which at least five tickets were served since
    then."""
    all_services = services(since=since)
    _measure_topics(all_services, since)
    found = by_department(all_services)
    for department in Department.objects.active():
        pace = measured(found.get(department.pk, []))
        if pace:
            Pace.objects.update_or_create(
                department=department,
                defaults={
                    "seconds": round(pace.seconds),
                    "spread": round(pace.spread),
                    "measured_at": timezone.now(),
                },
            )


def _measure_topics(found: list[Service], since: dt.datetime) -> None:
    """Of a ticket that was transferred, its first service is the one for its topic."""
    about = Ticket.objects.filter(topic__isnull=False, date__gte=timezone.localdate(since))
    topics = {pk: (topic, department) for pk, topic, department in about.values_list("pk", "topic", "department")}
    by_topic: dict[int, list[Service]] = defaultdict(list)
    for service in found:
        topic_id, department_id = topics.get(service.ticket_id, (0, 0))
        if service.department_id == department_id:
            by_topic[topic_id].append(service)
    for topic_id, of_topic in by_topic.items():
        pace = measured(of_topic)
        if pace:
            Topic.objects.filter(pk=topic_id).update(pace_seconds=round(pace.seconds))


FOLLOWED = ["call", "resume", "start", "hold", "miss", "undo_call", "put_back", "finish", "transfer", "undo_finish"]


def services_of(ticket_id: int, history: list[History]) -> list[Service]:
    """The services of one ticket, from its events in order. The walk to the counter is part of a service, because
    nobody else is served meanwhile. A service that ends before it has begun is none."""
    done: list[Service] = []
    seconds, since, department_id = 0.0, None, None
    for verb, queue_id, by_id, at in history:
        if verb == "undo_finish" and done:  # the service goes on as if it had not been ended
            undone = done.pop()
            department_id, seconds, since = undone.department_id, undone.seconds, undone.ended_at
            continue
        if verb in ("call", "resume"):
            since = at
            continue
        if verb == "start":
            department_id, since = queue_id, since or at
            continue
        seconds += (at - since).total_seconds() if since else 0
        since = None
        if verb == "hold":
            continue
        if department_id:
            left_out = TAKEN_BACK if verb == "put_back" else "" if by_id else BY_A_JOB
            done.append(Service(department_id, ticket_id, seconds, at, left_out))
        seconds, department_id = 0.0, None
    return done
