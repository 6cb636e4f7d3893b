"""i-member of our own: signing in with a password, registering for the first time, a forgotten password; and what a
member who is signed in sees and changes. Not there (404) where an office has an i-member elsewhere."""

from functools import wraps

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from booking.models import Ticket
from booking.views import refusals, sent, visitor
from booking.views.access import access
from booking.views.public import Stub
from members import accounts, family, passkeys
from members.codes import CODE_DIGITS
from members.errors import CodeNeeded, MemberError, WeakPassword, WrongCode
from members.models import LineAccount, MemberAccount
from members.throttle import client_address

LONGEST_PASSWORD = 200
LONGEST_CONTACT = 254
DONE = {
    "set": _("ตั้งรหัสผ่านแล้ว และเข้าสู่ระบบในเครื่องนี้แล้ว"),
    "changed": _("เปลี่ยนรหัสผ่านแล้ว เครื่องอื่นออกจากระบบแล้ว"),
    "contact": _("บันทึกแล้ว ไม่มีอีเมลเดิมหรือ LINE ที่แจ้งได้"),
    "contact_email": _("บันทึกแล้ว และแจ้งไปที่อีเมลเดิมของท่านด้วย"),
    "contact_line": _("บันทึกแล้ว และแจ้งทาง LINE ของท่านด้วย"),
    "contact_email_line": _("บันทึกแล้ว และแจ้งไปที่อีเมลเดิมกับแจ้งทาง LINE ของท่านด้วย"),
    "same": _("ไม่มีอะไรเปลี่ยน"),
    "left": _("ออกจากระบบแล้ว"),
    "left_all": _("ออกจากระบบทุกเครื่องแล้ว พาสคีย์หรือ LINE ที่ผูกไว้ยังใช้เข้าสู่ระบบได้ ลบหรือเลิกผูกได้หลังเข้าสู่ระบบ"),
}
# For what somebody wants a password. Both ways ask the same; they differ in what the page is called.
FIRST, FORGOT = "first", "forgot"


def where_it_is_ours(view):
    """Members sign in here only where the office's i-member is no other."""

    @wraps(view)
    def answer(request, **kwargs):
        if not accounts.is_on():
            raise Http404
        return view(request, **kwargs)

    return answer


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@access("anyone")
@where_it_is_ours
def entry(request):
    """Sign in; or, where somebody is, what is theirs."""
    context = sign_in_context(request)
    if request.method == "POST":
        try:
            _session, token = accounts.sign_in(
                member_number=sent.number(request, "member_number"),
                password=sent.code(request, "password", most=LONGEST_PASSWORD),
                agent=request.headers.get("User-Agent", ""),
                **from_where(request),
            )
        except MemberError as refusal:
            response = refusals.beside_the_field(request, "booking/member/sign_in.html", context, refusal)
        else:
            response = redirect(context["next"] or reverse("member"))
            visitor.remember_member(response, token)
    elif who := visitor.member(request):
        response = _theirs(request, who, context)
    else:
        response = render(request, "booking/member/sign_in.html", context)
    visitor.ensure_device(response, request)
    return response


@sensitive_post_parameters("citizen_id", "member_number")
@require_http_methods(["GET", "HEAD", "POST"])
@access("anyone")
@where_it_is_ours
def first(request):
    return _ask(request, FIRST)


@sensitive_post_parameters("citizen_id", "member_number")
@require_http_methods(["GET", "HEAD", "POST"])
@access("anyone")
@where_it_is_ours
def forgot(request):
    return _ask(request, FORGOT)


@sensitive_post_parameters("code", "password")
@require_http_methods(["GET", "HEAD", "POST"])
@access("anyone")
@where_it_is_ours
def code(request):
    """The code that was sent, or that a clerk gave, and the new password. The page is the same whether anything was
    sent or there is anybody to send it to."""
    claim = visitor.member_claim(request)
    if claim is None:
        return redirect("member_forgot")
    context = {"digits": CODE_DIGITS, "typed": {"code": sent.number(request, "code")}}
    if request.method != "POST":
        return render(request, "booking/member/code.html", context)
    try:
        _session, token = accounts.set_password(
            claim=claim,
            code=sent.number(request, "code"),
            password=sent.code(request, "password", most=LONGEST_PASSWORD),
            agent=request.headers.get("User-Agent", ""),
            **from_where(request),
        )
    except MemberError as refusal:
        context["is_code"] = isinstance(refusal, CodeNeeded | WrongCode)
        context["is_weak"] = isinstance(refusal, WeakPassword)
        return refusals.beside_the_field(request, "booking/member/code.html", context, refusal)
    response = redirect(f"{reverse('member')}?done=set")
    visitor.forget_member(response)
    visitor.remember_member(response, token)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@where_it_is_ours
