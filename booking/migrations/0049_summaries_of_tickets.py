import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('booking', '0048_say_qr'),
    ]

    operations = [
        migrations.AddField(
            model_name='summarisedday',
            name='has_tickets',
            field=models.BooleanField(db_default=False, default=False, verbose_name='นับบัตรคิวแล้ว'),
        ),
        migrations.CreateModel(
            name='TicketSummary',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField(verbose_name='วันที่')),
                ('what', models.CharField(choices=[('asked', 'ขอมาทาง'), ('topic', 'เรื่อง'), ('outcome', 'ผล'), ('by_member', 'สมาชิกยกเลิก'), ('by_staff', 'เจ้าหน้าที่ยกเลิก')], max_length=10, verbose_name='นับอะไร')),
                ('name', models.CharField(blank=True, max_length=20, verbose_name='ค่า')),
                ('count', models.PositiveIntegerField(verbose_name='จำนวน')),
                ('department', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='booking.department', verbose_name='ฝ่าย')),
                ('topic', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='booking.topic', verbose_name='เรื่อง')),
            ],
            options={
                'verbose_name': 'จำนวนบัตรคิว',
                'verbose_name_plural': 'จำนวนบัตรคิว',
                'constraints': [models.UniqueConstraint(fields=('date', 'department', 'what', 'name', 'topic'), name='one_summary_of_tickets', nulls_distinct=False, violation_error_message='นับบัตรคิวเหล่านี้แล้ว')],
            },
        ),
    ]
