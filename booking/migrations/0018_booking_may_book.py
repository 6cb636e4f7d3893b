from django.db import migrations

# VOLATILE, so that it counts with a snapshot taken when it is called: after the statement that books has locked the
# member's row. Counted in the statement itself, a booking that was committed while it waited would be missed.
MAKE = """
CREATE FUNCTION booking_may_book(whose bigint, at timestamptz, most_live integer, most_a_day integer)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (
        SELECT count(*) FILTER (WHERE state IN ('booked', 'waiting', 'called', 'serving', 'on_hold', 'missed')
                                      AND date >= (at AT TIME ZONE 'Asia/Bangkok')::date) < most_live
               AND count(*) FILTER (WHERE issued_at > at - interval '1 day') < most_a_day
          FROM booking_ticket
         WHERE member_id = whose AND origin_address IS NOT NULL
    );
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("booking", "0017_where_a_ticket_was_booked_from")]
    operations = [migrations.RunSQL(MAKE, "DROP FUNCTION booking_may_book(bigint, timestamptz, integer, integer)")]
