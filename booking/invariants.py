"""What must be true of the database at any moment, whatever ran at once. Races, benchmarks and restores check it."""

from django.db import connection

# Each query finds the rows that break the rule it is named by.
RULES = {
    "a live ticket holds exactly one place, in its own slot and with its own number": """
        SELECT ticket.id FROM booking_ticket ticket
          LEFT JOIN booking_place place ON place.ticket_id = ticket.id
         WHERE ticket.state IN ('booked', 'waiting', 'called', 'serving', 'on_hold', 'missed')
           AND (place.id IS NULL OR place.slot_id <> ticket.slot_id OR place.number <> ticket.number)""",
    "a cancelled ticket holds no place": """
        SELECT ticket.id FROM booking_ticket ticket JOIN booking_place place ON place.ticket_id = ticket.id
         WHERE ticket.state = 'cancelled'""",
    "a slot has no free place above its quota, and none outside its numbers": """
        SELECT slot.id FROM booking_slot slot JOIN booking_place place ON place.slot_id = slot.id
         GROUP BY slot.id
        HAVING (count(*) > slot.quota AND count(*) FILTER (WHERE place.ticket_id IS NULL) > 0)
            OR min(place.number) < slot.first_number OR max(place.number) > slot.last_number""",
    "a slot has as many places as its quota": """
        SELECT slot.id FROM booking_slot slot LEFT JOIN booking_place place ON place.slot_id = slot.id
         GROUP BY slot.id HAVING count(place.id) < slot.quota""",
    "slots of one department and day share no numbers": """
        SELECT a.id FROM booking_slot a JOIN booking_slot b
            ON a.department_id = b.department_id AND a.date = b.date AND a.id < b.id
           AND a.first_number <= b.last_number AND b.first_number <= a.last_number""",
    "one live ticket for each member, department and day": """
        SELECT min(id) FROM booking_ticket
         WHERE state IN ('booked', 'waiting', 'called', 'serving', 'on_hold', 'missed') AND member_id IS NOT NULL
         GROUP BY member_id, department_id, date HAVING count(*) > 1""",
    "the last event of a ticket tells its state, and each event goes on where the one before it ended": """
        SELECT ticket.id FROM booking_ticket ticket
          LEFT JOIN LATERAL (SELECT to_state FROM booking_ticketevent WHERE ticket_id = ticket.id
                              ORDER BY id DESC LIMIT 1) last ON true
         WHERE last.to_state IS DISTINCT FROM ticket.state
        UNION ALL
        SELECT ticket_id FROM (SELECT ticket_id, from_state,
                                      lag(to_state, 1, '') OVER (PARTITION BY ticket_id ORDER BY id) AS before
                                 FROM booking_ticketevent) event
         WHERE from_state <> before""",
    "a ticket that was moved is cancelled and of the same member and department": """
        SELECT new.id FROM booking_ticket new JOIN booking_ticket old ON old.id = new.moved_from_id
         WHERE old.state <> 'cancelled' OR old.department_id <> new.department_id
            OR old.member_id IS DISTINCT FROM new.member_id""",
}


def violations() -> dict[str, list[int]]:
    """The rules that do not hold, each with up to ten ids of rows that break it. Empty when all is well."""
    found = {}
    with connection.cursor() as cursor:
        for rule, query in RULES.items():
            cursor.execute(f"SELECT * FROM ({query}) broken LIMIT 10")
            ids = [row[0] for row in cursor.fetchall()]
            if ids:
                found[rule] = ids
    return found
