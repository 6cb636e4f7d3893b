"""Staff: their departments, and what was done to their log-ins. A log-in is Django's own user."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models.departments import Department
from booking.rights import Right
from members.free_text import FreeCharField


class StaffDepartment(models.Model):
    """A department whose tickets a member of staff sees and changes. Without any, staff have all departments."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="staff_departments", verbose_name=_("เจ้าหน้าที่")
    )
    department = models.ForeignKey(Department, models.CASCADE, related_name="+", verbose_name=_("ฝ่าย"))

    class Meta:
        verbose_name = _("ฝ่ายของเจ้าหน้าที่")
        verbose_name_plural = _("ฝ่ายของเจ้าหน้าที่")
        permissions = [
            ("manage_staff", _("เพิ่ม แก้ไข และปิดชื่อผู้ใช้ได้")),
            ("every_department", _("เห็นและแก้ไขบัตรคิวของทุกฝ่ายได้")),
        ]
        constraints = [
            models.UniqueConstraint(
                name="department_of_staff_once",
                fields=["user", "department"],
                violation_error_message=_("มีฝ่ายนี้แล้ว"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.department}"


class StaffEvent(models.Model):
    """One change of a log-in, a role or a right. Rows are only ever added (a trigger refuses the rest)."""

    class What(models.TextChoices):
        ADDED = "added", _("เพิ่มผู้ใช้")
        ROLES = "roles", _("เปลี่ยนบทบาท")
        DEPARTMENTS = "departments", _("เปลี่ยนฝ่าย")
        SWITCHED_OFF = "switched_off", _("ปิดการใช้งาน")
        SWITCHED_ON = "switched_on", _("เปิดการใช้งานอีกครั้ง")
        LINK = "link", _("ออกลิงก์ตั้งรหัสผ่าน")
        PASSWORD = "password", _("ตั้งรหัสผ่านเอง")
        UNLOCKED = "unlocked", _("ปลดล็อก")
        FACTOR_SET = "factor_set", _("ตั้งค่ายืนยันตัวตนขั้นที่สอง")
        CODES_RENEWED = "codes_renewed", _("ออกรหัสสำรองชุดใหม่")
        FACTOR_RESET = "factor_reset", _("ล้างการยืนยันตัวตนขั้นที่สอง")
        RIGHTS = "rights", _("เปลี่ยนสิทธิ์ของบทบาท")
        LINE_LINKED = "line_linked", _("ผูกบัญชี LINE สำหรับรับการแจ้งเตือน")
        LINE_UNLINKED = "line_unlinked", _("เลิกผูกบัญชี LINE สำหรับรับการแจ้งเตือน")

    # Whose log-in, or which role; the other is None.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="staff_events", verbose_name=_("ผู้ใช้")
    )
    role = models.ForeignKey(Group, models.PROTECT, null=True, related_name="+", verbose_name=_("บทบาท"))
    what = models.CharField(_("เหตุการณ์"), max_length=20, choices=What)
    # Before and after, in words.
    detail = FreeCharField(_("รายละเอียด"), max_length=1000, blank=True)
    # None: somebody on the command line, or the holder of the log-in before signing in.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("โดย"))
    at = models.DateTimeField(_("เมื่อ"), default=timezone.now)

    class Meta:
        verbose_name = _("ประวัติของผู้ใช้")
        verbose_name_plural = _("ประวัติของผู้ใช้")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.user or self.role}: {self.what}"


def departments_of(user) -> frozenset[int] | None:
    """The ids of the departments whose tickets are theirs; None if all are. Queried once for each user loaded from the
    database, which is once a request."""
    if not hasattr(user, "_departments"):
        user._departments = None
        if not user.has_perm(Right.EVERY_DEPARTMENT):
            chosen = StaffDepartment.objects.filter(user=user).values_list("department_id", flat=True)
            user._departments = frozenset(chosen) or None
    return user._departments


def departments_for(user, *, all_of_them):
    """The departments that are theirs, in use or not; `all_of_them` where all are."""
    theirs = departments_of(user)
    return all_of_them if theirs is None else Department.objects.filter(pk__in=theirs)


def has_department(user, *department_ids: int) -> bool:
    """Whether all of these departments are theirs."""
    theirs = departments_of(user)
    return theirs is None or theirs.issuperset(department_ids)


def only_theirs(rows, user, *, path: str = ""):
    """Filters tickets, or rows that lead to one by `path`, down to those that are theirs."""
    theirs = departments_of(user)
    if theirs is None:
        return rows
    return rows.filter(Q(**{f"{path}department__in": theirs}) | Q(**{f"{path}queue__in": theirs}))


def has_ticket(user, ticket) -> bool:
    """Whether a ticket is theirs: by the department that issued it, or the one in whose queue it stands."""
    theirs = departments_of(user)
    return theirs is None or not theirs.isdisjoint((ticket.department_id, ticket.queue_id))
