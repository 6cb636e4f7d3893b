from django.db import migrations

FILL = """
UPDATE booking_ticket ticket SET queue_id = ticket.department_id, due_at = slot.starts_at
  FROM booking_slot slot WHERE slot.id = ticket.slot_id
"""


class Migration(migrations.Migration):
    dependencies = [("booking", "0003_the_office")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
