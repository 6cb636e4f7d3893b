from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0014_messages_to_carers"),
    ]

    operations = [
        migrations.AddField(
            model_name="member",
            name="sign_outs",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
