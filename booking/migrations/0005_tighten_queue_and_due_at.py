import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("booking", "0004_fill_queue_and_due_at")]
    operations = [
        migrations.AlterField("ticket", "due_at", models.DateTimeField("ถึงคิวเมื่อ")),
        migrations.AlterField(
            "ticket",
            "queue",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="queued_tickets",
                to="booking.department",
                verbose_name="อยู่ในคิวของ",
            ),
        ),
    ]
