"""The ready roles of the office's staff, as Django groups, and who may give them. Made after each migrate; a role may
be given more rights by hand."""

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from booking.models import StaffEvent
from booking.rights import Right

MANAGER = "ผู้จัดการ"
HEAD = "หัวหน้าฝ่าย"
CLERK = "เจ้าหน้าที่ช่องบริการ"
RECEPTION = "เจ้าหน้าที่ต้อนรับ"
KIOSK = "ตู้ออกบัตรคิว"
AUDITOR = "ผู้ตรวจสอบ"

# What managers add, change, delete and view.
_KEPT_BY_MANAGERS = [
    "booking.department",
    "booking.openinghours",
    "booking.topic",
    "booking.dayexception",
    "booking.counter",
    "booking.counterdepartment",
    "booking.counterprofile",
    "booking.clip",
    "booking.boardnotice",
    "holidays.holiday",
    "members.member",
]
_ACTIONS = ["add", "change", "delete", "view"]

# What is read in the back office, all of it: no page of these changes anything.
_RIGHTS_OF_AUDITORS = [
    *(right for right in Right if right.name.startswith("VIEW_")),
    Right.EVERY_DEPARTMENT,
]
_RIGHTS_AT_THE_KIOSK = [Right.RECEIVE]
_RIGHTS_AT_RECEPTION = [
    *_RIGHTS_AT_THE_KIOSK,
    Right.VIEW_SLOTS,
    Right.VIEW_TICKETS,
    Right.HAND_OUT_LINKING_CODE,
]
_RIGHTS_OF_CLERKS = [
    *_RIGHTS_AT_RECEPTION,
    Right.VIEW_EVENTS,
    Right.VIEW_WAITS,
    Right.CANCEL,
    Right.SERVE,
    Right.TELEPHONE,
    Right.UNLINK_LINE,
]
_RIGHTS_OF_HEADS = [
    *_RIGHTS_OF_CLERKS,
    Right.VIEW_TODAY,
    Right.VIEW_REPORTS,
    Right.ACKNOWLEDGE_ALARM,
    Right.BOOK_FOR_MEMBER,
    Right.RESCHEDULE,
    Right.CALL_OUT_OF_ORDER,
    Right.CLOSE_DAY,
    Right.TAKE_OVER,
]
# Managers have all rights of the other roles: nobody gives what they have not.
_RIGHTS_OF_MANAGERS = [
    *_RIGHTS_OF_AUDITORS,
    *_RIGHTS_OF_HEADS,
    *(name.replace(".", f".{action}_") for name in _KEPT_BY_MANAGERS for action in _ACTIONS),
    Right.ANSWER_MEMBER_REQUEST,
    Right.ASK_FOR_PROOF,
    Right.CHANGE_MESSAGES,
    Right.CHANGE_OFFICE,
    Right.MANAGE_STAFF,
    Right.SWITCH_PROFILE,
    # Deleting a token revokes it; making one takes the command line.
    Right.REVOKE_TOKEN,
]
ROLES: dict[str, Iterable[str]] = {
    MANAGER: _RIGHTS_OF_MANAGERS,
    HEAD: _RIGHTS_OF_HEADS,
    CLERK: _RIGHTS_OF_CLERKS,
    RECEPTION: _RIGHTS_AT_RECEPTION,
    KIOSK: _RIGHTS_AT_THE_KIOSK,
    AUDITOR: _RIGHTS_OF_AUDITORS,
}


def sync_groups() -> None:
    """Give each role its rights. Raises ImproperlyConfigured where a right is named that no model has: it would grant
    nothing, in silence."""
    _permissions(Right)
    for name, rights in ROLES.items():
        Group.objects.get_or_create(name=name)[0].permissions.add(*_permissions(rights))


def may_be_given_by(user: User) -> list[Group]:
    """The roles that this member of staff may give: those with no right that they lack themselves."""
    own = rights_of(user)
    return [role for role in Group.objects.order_by("pk") if own >= _rights_of_role(role)]


def may_manage(user: User, other: User) -> bool:
    """Whether `user` may change, reset and switch off the log-in `other`: nobody's above their own rights, and not
    their own, whose rights and second factor another has to look after."""
    if not user.has_perm(Right.MANAGE_STAFF) or other.pk == user.pk:
        return False
    return user.is_superuser or (not other.is_superuser and rights_of(user) >= rights_of(other))


def rights_of(user: User) -> set[str]:
    """All rights of a log-in, also of one that is switched off: it may be switched on again."""
    rights = Permission.objects.all()
    if not user.is_superuser:
        rights = rights.filter(group__user=user) | rights.filter(user=user)
    return _names(rights)


def is_kiosk(user: User) -> bool:
    """Whether a log-in is for a kiosk and for nothing else."""
    return not user.is_superuser and [role.name for role in user.groups.all()] == [KIOSK]


def write_down(
    what: StaffEvent.What, *, by: User | None, user: User | None = None, role: Group | None = None, detail: str = ""
) -> None:
    """Keep for good what was done to a log-in or a role, and by whom; `by` is None on the command line."""
    StaffEvent.objects.create(what=what, user=user, role=role, by=by, detail=detail[:1000])


def _rights_of_role(role: Group) -> set[str]:
    return _names(role.permissions.all())


def _names(permissions: QuerySet[Permission]) -> set[str]:
    found = permissions.values_list("content_type__app_label", "codename").distinct().order_by()
    return {f"{app}.{codename}" for app, codename in found}


def _permissions(rights: Iterable[str]) -> list[Permission]:
    wanted = {str(right) for right in rights}
    apps = {right.partition(".")[0] for right in wanted}
    found = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.filter(content_type__app_label__in=apps).select_related("content_type")
    }
    if missing := sorted(wanted - found.keys()):
        raise ImproperlyConfigured(f"No model has these rights: {', '.join(missing)}")
    return [found[right] for right in sorted(wanted)]
