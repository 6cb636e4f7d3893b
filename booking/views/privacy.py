"""What is kept of members and why; what is held of the one who is signed in, and what they ask to be done with it."""

import math
from datetime import timedelta

from django.conf import settings
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from booking.papers.held import held_of
from booking.views import refusals, sent, visitor
from booking.views.access import access, may_be_kept
from members import accounts, directory, line, line_accounts, requests, throttle
from members.codes import CODE_LASTS
from members.directory import comparing
from members.errors import MemberError, RequestIsOver
from members.models import MemberRequest
from office.settings import office

LONGEST_WORDS = MemberRequest._meta.get_field("wrong").max_length
DONE = {
    "asked": _("รับคำขอแล้ว"),
    "withdrawn": _("ถอนคำขอแล้ว"),
    "over": RequestIsOver.message,
}


@require_safe
@access("anyone")
def privacy(request):
    """What is kept of members, why, for how long, and whom to ask: from the settings that make it so."""
    context = {
        "history_days": office.keeps_history_days,
        "tries_hours": math.ceil(throttle.longest_kept() / timedelta(hours=1)),
        "code_minutes": CODE_LASTS // timedelta(minutes=1),
        "comparisons_days": min(comparing.KEPT.days, office.keeps_files_days),
        "session_days": accounts.SESSION_LASTS.days,
        "backups": settings.BACKUP_KEEP if settings.BACKUP_DIR else 0,
        "ended_links_days": line_accounts.REMEMBERED.days,
        "has_line": line.is_on() or line.log_in_is_on(),
        "signs_in_by_line": line.log_in_is_on(),
        "member": visitor.member(request),
    }
    response = render(request, "booking/privacy.html", context)
    return response if context["member"] else may_be_kept(response)


@require_safe
@access("own")
def held(request, member):
    """All that is held of the member who is signed in, and what they have asked."""
    asked = list(member.requests.order_by("-asked_at", "-pk"))
    context = {
        "held": held_of(member),
        "done": DONE.get(request.GET.get("done", "")),
        "requests": [{"one": one, "due": requests.due_on(one)} for one in asked],
        "open_kinds": {one.kind for one in asked if one.is_open},
    }
    return render(request, "booking/held.html", context)


@require_safe
@access("own")
def held_file(request, member):
    """The same, as a file."""
    return JsonResponse(
        held_of(member),
        json_dumps_params={"ensure_ascii": False, "indent": 2},
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
    )


@sensitive_post_parameters("wrong", "right")
@require_http_methods(["GET", "HEAD", "POST"])
@access("own")
def ask_correction(request, member):
    """What is wrong, and what is right."""
    typed = {name: sent.text(request, name, most=LONGEST_WORDS) for name in ("wrong", "right")}
    return _ask(request, member, MemberRequest.Kind.CORRECTION, typed)


@require_http_methods(["GET", "HEAD", "POST"])
@access("own")
def ask_erasure(request, member):
    """What would go, what stays, and that it cannot be undone."""
    return _ask(request, member, MemberRequest.Kind.ERASURE, {})


@require_POST
@access("own")
def withdraw(request, member):
    """POST `request`: take it back."""
    try:
        requests.withdraw(member=member, request_id=sent.id_of(request, "request") or 0)
    except RequestIsOver:
        return _to_held("over")
    return _to_held("withdrawn")


def _ask(request, member, kind: str, typed: dict):
    template = f"booking/request_{kind}.html"
    context = {
        "typed": typed,
        "days": requests.DAYS,
        "is_elsewhere": directory.is_elsewhere(),
        "coming": member.tickets.live().exists(),
    }
    if request.method != "POST":
        return render(request, template, context)
    try:
        requests.ask(member=member, kind=kind, **typed)
    except MemberError as refusal:
        return refusals.beside_the_field(request, template, context, refusal)
    return _to_held("asked")


def _to_held(done: str):
    return redirect(f"{reverse('held')}?done={done}")
