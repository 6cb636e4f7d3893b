"""How long a department takes for one ticket: measured from what it has served."""

from statistics import mean, pstdev

from django.utils import timezone

from booking.models import Department, Pace, TicketEvent


def pace_of(department: Department) -> tuple[int, int]:
    """Seconds a ticket takes in a department, and their spread: measured, else what the office says is usual."""
    measured = Pace.objects.filter(department=department).first()
    if measured:
        return measured.seconds, measured.spread
    usual = department.usual_service_minutes * 60
    return usual, usual // 2


def service_seconds(department: Department, *, since) -> list[float]:
    """How long each ticket was served in a department since then, from its events, in order of time."""
    begun, taken = {}, []
    events = TicketEvent.objects.filter(queue=department, at__gte=since, verb__in=["start", "finish"]).order_by("id")
    for ticket_id, verb, at in events.values_list("ticket_id", "verb", "at"):
        if verb == "start":
            begun[ticket_id] = at
        elif ticket_id in begun:
            taken.append((at - begun.pop(ticket_id)).total_seconds())
    return taken


def measure_pace(department: Department, *, since) -> Pace | None:
    """Keep a department's pace from its last fifty services; None where there are fewer than five."""
    taken = service_seconds(department, since=since)[-50:]
    if len(taken) < 5:
        return None
    measured, _ = Pace.objects.update_or_create(
        department=department,
        defaults={"seconds": round(mean(taken)), "spread": round(pstdev(taken)), "measured_at": timezone.now()},
    )
    return measured
