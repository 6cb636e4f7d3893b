from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The events may be many, and counters call meanwhile.
    atomic = False

    dependencies = [
        ('booking', '0044_waiting_told'),
    ]

    operations = [
        migrations.AddField(
            model_name='ticketevent',
            name='before',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='ticketevent',
            name='strikes',
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
        AddIndexConcurrently(
            model_name='ticketevent',
            index=models.Index(condition=models.Q(('strikes__isnull', False)), fields=['ticket'], name='events_struck_out'),
        ),
    ]
