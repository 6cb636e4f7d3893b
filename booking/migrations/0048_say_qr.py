from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("booking", "0047_the_audit_is_kept"),
    ]

    operations = [
        migrations.AlterField(
            model_name="department",
            name="check_in_needs_presence",
            field=models.BooleanField(default=False, verbose_name="ต้องสแกน QR ที่สำนักงานเพื่อแจ้งมาถึง"),
        ),
        migrations.AlterField(
            model_name="historicaldepartment",
            name="check_in_needs_presence",
            field=models.BooleanField(default=False, verbose_name="ต้องสแกน QR ที่สำนักงานเพื่อแจ้งมาถึง"),
        ),
    ]
