"""Members who are there twice, with numbers that differ only in leading zeros: staff look, and merge a pair at a
time."""

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _

from booking import errors
from booking.admin.base import page, require, say
from booking.models.tickets import LIVE
from booking.rights import Right
from booking.verbs import merging
from booking.views import sent
from members.models import SIGNIFICANT_DIGITS, Member

GROUPS = 20  # on a page


def duplicates(request, model_admin):
    """GET: a page of them. POST: `kept` and `dropped` become one."""
    require(request, Right.CHANGE_MEMBER)
    require(request, Right.ADD_MEMBER)
    if request.method == "POST":
        _merge(request)
        return HttpResponseRedirect(request.get_full_path())
    digits = Member.objects.order_by().values(digits=SIGNIFICANT_DIGITS).annotate(n=Count("pk")).filter(n__gt=1)
    digits = digits.order_by("digits").values_list("digits", flat=True)
    rows = Paginator(digits, GROUPS).get_page(request.GET.get("page"))
    members = (
        Member.objects.alias(digits=SIGNIFICANT_DIGITS)
        .filter(digits__in=list(rows.object_list))
        .annotate(live_tickets=Count("tickets", filter=Q(tickets__state__in=LIVE)))
        .select_related("line_account")
    )
    groups = {}
    # The number that kept most of its zeros comes first: it is the one that is offered to be kept.
    for member in sorted(members, key=lambda member: (-len(member.member_number), member.pk)):
        groups.setdefault(member.member_number.lstrip("0"), []).append(member)
    rows.object_list = [(first, others) for _digits, (first, *others) in sorted(groups.items())]
    return page(request, model_admin, "admin/members/duplicates.html", title=_("สมาชิกที่มีมากกว่าหนึ่งรายการ"), rows=rows)


def _merge(request) -> None:
    """Say what came of it. What is not a member's number is ignored."""
    first, second = (Member.objects.filter(pk=sent.id_of(request, name) or 0).first() for name in ("kept", "dropped"))
    try:
        if first is None or second is None or first == second:
            raise errors.NoSuchMember
        dropped = second.member_number
        kept = merging.merge_members(kept=first, dropped=second, by=request.user)
    except errors.BookingError as refusal:
        ticket = getattr(refusal, "ticket", None)
        about = f" ({ticket})" if ticket else ""
        say(request, messages.ERROR, f"{refusal}{about}")
        return
    what = _("รวม %(dropped)s เข้ากับ %(kept)s แล้ว") % {"dropped": dropped, "kept": kept.member_number}
    LogEntry.objects.log_actions(request.user.pk, [kept], CHANGE, change_message=what, single_object=True)
    say(request, messages.SUCCESS, what)
