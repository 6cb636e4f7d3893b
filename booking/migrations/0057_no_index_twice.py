"""Three foreign keys had an index of their own although a unique one begins with the same column: each booking wrote
both, and PostgreSQL took a booking's place by the one that knows neither what is free nor its order.

Django would drop and check the foreign keys themselves as well, which reads the whole table.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("booking", "0056_alarms_of_messages_and_surges")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"DROP INDEX IF EXISTS {index}", f"CREATE INDEX IF NOT EXISTS {index} ON {table} ({column})"
                )
                for index, table, column in [
                    ("booking_slot_department_id_5d663836", "booking_slot", "department_id"),
                    ("booking_place_slot_id_1f4704bf", "booking_place", "slot_id"),
                    ("booking_notice_ticket_id_016c778d", "booking_notice", "ticket_id"),
                ]
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="slot",
                    name="department",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="slots",
                        to="booking.department",
                        verbose_name="ฝ่าย",
                    ),
                ),
                migrations.AlterField(
                    model_name="place",
                    name="slot",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="places",
                        to="booking.slot",
                        verbose_name="ช่วงเวลา",
                    ),
                ),
                migrations.AlterField(
                    model_name="notice",
                    name="ticket",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="booking.ticket",
                        verbose_name="บัตรคิว",
                    ),
                ),
            ],
        )
    ]
