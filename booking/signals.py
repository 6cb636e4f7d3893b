"""Whatever changes hours, quotas or holidays changes the places with it, in the same transaction where there is one."""

from django.db.models.signals import post_delete, post_migrate, post_save
from django.dispatch import receiver

from booking.days import opening
from booking.models import Department, OpeningHours, QuotaOverride
from holidays.models import Holiday


@receiver(post_save, sender=Department)
def department_saved(instance, raw=False, **_):
    if not raw:
        opening.lay_out(department_id=instance.pk)


@receiver([post_save, post_delete], sender=OpeningHours)
@receiver([post_save, post_delete], sender=QuotaOverride)
def rule_changed(instance, raw=False, **_):
    if not raw:
        opening.lay_out(department_id=instance.department_id)


@receiver([post_save, post_delete], sender=Holiday)
def holiday_changed(instance, raw=False, **_):
    if not raw:
        opening.open_days()


@receiver(post_migrate)
def after_migrate(sender, using, **_):
    if sender.name != "booking":
        return
    from booking import jobs, roles
    from booking.messages import ledger

    jobs.sync_schedules()
    roles.sync_groups()
    ledger.sync_choices()
