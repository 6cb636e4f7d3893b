"""What must be true of the database at any moment, whatever ran at once. Races, benchmarks and restores check it."""

import datetime as dt

from django.db import connections

from booking.days import opening
from booking.models.tickets import AT_COUNTER, FIRST_WALK_IN_NUMBER, LIVE, State


def _in_sql(states) -> str:
    """('booked', 'waiting')"""
    return "(" + ", ".join(f"'{state.value}'" for state in states) + ")"


LIVE_STATES, STATES_AT_COUNTER, CANCELLED = _in_sql(LIVE), _in_sql(AT_COUNTER), _in_sql([State.CANCELLED])

# How many days back an hourly check looks; a check of all reads the whole history.
RECENT_DAYS = 14

# Each query finds the rows that break the rule it is named by, of days from `since` on. A slot's places are counted in
# a query of their own: for a GROUP BY slot.id PostgreSQL goes through all slots there ever were, in order of their ids.
RULES = {
    "a live ticket holds as many places as it has parts, the first in its own slot and with its own number, unless it "
    "is a walk-in": f"""
        SELECT ticket.id FROM booking_ticket ticket
          LEFT JOIN LATERAL (SELECT count(*) AS held, min(place.part) AS first, max(place.part) AS last,
                                    bool_or(place.part = 1 AND place.slot_id = ticket.slot_id
                                            AND place.number = ticket.number) AS is_own
                               FROM booking_place place WHERE place.ticket_id = ticket.id) place ON true
         WHERE ticket.date >= %(since)s AND ticket.state IN {LIVE_STATES}
           AND ticket.slot_id IS NOT NULL
           AND (place.held, place.first, place.last, place.is_own)
               IS DISTINCT FROM (ticket.parts, 1, ticket.parts, true)""",
    "the parts of a visit lie in slots of one day that follow each other": """
        SELECT place.ticket_id FROM booking_place place
          JOIN booking_slot slot ON slot.id = place.slot_id
          JOIN booking_place before ON before.ticket_id = place.ticket_id AND before.part = place.part - 1
          JOIN booking_slot slot_before ON slot_before.id = before.slot_id
         WHERE slot.date >= %(since)s AND place.part > 1
           AND (slot.department_id <> slot_before.department_id OR slot.date <> slot_before.date
                OR slot.starts_at <= slot_before.starts_at)""",
    "a cancelled ticket holds no place": f"""
        SELECT ticket.id FROM booking_ticket ticket JOIN booking_place place ON place.ticket_id = ticket.id
         WHERE ticket.date >= %(since)s AND ticket.state IN {CANCELLED}""",
    "no member has booked a place before it came free": """
        SELECT ticket.id FROM booking_place place
          JOIN booking_ticket ticket ON ticket.id = place.ticket_id
         WHERE ticket.date >= %(since)s AND place.free_from > ticket.issued_at
           AND EXISTS (SELECT FROM booking_ticketevent event
                        WHERE event.ticket_id = ticket.id AND event.verb = 'book' AND event.by_id IS NULL)
           AND NOT EXISTS (SELECT FROM booking_waitingentry entry
                            WHERE entry.member_id = ticket.member_id AND entry.department_id = ticket.department_id
                              AND entry.date = ticket.date AND entry.offered_number = place.number)""",
    "a place is offered to one who waits for its day, and no longer once it is taken or the waiting is over": """
        SELECT place.id FROM booking_place place
          JOIN booking_slot slot ON slot.id = place.slot_id
          JOIN booking_waitingentry entry ON entry.id = place.offered_to_id
         WHERE slot.date >= %(since)s
           AND (place.ticket_id IS NOT NULL OR entry.ended_at IS NOT NULL
                OR (entry.department_id, entry.date, entry.offered_starts_at, entry.offered_number)
                    IS DISTINCT FROM (slot.department_id, slot.date, slot.starts_at, place.number))""",
    "nobody else books a place while it is offered": """
        SELECT ticket.id FROM booking_waitingentry entry
          JOIN booking_slot slot ON slot.department_id = entry.department_id
                                AND slot.starts_at = entry.offered_starts_at
          JOIN booking_ticket ticket ON ticket.slot_id = slot.id AND ticket.number = entry.offered_number
         WHERE entry.date >= %(since)s AND ticket.member_id <> entry.member_id
           AND ticket.issued_at > entry.offered_at AND ticket.issued_at < entry.offer_ends_at
           AND entry.ending IN ('', 'lapsed')""",
    "a slot has no free place above its quota, and none outside its numbers": """
        SELECT slot.id FROM booking_slot slot
         CROSS JOIN LATERAL (SELECT count(*) AS places, count(*) FILTER (WHERE ticket_id IS NULL) AS free,
                                    min(number) AS first, max(number) AS last
                               FROM booking_place WHERE slot_id = slot.id) place
         WHERE slot.date >= %(since)s
           AND ((place.places > slot.quota AND place.free > 0)
                OR place.first < slot.first_number OR place.last > slot.last_number)""",
    "a slot has as many places as its quota": """
        SELECT slot.id FROM booking_slot slot
         WHERE slot.date >= %(since)s
           AND (SELECT count(*) FROM booking_place WHERE slot_id = slot.id) < slot.quota""",
    "slots of one department and day share no numbers": """
        SELECT a.id FROM booking_slot a JOIN booking_slot b
            ON a.department_id = b.department_id AND a.date = b.date AND a.id < b.id
           AND a.first_number <= b.last_number AND b.first_number <= a.last_number
         WHERE a.date >= %(since)s""",
    "one live ticket for each member, department and day": f"""
        SELECT min(id) FROM booking_ticket
         WHERE date >= %(since)s AND state IN {LIVE_STATES} AND member_id IS NOT NULL
         GROUP BY member_id, department_id, date HAVING count(*) > 1""",
    "the last event of a ticket tells its state, and each event goes on where the one before it ended": """
        SELECT ticket.id FROM booking_ticket ticket
          LEFT JOIN LATERAL (SELECT to_state FROM booking_ticketevent WHERE ticket_id = ticket.id
                              ORDER BY id DESC LIMIT 1) last ON true
         WHERE ticket.date >= %(since)s AND last.to_state IS DISTINCT FROM ticket.state
        UNION ALL
        SELECT ticket_id FROM (SELECT ticket_id, from_state,
                                      lag(to_state, 1, '') OVER (PARTITION BY ticket_id ORDER BY booking_ticketevent.id)
                                          AS before
                                 FROM booking_ticketevent
                                 JOIN booking_ticket ticket ON ticket.id = ticket_id
                                WHERE ticket.date >= %(since)s) event
         WHERE from_state <> before""",
    "a walk-in holds no place, and its number is from 501 up": f"""
        SELECT ticket.id FROM booking_ticket ticket
          LEFT JOIN booking_place place ON place.ticket_id = ticket.id
         WHERE ticket.date >= %(since)s AND ticket.slot_id IS NULL
           AND (place.id IS NOT NULL OR ticket.number < {FIRST_WALK_IN_NUMBER})""",
    "a counter calls or serves one ticket at a time, and a called ticket has a counter": f"""
        SELECT min(id) FROM booking_ticket WHERE state IN {STATES_AT_COUNTER}
         GROUP BY counter_id HAVING count(*) > 1 OR counter_id IS NULL""",
    "the last event of a ticket tells in whose queue it stands": """
        SELECT ticket.id FROM booking_ticket ticket
          JOIN LATERAL (SELECT queue_id FROM booking_ticketevent WHERE ticket_id = ticket.id
                         ORDER BY id DESC LIMIT 1) last ON true
         WHERE ticket.date >= %(since)s
           AND last.queue_id IS DISTINCT FROM ticket.queue_id AND last.queue_id IS NOT NULL""",
    "a ticket that was moved is cancelled and of the same member and department": f"""
        SELECT new.id FROM booking_ticket new JOIN booking_ticket old ON old.id = new.moved_from_id
         WHERE new.date >= %(since)s
           AND (old.state NOT IN {CANCELLED} OR old.department_id <> new.department_id
                OR old.member_id IS DISTINCT FROM new.member_id)""",
}


def faults(*, since: dt.date | None = None) -> list[str]:
    """What is wrong in the database, a sentence each: the rules that do not hold, and days that are laid out in another
    way than the rules of opening say. Empty when all is well. With `since`, of the days from then on."""
    found = [f"{rule}: rows {ids}" for rule, ids in violations(since=since).items()]
    if (differs := opening.differences()).count:
        found.append(f"What is laid out differs from the rules ({differs}); the job open_days puts it right.")
    return found


def violations(*, since: dt.date | None = None, using: str = "default") -> dict[str, list[int]]:
    """The rules that do not hold, each with up to ten ids of rows that break it. Empty when all is well. One query, to
    the database of that alias, about the days from `since` on (None: all)."""
    parts = [f"(SELECT {nth}, * FROM ({query}) broken LIMIT 10)" for nth, query in enumerate(RULES.values())]
    found: dict[str, list[int]] = {}
    with connections[using].cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), {"since": since or dt.date.min})
        for nth, row_id in cursor.fetchall():
            found.setdefault(list(RULES)[nth], []).append(row_id)
    return found
