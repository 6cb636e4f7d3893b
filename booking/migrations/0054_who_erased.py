import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The application says who asks (queue.by, for one transaction), as it does of every event; the role is PostgreSQL's word.
SAY = """
CREATE OR REPLACE FUNCTION booking_say_erased(what text, member_id bigint, count integer) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO booking_erasure (at, what, member_id, count, role, by_id)
    VALUES (now(), what, member_id, count, session_user, nullif(current_setting('queue.by', true), '')::integer)
$$;
"""
SAY_AS_BEFORE = """
CREATE OR REPLACE FUNCTION booking_say_erased(what text, member_id bigint, count integer) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO booking_erasure (at, what, member_id, count, role) VALUES (now(), what, member_id, count, session_user)
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("booking", "0053_calls_about_offers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="erasure",
            name="by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="โดย",
            ),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="what",
            field=models.CharField(
                choices=[
                    ("member", "สมาชิกที่ขอให้ลบข้อมูล"),
                    ("member_history", "ประวัติสมาชิกที่เก็บครบเวลา"),
                    ("log_ins", "การเข้าสู่ระบบที่เก็บครบเวลา"),
                ],
                max_length=20,
                verbose_name="สิ่งที่ลบ",
            ),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="role",
            field=models.CharField(max_length=63, verbose_name="บทบาทในฐานข้อมูล"),
        ),
        migrations.RunSQL(SAY, SAY_AS_BEFORE),
    ]
