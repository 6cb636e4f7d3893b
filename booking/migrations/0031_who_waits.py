from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("booking", "0030_recovery_codes_as_hashes")]

    operations = [
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                name="waiting_ordinary",
                fields=["queue", "date", "due_at", "number", "id"],
                condition=Q(state="waiting", priority=""),
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                name="waiting_priority",
                fields=["queue", "date", "due_at", "number", "id"],
                condition=Q(state="waiting") & ~Q(priority=""),
            ),
        ),
    ]
