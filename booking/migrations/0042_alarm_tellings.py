import django.contrib.postgres.fields
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


# What is there, and has been mailed, is not mailed again.
TOLD = """
INSERT INTO booking_alarmtelling
       (alarm_id, user_id, channel, retry_key, state, reason, tries, owed_since, next_try_at, ended_at)
SELECT alarm.id, choice.user_id, 'email', gen_random_uuid(), 'sent', '', 1, mailed_at, mailed_at, mailed_at
  FROM booking_alarm alarm, booking_alarmmail choice
 WHERE alarm.ended_at IS NULL AND alarm.mailed_at IS NOT NULL
"""


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('booking', '0041_fair_rules'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Who was told by e-mail keeps the row, and its table the name: the release before this one works on it meanwhile.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel('AlarmMail', 'AlarmChoice'),
                migrations.AlterModelTable('AlarmChoice', 'booking_alarmmail'),
                migrations.AlterModelOptions('AlarmChoice', {
                    'verbose_name': 'การรับการแจ้งเตือน',
                    'verbose_name_plural': 'การรับการแจ้งเตือน',
                }),
                migrations.AlterField('alarmchoice', 'user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='alarm_choice', serialize=False, to=settings.AUTH_USER_MODEL, verbose_name='ผู้ใช้')),
                migrations.AlterField('alarmchoice', 'address', models.EmailField(blank=True, max_length=254, verbose_name='อีเมล')),
                migrations.RemoveField('alarm', 'mailed_at'),
            ],
        ),
        migrations.AddField('alarmchoice', 'by_line', models.BooleanField(db_default=True, default=True, verbose_name='ส่งทาง LINE')),
        migrations.AddField('alarmchoice', 'unwanted', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('long_wait', 'มีผู้รอนานเกินกำหนด'), ('unserved', 'มีผู้รอ แต่ไม่มีช่องใดให้บริการ'), ('silent', 'ช่องว่างอยู่ ทั้งที่มีผู้รอ'), ('messages', 'ข้อความถึงสมาชิกค้างส่ง'), ('surge', 'มีการจองหรือค้นหามากผิดปกติ')], max_length=12), db_default=[], default=list, size=None, verbose_name='เรื่องที่ไม่รับ')),
        migrations.AddField('alarmchoice', 'quiet_from', models.TimeField(blank=True, null=True, verbose_name='ไม่ส่งตั้งแต่')),
        migrations.AddField('alarmchoice', 'quiet_until', models.TimeField(blank=True, null=True, verbose_name='ไม่ส่งจนถึง')),
        migrations.CreateModel(
            name='StaffLine',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='staff_line', serialize=False, to=settings.AUTH_USER_MODEL, verbose_name='ผู้ใช้')),
                ('line_user_id', models.CharField(max_length=40, unique=True, verbose_name='รหัสผู้ใช้ LINE')),
                ('linked_at', models.DateTimeField(verbose_name='ผูกเมื่อ')),
            ],
            options={
                'verbose_name': 'บัญชี LINE ของเจ้าหน้าที่',
                'verbose_name_plural': 'บัญชี LINE ของเจ้าหน้าที่',
            },
        ),
        migrations.CreateModel(
            name='StaffLineCode',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL, verbose_name='ผู้ใช้')),
                ('code_hmac', models.CharField(max_length=64, unique=True)),
                ('expires_at', models.DateTimeField(verbose_name='ใช้ได้ถึง')),
            ],
            options={
                'verbose_name': 'รหัสผูกบัญชี LINE ของเจ้าหน้าที่',
                'verbose_name_plural': 'รหัสผูกบัญชี LINE ของเจ้าหน้าที่',
            },
        ),
        migrations.AlterField(
            model_name='staffevent',
            name='what',
            field=models.CharField(choices=[('added', 'เพิ่มผู้ใช้'), ('roles', 'เปลี่ยนบทบาท'), ('departments', 'เปลี่ยนฝ่าย'), ('switched_off', 'ปิดการใช้งาน'), ('switched_on', 'เปิดการใช้งานอีกครั้ง'), ('link', 'ออกลิงก์ตั้งรหัสผ่าน'), ('password', 'ตั้งรหัสผ่านเอง'), ('unlocked', 'ปลดล็อก'), ('factor_set', 'ตั้งค่ายืนยันตัวตนขั้นที่สอง'), ('codes_renewed', 'ออกรหัสสำรองชุดใหม่'), ('factor_reset', 'ล้างการยืนยันตัวตนขั้นที่สอง'), ('rights', 'เปลี่ยนสิทธิ์ของบทบาท'), ('line_linked', 'ผูกบัญชี LINE สำหรับรับการแจ้งเตือน'), ('line_unlinked', 'เลิกผูกบัญชี LINE สำหรับรับการแจ้งเตือน')], max_length=20, verbose_name='เหตุการณ์'),
        ),
        migrations.CreateModel(
            name='AlarmTelling',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('line', 'LINE'), ('email', 'อีเมล')], max_length=5, verbose_name='ช่องทาง')),
                ('retry_key', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('state', models.CharField(choices=[('owed', 'รอส่ง'), ('sent', 'ส่งแล้ว'), ('not_sent', 'ส่งไม่ได้'), ('dropped', 'ไม่ต้องส่งแล้ว')], default='owed', max_length=8, verbose_name='สถานะ')),
                ('reason', models.CharField(blank=True, choices=[('over', 'เรื่องสิ้นสุดหรือมีผู้รับทราบก่อน'), ('unwanted', 'เลิกรับ หรือไม่มีสิทธิ์แล้ว'), ('unfollowed', 'บล็อกหรือเลิกติดตามบัญชี LINE ของสำนักงาน'), ('line_refused', 'LINE ไม่รับ'), ('line_silent', 'ติดต่อ LINE ไม่ได้'), ('mail_refused', 'เซิร์ฟเวอร์อีเมลไม่รับที่อยู่นี้'), ('mail_fault', 'ติดต่อเซิร์ฟเวอร์อีเมลไม่ได้'), ('fault', 'ข้อผิดพลาดในระบบ')], max_length=12, verbose_name='เหตุผล')),
                ('tries', models.PositiveSmallIntegerField(default=0, verbose_name='จำนวนครั้งที่ส่ง')),
                ('owed_since', models.DateTimeField(verbose_name='ต้องส่งตั้งแต่')),
                ('next_try_at', models.DateTimeField(verbose_name='ส่งครั้งต่อไป')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='สิ้นสุดเมื่อ')),
                ('alarm', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tellings', to='booking.alarm', verbose_name='การแจ้งเตือน')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='ผู้ใช้')),
            ],
            options={
                'verbose_name': 'การส่งการแจ้งเตือน',
                'verbose_name_plural': 'การส่งการแจ้งเตือน',
                'ordering': ['-id'],
            },
        ),
        migrations.AddIndex(
            model_name='alarmtelling',
            index=models.Index(condition=models.Q(('state', 'owed')), fields=['next_try_at'], name='tellings_owed'),
        ),
        migrations.AddConstraint(
            model_name='alarmtelling',
            constraint=models.UniqueConstraint(fields=('alarm', 'user', 'channel'), name='alarm_told_once', violation_error_message='มีการส่งนี้อยู่แล้ว'),
        ),
        migrations.RunSQL(TOLD, migrations.RunSQL.noop),
    ]
