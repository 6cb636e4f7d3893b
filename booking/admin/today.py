"""The manager's first page: what goes on in the office at this moment. It looks again by itself, as boards do."""

from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from booking.admin.base import page, require
from booking.calling import queues
from booking.calling import today as reads
from booking.models import Department
from booking.models.staff import departments_of
from booking.rights import Right
from booking.views.live import queue_etag, with_version


def departments_shown(user) -> list[Department]:
    """The departments in use whose day this member of staff sees."""
    theirs = departments_of(user)
    found = Department.objects.active()
    return list(found if theirs is None else found.filter(pk__in=theirs))


@require_safe
def today(request, model_admin):
    """GET ?department=loans: of one department, or of all that are theirs."""
    require(request, Right.VIEW_TODAY)
    departments = departments_shown(request.user)
    chosen = next((one for one in departments if one.slug == request.GET.get("department")), None)
    shown = [chosen] if chosen else departments
    # Before all that is shown with it. Counters serve several departments, so that every queue counts.
    etag = queue_etag(queues.versions(), request.user.pk, chosen.pk if chosen else 0)
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged:
        return with_version(unchanged, etag)
    now = timezone.now()
    response = page(
        request,
        model_admin,
        "admin/booking/today/today.html",
        title=_("วันนี้"),
        now=now,
        office=reads.office(shown, now=now),
        departments=departments,
        chosen=chosen,
    )
    return with_version(response, etag)
