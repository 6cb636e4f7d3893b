from django.conf import settings
from django.db import migrations


def read_from_reasons(apps, schema_editor):
    """Until now the reason said by whom: "by 7". It stays there for the release before this one, which reads it."""
    notices = apps.get_model('booking', 'Notice').objects.filter(state='telephoned', ended_by=None)
    for pk in apps.get_model(settings.AUTH_USER_MODEL).objects.values_list('pk', flat=True):
        notices.filter(reason=f'by {pk}').update(ended_by=pk)


class Migration(migrations.Migration):

    dependencies = [
        ('booking', '0012_who_telephoned_and_why_it_ended'),
    ]

    operations = [migrations.RunPython(read_from_reasons, migrations.RunPython.noop)]
