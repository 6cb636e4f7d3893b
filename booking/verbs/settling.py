"""Thousands of tickets that staff have decided on: carried out in the background, with its progress to be seen.

Each ticket is a transaction of its own, which also keeps what became of it. So a worker that is stopped, or two that
are at it, do nothing twice and leave nothing out.
"""

import logging
import time

from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django_q.tasks import async_task

from booking import errors
from booking.models import Ticket
from booking.models.settling import SettledTicket, Settlement
from booking.verbs import closures, locks
from booking.verbs.closures import Choice, Decision
from members.free_text import masked

log = logging.getLogger(__name__)

AT_ONCE = 50  # so many are settled while somebody waits for the page
AT_WORK = 120  # seconds; then another job goes on, well before the worker would be stopped


def begin(*, decisions: list[Decision], by: User, reason: str) -> Settlement:
    """Keep what was decided, and put its carrying out on the list of jobs. What another settlement still has to come to
    is left to that one. Locks nothing."""
    wanted = [decision for decision in decisions if decision.choice != Choice.KEEP]
    with transaction.atomic():
        settlement = Settlement.objects.create(by=by, reason=masked(reason), begun_at=timezone.now())
        SettledTicket.objects.bulk_create(
            [
                SettledTicket(settlement=settlement, ticket=one.ticket, choice=one.choice, wish=one.wish)
                for one in wanted
            ],
            ignore_conflicts=True,
        )
        async_task("booking.verbs.settling.carry_out", settlement.pk)
    return settlement


def carry_out(pk: int) -> None:
    """Settle the tickets of a settlement that are left. May run twice, and at the same time."""
    until = time.monotonic() + AT_WORK
    while _settle_next(pk=pk):
        if time.monotonic() > until:
            async_task("booking.verbs.settling.carry_out", pk)
            return
    with transaction.atomic():
        if not SettledTicket.objects.filter(settlement=pk, done_at=None).exists():
            Settlement.objects.filter(pk=pk, finished_at=None).update(finished_at=timezone.now())


def go_on() -> None:
    """Take up again what a worker that stopped has left."""
    for pk in Settlement.objects.filter(finished_at=None).order_by("pk").values_list("pk", flat=True):
        carry_out(pk)


@locks.verb
def _settle_next(*, pk: int) -> bool:
    """Settle one ticket, and keep what became of it; whether there was one that nobody else is at. Locks its row, then
    what its verb locks."""
    row = (
        SettledTicket.objects.select_for_update(of=["self"], skip_locked=True, no_key=True)
        .filter(settlement=pk, done_at=None)
        .select_related("settlement__by")
        .order_by("pk")
        .first()
    )
    if row is None:
        return False
    row.refusal = _refusal(row)
    row.done_at = timezone.now()
    row.save(update_fields=["refusal", "done_at"])
    return True


def _refusal(row: SettledTicket) -> str:
    """Carry out one decision; the code of what stood in the way, "" if nothing did. A fault with one ticket does not
    keep the others from being settled; without the database there is nothing to go on with."""
    decision = Decision(Ticket.objects.with_details().get(pk=row.ticket_id), Choice(row.choice), row.wish)
    try:
        with transaction.atomic():
            outcome = closures.carry_out(decision, by=row.settlement.by, reason=row.settlement.reason)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("ticket %s of settlement %s was not settled", row.ticket_id, row.settlement_id)
        return errors.NotCarriedOut.code
    return outcome.refusal.code if outcome.refusal else ""
