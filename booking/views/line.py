"""Signing in with LINE: from LINE's own browser (LIFF), or from any other by LINE Login; and linking the account once.

What a page says about a LINE user is never believed: LINE's own server says whose ID token it is (members.line).
"""

import json
import re
import secrets

from django.conf import settings
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from booking.errors import ProofNeeded
from booking.views import refusals, sent, visitor
from booking.views.access import access
from members import accounts, line, line_accounts
from members.errors import IdentityExpired, LineRefused, LineSilent, MemberError, NotRegistered, WrongCode
from members.models import LineAccount
from members.throttle import client_address

# LIFF asks these from the page that it runs on: who the user is, the app's own settings, its texts.
LIFF_HOSTS = ["https://api.line.me", "https://access.line.me", "https://liff.line.me", "https://liffsdk.line-scdn.net"]
ID_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
LONGEST_TOKEN = 4000


DONE = {
    "linked": _("ผูกบัญชี LINE แล้ว ครั้งต่อไปไม่ต้องกรอกเลขอีก"),
    "unlinked": _("เลิกผูกบัญชี LINE แล้ว"),
    "left": _("ออกจากระบบในเครื่องนี้แล้ว"),
}


@require_safe
@access("anyone")
def entry(request):
    """The LIFF app opens here, and so do members who look for LINE in another browser."""
    return _entry(request, said=_said(request))


@sensitive_post_parameters("id_token")
@require_POST
@access("anyone")
def log_in(request):
    """Sign in by the ID token that LIFF gave the page: `{id_token}` as a form or as JSON."""
    try:
        user_id = _verified(_sent_token(request))
    except MemberError as refusal:
        return _entry(request, said=str(refusal), status=refusal.status)
    return _signed_in(user_id, onward=_onward(request))


@require_safe
@access("anyone")
def start(request):
    """Off to LINE Login. Only this device keeps what it must bring back."""
    if not line.log_in_is_on():
        return redirect("line")
    begun = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "code_verifier")}
    response = redirect(line.log_in_address(redirect_uri=_callback_address(request), **begun))
    visitor.remember_log_in(response, begun | {"next": _onward(request)})
    return response


@require_safe
@access("anyone")
def callback(request):
    """Back from LINE Login. Works only on the device that started, and only once."""
    begun = visitor.log_in_begun(request)
    try:
        if begun is None or not constant_time_compare(request.GET.get("state", ""), begun["state"]):
            raise LineRefused
        response = _signed_in(_exchanged(request, begun), onward=begun["next"])
    except MemberError as refusal:
        response = redirect(f"{reverse('line')}?why={refusal.code}")
    visitor.forget_log_in(response)
    return response


@sensitive_post_parameters("citizen_id", "member_number", "proof")
@require_http_methods(["GET", "HEAD", "POST"])
@access("line")
def link(request, user_id):
    """Ask for one number, and for the last digits of the telephone number if they are the proof."""
    context = visitor.form_context(request)
    context |= {
        "asks_proof": line_accounts.asks_phone() or context["asks_proof"],
        "typed": visitor.typed(request),
        "expired": "expired" in request.GET,
    }
    if request.method == "POST":
        try:
            _member, token = line_accounts.claim(user_id=user_id, **visitor.claim(request))
        except (MemberError, ProofNeeded) as refusal:
            context["not_registered"] = isinstance(refusal, NotRegistered)
            response = refusals.beside_the_field(request, "booking/line/link.html", context, refusal)
        else:
            response = redirect("line_confirm")
            visitor.remember_line_claim(response, token)
    else:
        response = render(request, "booking/line/link.html", context)
    visitor.ensure_device(response, request)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@access("line")
def confirm(request, user_id):
    """Show the masked name, take the clerk's code if it is the proof, then link."""
    token = visitor.line_claim(request)
    if request.method == "POST" and not sent.says_yes(request):
        return redirect("line_link")
    try:
        member = line_accounts.claimed(token, user_id=user_id)
        if request.method == "POST":
            return _link(request, user_id, token)
    except IdentityExpired:
        return redirect(f"{reverse('line_link')}?expired")
    except MemberError as refusal:
        context = _confirm_context(request, member, user_id, needs_code=True)
        if not isinstance(refusal, WrongCode):
            context["typed_code"] = ""
        return refusals.beside_the_field(request, "booking/line/confirm.html", context, refusal)
    return render(request, "booking/line/confirm.html", _confirm_context(request, member, user_id))


