from django.db import migrations, models

# The status was a part of the reason.
TAKE_OUT = """
UPDATE booking_notice
   SET reason = 'line_refused', line_status = substring(reason FROM 6)::smallint
 WHERE reason ~ '^line_[0-9]{3}$'
"""
PUT_BACK = "UPDATE booking_notice SET reason = 'line_' || line_status WHERE reason = 'line_refused'"


class Migration(migrations.Migration):
    dependencies = [("booking", "0027_alarms")]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="line_status",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.RunSQL(TAKE_OUT, PUT_BACK),
    ]
