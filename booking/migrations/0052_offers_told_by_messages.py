from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('booking', '0051_offer_messages'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='waitingentry',
            name='offers_to_tell',
        ),
        migrations.RemoveField(
            model_name='waitingentry',
            name='next_try_at',
        ),
        migrations.RemoveField(
            model_name='waitingentry',
            name='retry_key',
        ),
        migrations.RemoveField(
            model_name='waitingentry',
            name='telling',
        ),
        migrations.RemoveField(
            model_name='waitingentry',
            name='told_by',
        ),
        migrations.RemoveField(
            model_name='waitingentry',
            name='tries',
        ),
    ]