@access("imember")
def contact(request, member):
    """Another telephone number or e-mail address."""
    context = {"member": member, "typed": {"phone": member.phone, "email": member.email}, "faults": {}}
    if request.method == "POST":
        context["typed"] = {name: sent.text(request, name, most=LONGEST_CONTACT) for name in ("phone", "email")}
        try:
            told_by = accounts.change_contact(member=member, **context["typed"])
        except ValidationError as refused:
            context["faults"] = {name: " ".join(told) for name, told in refused.message_dict.items()}
            return render(request, "booking/member/contact.html", context, status=400)
        done = "same" if told_by is None else "_".join(["contact", *told_by])
        return redirect(f"{reverse('member')}?done={done}")
    return render(request, "booking/member/contact.html", context)


@sensitive_post_parameters("old", "password")
@require_http_methods(["GET", "HEAD", "POST"])
@where_it_is_ours
@access("member")
def password(request, session):
    """Another password, by who knows the one of now."""
    if request.method == "POST":
        typed = {name: sent.code(request, name, most=LONGEST_PASSWORD) for name in ("old", "password")}
        try:
            accounts.change_password(session=session, **typed)
        except MemberError as refusal:
            context = {"is_weak": isinstance(refusal, WeakPassword)}
            return refusals.beside_the_field(request, "booking/member/password.html", context, refusal)
        return redirect(f"{reverse('member')}?done=changed")
    return render(request, "booking/member/password.html", {})


@require_POST
@where_it_is_ours
@access("imember")
def leave(request, member):
    """Sign out: this device, another of the member's (`device`), or all (`all`)."""
    session = visitor.member_session(request)
    other = sent.id_of(request, "device")
    if other and not (session and session.pk == other):
        accounts.end(member=member, session_id=other)
        return redirect("member")
    is_all = sent.has(request, "all")
    if is_all:
        accounts.end(member=member)
    elif session:
        accounts.end(member=member, session_id=session.pk)
    stays = is_all and (member.passkeys.exists() or _has_line(member))
    response = redirect(f"{reverse('member')}?done={'left_all' if stays else 'left'}")
    visitor.forget_member(response)
    visitor.forget_line(response)
    visitor.forget_identity(response)
    visitor.forget_tickets(response)
    visitor.forget_pages(response)
    return response


def _ask(request, way: str):
    """Both numbers; then the code's page, whoever typed them."""
    typed = {"member_number": sent.number(request, "member_number"), "citizen_id": sent.number(request, "citizen_id")}
    context: dict = {"way": way, "typed": typed}
    if request.method == "POST":
        try:
            claim = accounts.ask_code(**typed, **from_where(request))
        except MemberError as refusal:
            context["is_citizen_id"] = refusal.code == "invalid_citizen_id"
            response = refusals.beside_the_field(request, "booking/member/numbers.html", context, refusal)
        else:
            response = redirect("member_code")
            visitor.remember_member_claim(response, claim)
    else:
        response = render(request, "booking/member/numbers.html", context)
    visitor.ensure_device(response, request)
    return response


def _has_line(member) -> bool:
    """Whether LINE signs the member in, on whichever device."""
    return LineAccount.objects.filter(member=member).exclude(proved_by="").exists()


def _theirs(request, member, context: dict):
    ours = [member, *visitor.family(request)]
    mine = Ticket.objects.filter(member__in=ours, moved_to=None).with_details().select_related("member").upcoming()
    stubs = [Stub(ticket, visitor.name_shown(request, ticket)) for ticket in mine.order_by("date", "due_at")]
    by_line = visitor.line_account(request)
    context |= {
        "member": member,
        "session": visitor.member_session(request),
        "is_by_line": by_line is not None and by_line.member_id == member.pk,
        "has_password": MemberAccount.objects.filter(member=member).exists(),
        "sessions": member.sessions.all(),
        "has_line": _has_line(member),
        "passkeys": member.passkeys.all(),
        "asks_care": family.asked_of(member).exists(),
        "tickets": stubs,
    }
    return render(request, "booking/member/mine.html", context)


def sign_in_context(request) -> dict:
    """What the page of signing in shows, by whichever way."""
    return {
        "next": onward(request),
        "done": DONE.get(request.GET.get("done", "")),
        "typed": {"member_number": sent.number(request, "member_number")},
        "passkeys_are_on": passkeys.is_on(),
    }


def from_where(request) -> dict:
    return {"device": visitor.device(request), "address": client_address(request)}


def onward(request) -> str:
    wanted = sent.onward(request)
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else ""
