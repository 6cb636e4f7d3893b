"""What an office still lacks before a member can book and be called."""

from collections.abc import Iterator

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from booking.models import Counter, Department, OpeningHours, Place
from booking.models.staff import StaffDepartment
from booking.rights import Right
from members import directory
from members.models import Member

BACKEND = "django.contrib.auth.backends.ModelBackend"


def missing() -> list[dict]:
    """Each a sentence, with the address where it is put right; most urgent first. A fixed number of queries."""
    departments = list(Department.objects.filter(is_active=True))
    found = list(_of_departments(departments)) if departments else [_say(_("ยังไม่มีฝ่าย"), "admin:setup_department")]
    if not directory.is_elsewhere() and not Member.objects.filter(is_registered=True).exists():
        none_registered = _("ยังไม่มีสมาชิกที่สมัครไอเมมเบอร์แล้ว จึงไม่มีใครจองได้ ใส่ 1 ในคอลัมน์ registered ของไฟล์ แล้วนำเข้าอีกครั้ง")
        nobody = _("ยังไม่มีสมาชิก จึงไม่มีใครจองได้")
        text = none_registered if Member.objects.exists() else nobody
        found.append(_say(text, "admin:members_member_import"))
    return found


def _of_departments(departments: list[Department]) -> Iterator[dict]:
    with_hours = set(OpeningHours.objects.filter(is_open=True).values_list("department_id", flat=True))
    served = set(Counter.objects.filter(is_active=True).values_list("departments", flat=True))
    callers = _callers()
    free = Place.objects.free().filter(slot__date__gte=timezone.localdate(), slot__quota__gt=0)
    bookable = set(free.values_list("slot__department_id", flat=True).distinct())
    for one in departments:
        if one.pk not in with_hours:
            yield _say(_("ฝ่าย %s ยังไม่มีเวลาทำการ") % one.name, "admin:booking_department_change", one.pk)
        elif one.pk not in served:
            yield _say(_("ไม่มีช่องบริการใดเรียกคิวของฝ่าย %s ได้") % one.letter, "admin:setup_counters")
        elif not any(theirs is None or one.pk in theirs for theirs in callers):
            yield _say(_("ไม่มีเจ้าหน้าที่คนใดเรียกคิวของฝ่าย %s ได้") % one.letter, "admin:auth_user_changelist")
        elif one.pk not in bookable:
            yield _say(_("ฝ่าย %s ไม่มีวันให้จอง") % one.name, "admin:booking_department_change", one.pk)


def _callers() -> list[set[int] | None]:
    """The departments of each member of staff who may sit at a counter; None where all are theirs."""
    may_serve = get_user_model().objects.with_perm(Right.SERVE, backend=BACKEND).filter(is_staff=True, is_active=True)
    every = get_user_model().objects.with_perm(Right.EVERY_DEPARTMENT, backend=BACKEND)
    all_of_them = set(every.values_list("pk", flat=True))
    chosen: dict[int, set[int]] = {}
    for user, department in StaffDepartment.objects.values_list("user_id", "department_id"):
        chosen.setdefault(user, set()).add(department)
    return [None if pk in all_of_them else chosen.get(pk) for pk in may_serve.values_list("pk", flat=True)]


def other_staff(user) -> bool:
    """Whether anybody besides this log-in works here."""
    return get_user_model().objects.filter(~Q(pk=user.pk), is_staff=True, is_active=True).exists()


def _say(text: str, address: str, *arguments) -> dict:
    return {"text": text, "do": _("ไปตั้งค่า"), "link": reverse(address, args=arguments)}
