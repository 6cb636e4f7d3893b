"""The next call of a counter in one statement: which ticket, its move, event, version of the queue, and messages owed.

The order of calling is that of booking/calling/order.py, which says it in plain Python;
tests/test_next_call_statement.py holds the two together over random queues. Change a rule in both.
"""

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from booking import errors, prepared
from booking.kept import kept
from booking.messages import kinds, ledger
from booking.messages.kinds import KINDS, To
from booking.models import Counter, Ticket

# Within a department's queue, class by class, the first by due time are enough to look at: if anybody of a class is
# due, its first is. Those who wait are found through an index of each class. Booked tickets are called only in
# departments without check-in, once they are due; these few are read through the day's queue.
#
# What is read is from before the call, so the called ticket is left out of the line by its id, and is added to the
# calls by hand.
CALL = """
WITH office AS MATERIALIZED (
    SELECT department.id, served.position, department.uses_check_in, department.calls_early,
           department.priority_in_a_row AS most, department.nearly_when_ahead AS nearly
      FROM unnest(%(departments)s::bigint[]) WITH ORDINALITY AS served (id, position)
      JOIN booking_department department ON department.id = served.id
), busy AS MATERIALIZED (
    SELECT id FROM booking_ticket WHERE counter_id = %(counter)s AND state IN ('called', 'serving')
), first AS MATERIALIZED (
    SELECT office.*, one.id AS ticket_id, one.state, one.priority, one.due_at, one.number,
           one.due_at <= %(now)s AS is_due
      FROM office, LATERAL (
          (SELECT id, state, priority, due_at, number FROM booking_ticket
            WHERE queue_id = office.id AND date = %(today)s AND state = 'waiting' AND priority = ''
            ORDER BY due_at, number, id LIMIT 1)
          UNION ALL
          (SELECT id, state, priority, due_at, number FROM booking_ticket
            WHERE queue_id = office.id AND date = %(today)s AND state = 'waiting' AND priority <> ''
            ORDER BY due_at, number, id LIMIT 1)
          UNION ALL
          (SELECT DISTINCT ON (priority <> '') id, state, priority, due_at, number FROM booking_ticket
            WHERE NOT office.uses_check_in AND queue_id = office.id AND date = %(today)s
              AND due_at <= %(now)s AND state = 'booked'
            ORDER BY priority <> '', due_at, number, id)
      ) one
     WHERE one.due_at <= %(now)s OR office.calls_early
), from_queue AS MATERIALIZED (
    SELECT *, most > 0 AND (
               SELECT count(*) = most AND bool_and(priority <> '')
                 FROM (SELECT priority FROM booking_ticket
                        WHERE queue_id = chosen.id AND date = %(today)s AND called_at IS NOT NULL
                        ORDER BY called_at DESC, id DESC LIMIT most) last
           ) AS had_its_turns
      FROM (SELECT * FROM first ORDER BY is_due DESC, position LIMIT 1) chosen
), pick AS MATERIALIZED (
    SELECT first.*
      FROM first JOIN from_queue USING (id, is_due)
     ORDER BY (first.priority <> '') = from_queue.had_its_turns, first.due_at, first.number, first.ticket_id
     LIMIT 1
), called AS (
    UPDATE booking_ticket ticket
       SET state = 'called', counter_id = %(counter)s, called_at = %(now)s, recalls = 0
      FROM pick
     WHERE ticket.id = pick.ticket_id AND NOT EXISTS (SELECT FROM busy)
    RETURNING ticket.id, ticket.member_id, ticket.priority, ticket.due_at, pick.state AS was,
              pick.id AS queue_id, pick.uses_check_in, pick.most, pick.nearly
), logged AS (
    INSERT INTO booking_ticketevent (ticket_id, verb, from_state, to_state, queue_id, counter_id, by_id, reason, at)
    SELECT id, 'call', was, 'called', queue_id, %(counter)s, %(by)s, '', %(now)s FROM called
), raised AS (
    UPDATE booking_queueversion SET version = version + 1 FROM called WHERE department_id = called.queue_id
), chosen AS MATERIALIZED (
    SELECT kind.*
      FROM unnest(%(kinds)s::text[], %(lasts)s::interval[], %(repeated)s::boolean[], %(to_next)s::boolean[])
           AS kind (name, lasts, is_repeated, to_next)
      JOIN booking_messagechoice choice ON choice.kind = kind.name AND choice.is_on
     WHERE %(messages)s
), calls AS MATERIALIZED (
    SELECT called.most > 0 AND (
               SELECT count(*) = called.most AND bool_and(priority <> '')
                 FROM (SELECT priority
                         FROM ((SELECT id, called_at, priority FROM booking_ticket
                                 WHERE queue_id = called.queue_id AND date = %(today)s AND called_at IS NOT NULL
                                   AND id <> called.id
                                 ORDER BY called_at DESC, id DESC LIMIT called.most)
                               UNION ALL SELECT called.id, %(now)s, called.priority) one
                        ORDER BY called_at DESC, id DESC LIMIT called.most) last
           ) AS priority_had_its_turns
      FROM called
), next AS MATERIALIZED (
    SELECT one.id, one.member_id, one.due_at
      FROM called, calls, LATERAL (
          SELECT * FROM (
              (SELECT id, member_id, priority, due_at, number FROM booking_ticket
                WHERE queue_id = called.queue_id AND date = %(today)s AND state = 'waiting' AND priority = ''
                  AND id <> called.id
                ORDER BY due_at, number, id LIMIT called.nearly)
              UNION ALL
              (SELECT id, member_id, priority, due_at, number FROM booking_ticket
                WHERE queue_id = called.queue_id AND date = %(today)s AND state = 'waiting' AND priority <> ''
                  AND id <> called.id
                ORDER BY due_at, number, id LIMIT called.nearly)
              UNION ALL
              (SELECT id, member_id, priority, due_at, number FROM booking_ticket
                WHERE NOT called.uses_check_in AND queue_id = called.queue_id AND date = %(today)s
                  AND due_at <= %(now)s AND state = 'booked' AND id <> called.id)
          ) standing
          ORDER BY due_at <= %(now)s DESC, (priority <> '') = calls.priority_had_its_turns, due_at, number, id
          LIMIT called.nearly
      ) one
     WHERE EXISTS (SELECT FROM chosen WHERE to_next)
), owed AS (
    INSERT INTO booking_notice (ticket_id, kind, "window", retry_key, next_try_at, expires_at, created_at)
    SELECT holder.id, chosen.name,
           CASE WHEN chosen.is_repeated
                THEN (SELECT count(*) FROM booking_ticketevent event WHERE event.ticket_id = holder.id)::text
                ELSE '' END,
           gen_random_uuid(), %(now)s, COALESCE(%(now)s + chosen.lasts, holder.due_at), %(now)s
      FROM chosen
      JOIN (SELECT id, member_id, due_at, false AS to_next FROM called
            UNION ALL SELECT id, member_id, due_at, true FROM next) holder USING (to_next)
     WHERE holder.member_id IS NOT NULL
    ON CONFLICT (ticket_id, kind, "window") DO NOTHING
)
SELECT pick.ticket_id, (SELECT id FROM busy) FROM pick
"""


