import base64

from django.conf import settings
from django.db import migrations, models
from django.utils.crypto import salted_hmac


def keep_hashes(apps, schema_editor):
    """Recovery codes stood here readable; those handed out stay good (booking/sign_in.py makes the same of a code)."""
    for token in apps.get_model("otp_static", "StaticToken").objects.all():
        made = salted_hmac(
            "booking.recovery_code", token.token.lower(), secret=settings.CITIZEN_ID_KEY, algorithm="sha256"
        )
        token.token = base64.urlsafe_b64encode(made.digest()[:12]).decode()
        token.save(update_fields=["token"])


class Migration(migrations.Migration):
    dependencies = [("booking", "0029_profiles_and_first_counters"), ("otp_static", "0003_add_timestamps")]

    operations = [
        migrations.AlterField(
            model_name='staffevent',
            name='what',
            field=models.CharField(choices=[('added', 'เพิ่มผู้ใช้'), ('roles', 'เปลี่ยนบทบาท'), ('departments', 'เปลี่ยนฝ่าย'), ('switched_off', 'ปิดการใช้งาน'), ('switched_on', 'เปิดการใช้งานอีกครั้ง'), ('link', 'ออกลิงก์ตั้งรหัสผ่าน'), ('password', 'ตั้งรหัสผ่านเอง'), ('unlocked', 'ปลดล็อก'), ('factor_set', 'ตั้งค่ายืนยันตัวตนขั้นที่สอง'), ('codes_renewed', 'ออกรหัสสำรองชุดใหม่'), ('factor_reset', 'ล้างการยืนยันตัวตนขั้นที่สอง'), ('rights', 'เปลี่ยนสิทธิ์ของบทบาท')], max_length=20, verbose_name='เหตุการณ์'),
        ),
        migrations.RunPython(keep_hashes, migrations.RunPython.noop),
    ]
