"""Passkeys of members: signing in by one; listed, made and removed by who is signed in. Not there (404) where members
sign in elsewhere, or PUBLIC_URL does not say what address is ours."""

from functools import wraps

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from booking.views import refusals, sent, visitor
from booking.views.access import access
from booking.views.member import from_where, onward, sign_in_context
from members import accounts, passkeys
from members.errors import MemberError

LONGEST_NAME = 60
DONE = {"made": _("เพิ่มพาสคีย์แล้ว"), "removed": _("ลบพาสคีย์แล้ว")}
SIGNING_IN, REGISTERING = "in", "new"


def where_they_are(view):
    @wraps(view)
    def answer(request, **kwargs):
        if not passkeys.is_on():
            raise Http404
        return view(request, **kwargs)

    return answer


@require_POST
@access("anyone")
@where_they_are
def begin(request):
    """What to ask the telephone of somebody who signs in."""
    return _asked(SIGNING_IN, *passkeys.begin_signing_in())


@require_POST
@access("anyone")
@where_they_are
def sign_in(request):
    """POST `answer`, as static/js/passkeys.js has it from the telephone."""
    try:
        _session, token = passkeys.sign_in(
            answer=sent.code(request, "answer", most=passkeys.LONGEST_ANSWER),
            challenge=visitor.passkey_challenge(request, SIGNING_IN),
            agent=request.headers.get("User-Agent", ""),
            **from_where(request),
        )
    except MemberError as refusal:
        context = sign_in_context(request) | {"is_passkey": True}
        response = refusals.beside_the_field(request, "booking/member/sign_in.html", context, refusal)
    else:
        response = redirect(onward(request) or reverse("member"))
        visitor.remember_member(response, token)
    visitor.forget_passkey_challenge(response)
    visitor.ensure_device(response, request)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@where_they_are
@access("member")
def mine(request, session):
    """The member's passkeys. POST `answer`, `name`: one more."""
    context = {
        "passkeys": session.member.passkeys.all(),
        "done": DONE.get(request.GET.get("done", "")),
        "name": sent.text(request, "name", most=LONGEST_NAME)
        or accounts.device_name(request.headers.get("User-Agent", "")),
    }
    if request.method != "POST":
        return render(request, "booking/member/passkeys.html", context)
    try:
        passkeys.register(
            member=session.member,
            answer=sent.code(request, "answer", most=passkeys.LONGEST_ANSWER),
            challenge=visitor.passkey_challenge(request, REGISTERING),
            name=context["name"],
        )
    except MemberError as refusal:
        response = refusals.beside_the_field(request, "booking/member/passkeys.html", context, refusal)
    else:
        response = redirect(f"{reverse('member_passkeys')}?done=made")
    visitor.forget_passkey_challenge(response)
    return response


@require_POST
@where_they_are
@access("member")
def begin_new(request, session):
    """What to ask the telephone for one more."""
    return _asked(REGISTERING, *passkeys.begin_registering(session.member))


@require_POST
@where_they_are
@access("member")
def remove(request, session):
    """POST `passkey`: forget it."""
    passkeys.remove(member=session.member, passkey_id=sent.id_of(request, "passkey") or 0)
    return redirect(f"{reverse('member_passkeys')}?done=removed")


def _asked(what_for: str, options: str, challenge: bytes) -> HttpResponse:
    response = HttpResponse(options, content_type="application/json")
    visitor.remember_passkey_challenge(response, what_for, challenge)
    return response
