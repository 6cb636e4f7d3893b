"""The two roles of the office's staff, as Django groups. Made after each migrate; staff may be given more by hand."""

from django.contrib.auth.models import Group, Permission

MANAGER = "ผู้จัดการ"
CLERK = "เจ้าหน้าที่ช่องบริการ"

_KEPT_BY_MANAGERS = {
    "booking": ["department", "openinghours", "quotaoverride", "counter", "counterdepartment", "clip", "boardnotice"],
    "holidays": ["holiday"],
    "members": ["member"],
}
_READ_BY_MANAGERS = {"booking": ["slot", "place", "ticket", "ticketevent", "jobrun", "visitcount", "waitprediction"]}
_READ_BY_CLERKS = {"booking": ["slot", "ticket", "ticketevent", "waitprediction"]}


def sync_groups() -> None:
    manager, _ = Group.objects.get_or_create(name=MANAGER)
    clerk, _ = Group.objects.get_or_create(name=CLERK)
    manager.permissions.add(
        *_permissions(_KEPT_BY_MANAGERS, "add", "change", "delete", "view"),
        *_permissions(_READ_BY_MANAGERS, "view"),
        # Who may add a ticket books for members who telephone.
        *_permissions(
            {"booking": ["ticket"]}, "add", "cancel", "reschedule", "receive", "call_out_of_order", "close_day"
        ),
        *_permissions({"booking": ["counter"]}, "serve_at", "take_over"),
        *_permissions({"booking": ["messagechoice"]}, "change", "view"),
        *_permissions({"booking": ["notice"]}, "view", "telephone"),
        *_line_permissions(),
        # Deleting a token revokes it; making one takes the command line.
        *_permissions({"booking": ["stafftoken"]}, "view", "delete"),
    )
    clerk.permissions.add(
        *_permissions(_READ_BY_CLERKS, "view"),
        *_permissions({"booking": ["ticket"]}, "cancel", "receive"),
        *_permissions({"booking": ["counter"]}, "serve_at"),
        *_permissions({"booking": ["notice"]}, "telephone"),
        *_line_permissions(),
    )


def _line_permissions():
    """To hand a member the code that links a LINE account, and to end a link."""
    return [*_permissions({"members": ["linkingcode"]}, "add"), *_permissions({"members": ["lineaccount"]}, "delete")]


def _permissions(models: dict[str, list[str]], *actions: str):
    names = [f"{action}_{model}" for found in models.values() for model in found for action in actions]
    return Permission.objects.filter(content_type__app_label__in=models, codename__in=names)