def call(counter: Counter, department_ids: list[int], *, by: User) -> Ticket | None:
    """Call the next ticket of these departments' queues to a counter, or return None if nobody may be called.

    The caller holds the locks of the counter and of the queues: without them two counters call the same ticket. Raises
    CounterBusy.
    """
    row = prepared.first_row(CALL, values(counter, department_ids, by=by))
    if row is None:
        return None
    called, busy_with = row
    if busy_with:
        raise errors.CounterBusy(Ticket.objects.with_details().get(pk=busy_with))
    return _called(called, counter)


def values(counter: Counter, department_ids: list[int], *, by: User) -> dict[str, object]:
    """What the statement is asked with, now."""
    now = timezone.now()
    next_kinds = kinds.owed("call", to=To.NEXT, by_staff=by is not None)
    owed = [*kinds.owed("call", to=To.HOLDER, by_staff=by is not None), *next_kinds]
    return {
        "departments": department_ids,
        "counter": counter.pk,
        "by": by.pk,
        "now": now,
        "today": timezone.localdate(now),
        "messages": ledger.is_on(),
        "kinds": [str(kind) for kind in owed],
        "lasts": [KINDS[kind].lasts for kind in owed],
        "repeated": [KINDS[kind].is_repeated for kind in owed],
        "to_next": [kind in next_kinds for kind in owed],
    }


def _called(pk: int, counter: Counter) -> Ticket:
    """With what is said of a call. Two joins fewer than with_details(): the queues are locked meanwhile."""
    ticket = _tickets(pk=pk)[0]
    ticket.counter = counter
    if ticket.queue_id == ticket.department_id:
        ticket.queue = ticket.department
    return ticket


@kept
def _tickets(*, pk: int) -> QuerySet[Ticket]:
    return Ticket.objects.select_related("department", "slot").filter(pk=pk)
