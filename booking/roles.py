"""The two roles of the office's staff, as Django groups. Made after each migrate; staff may be given more by hand."""

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ImproperlyConfigured

from booking.rights import Right

MANAGER = "ผู้จัดการ"
CLERK = "เจ้าหน้าที่ช่องบริการ"

# What managers add, change, delete and view.
_KEPT_BY_MANAGERS = [
    "booking.department",
    "booking.openinghours",
    "booking.dayexception",
    "booking.counter",
    "booking.counterdepartment",
    "booking.clip",
    "booking.boardnotice",
    "holidays.holiday",
    "members.member",
]
_ACTIONS = ["add", "change", "delete", "view"]
_RIGHTS_OF_MANAGERS = [
    Right.VIEW_SLOTS,
    Right.VIEW_PLACES,
    Right.VIEW_TICKETS,
    Right.VIEW_EVENTS,
    Right.VIEW_JOBS,
    Right.VIEW_VISITS,
    Right.VIEW_WAITS,
    Right.BOOK_FOR_MEMBER,
    Right.CANCEL,
    Right.RESCHEDULE,
    Right.RECEIVE,
    Right.CALL_OUT_OF_ORDER,
    Right.CLOSE_DAY,
    Right.ASK_FOR_PROOF,
    Right.SERVE,
    Right.TAKE_OVER,
    Right.CHANGE_MESSAGES,
    Right.VIEW_MESSAGES,
    Right.VIEW_NOTICES,
    Right.TELEPHONE,
    Right.HAND_OUT_LINKING_CODE,
    Right.UNLINK_LINE,
    # Deleting a token revokes it; making one takes the command line.
    Right.VIEW_TOKENS,
    Right.REVOKE_TOKEN,
]
_RIGHTS_OF_CLERKS = [
    Right.VIEW_SLOTS,
    Right.VIEW_TICKETS,
    Right.VIEW_EVENTS,
    Right.VIEW_WAITS,
    Right.CANCEL,
    Right.RECEIVE,
    Right.SERVE,
    Right.TELEPHONE,
    Right.HAND_OUT_LINKING_CODE,
    Right.UNLINK_LINE,
]


def sync_groups() -> None:
    """Give each role its rights. Raises ImproperlyConfigured where a right is named that no model has: it would grant
    nothing, in silence."""
    _permissions(Right)
    kept = [name.replace(".", f".{action}_") for name in _KEPT_BY_MANAGERS for action in _ACTIONS]
    manager, _ = Group.objects.get_or_create(name=MANAGER)
    clerk, _ = Group.objects.get_or_create(name=CLERK)
    manager.permissions.add(*_permissions([*kept, *_RIGHTS_OF_MANAGERS]))
    clerk.permissions.add(*_permissions(_RIGHTS_OF_CLERKS))


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