@require_http_methods(["GET", "HEAD", "POST"])
@access("linked")
def unlink(request, account):
    """Ask once more; then end the link, on every device at once."""
    if request.method != "POST":
        return render(request, "booking/line/unlink.html", {"account": account})
    line_accounts.unlink(member=account.member, by=None)
    response = redirect(f"{reverse('line')}?done=unlinked")
    visitor.forget_line(response)
    visitor.forget_pages(response)
    return response


@require_POST
@access("anyone")
def leave(request):
    """Sign this device out, of LINE and of a password's session, and make it forget its tickets. The link stays."""
    if session := visitor.member_session(request):
        accounts.end(member=session.member, session_id=session.pk)
    response = redirect(f"{reverse('line')}?done=left")
    visitor.forget_line(response)
    visitor.forget_member(response)
    visitor.forget_identity(response)
    visitor.forget_tickets(response)
    visitor.forget_pages(response)
    return response


def _entry(request, *, said=None, status=200):
    context = {
        "account": visitor.line_account(request),
        "said": said,
        "done": DONE.get(request.GET.get("done")),
        "next": _onward(request),
        "log_in_is_on": line.log_in_is_on(),
        "liff_id": settings.LINE_LIFF_ID if line.log_in_is_on() else "",
        "liff_sdk": line.liff_sdk(),
    }
    response = render(request, "booking/line/entry.html", context, status=status)
    if context["liff_id"]:
        # On this page alone: LINE's script runs, and asks LINE who the user is.
        response._csp_update = {"script-src": [line.liff_sdk()], "connect-src": LIFF_HOSTS}
    return response


def _said(request):
    """The sentence of the refusal that led here."""
    return next((kind.message for kind in (LineRefused, LineSilent) if kind.code == request.GET.get("why")), None)


def _sent_token(request) -> str:
    if request.content_type != "application/json":
        return sent.code(request, "id_token", most=LONGEST_TOKEN)
    try:
        body = json.loads(request.body)
    except ValueError:
        return ""
    token = body.get("id_token") if isinstance(body, dict) else None
    return token if isinstance(token, str) else ""


def _exchanged(request, begun) -> str:
    """The verified user of the code that came back."""
    if "code" not in request.GET:  # the member did not agree, at LINE
        raise LineRefused
    try:
        token = line.exchange_code(
            code=request.GET["code"],
            redirect_uri=_callback_address(request),
            code_verifier=begun["code_verifier"],
        )
    except line.LineFault:
        raise LineSilent from None
    return _verified(token or "", nonce=begun["nonce"])


def _verified(token: str, *, nonce: str | None = None) -> str:
    """The user id in an ID token, by the word of LINE's server. It is not asked about what cannot be a token."""
    if len(token) > LONGEST_TOKEN or not ID_TOKEN.fullmatch(token):
        raise LineRefused
    try:
        user_id = line.verified_user(token, nonce=nonce)
    except line.LineFault:
        raise LineSilent from None
    if user_id is None:
        raise LineRefused
    return user_id


def _signed_in(user_id: str, *, onward: str):
    """On to where the member was going; the first time, and if nothing has proved the link, by way of linking."""
    account = LineAccount.objects.select_related("member").filter(user_id=user_id).exclude(proved_by="").first()
    response = redirect((onward or "home") if account else "line_link")
    visitor.forget_line(response)
    if account:
        visitor.remember_line(response, account)
    else:
        visitor.remember_line_user(response, user_id, onward)
    return response


def _link(request, user_id, token):
    account = line_accounts.link(
        user_id=user_id,
        token=token,
        code=sent.number(request, "code"),
        device=visitor.device(request),
        address=client_address(request),
    )
    onward = visitor.line_user(request)["next"]
    response = redirect(onward or f"{reverse('line')}?done=linked")
    visitor.forget_line(response)
    visitor.remember_line(response, account)
    return response


def _confirm_context(request, member, user_id, *, needs_code=False) -> dict:
    return {
        "member": member,
        "needs_code": needs_code or line_accounts.needs_code(member=member, user_id=user_id),
        "typed_code": sent.number(request, "code"),
    }


def _onward(request) -> str:
    """A page of this site to go to afterwards, or an empty text."""
    address = sent.onward(request)
    is_ours = address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if is_ours and len(address) <= 200 else ""


def _callback_address(request) -> str:
    """On the host that the member uses, which has the log-in's cookie. LINE must know this address to the letter."""
    return request.build_absolute_uri(reverse("line_callback"))
