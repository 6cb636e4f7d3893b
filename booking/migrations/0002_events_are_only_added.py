from django.db import migrations

FORBID = """
CREATE FUNCTION booking_ticketevent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ticket events are only ever added';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON booking_ticketevent
    FOR EACH ROW EXECUTE FUNCTION booking_ticketevent_is_append_only();
"""
ALLOW = """
DROP TRIGGER append_only ON booking_ticketevent;
DROP FUNCTION booking_ticketevent_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("booking", "0001_initial")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
