"""Whom a member looks after, and who looks after them: asked, consented to, ended; and for whom one books now."""

from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from booking.views import refusals, sent, visitor
from booking.views.access import access
from booking.views.member import from_where
from members import family
from members.codes import CODE_DIGITS
from members.errors import CareIsOver, MemberError, TooManyCared

DONE = {
    "asked": _("ขอแล้ว หากเป็นเลขของสมาชิก ท่านนั้นจะเห็นคำขอเมื่อเข้าสู่ระบบหรือเข้าใช้ด้วย LINE ภายใน 7 วัน"),
    "begun": _("เริ่มดูแลแล้ว"),
    "accepted": _("ยินยอมแล้ว"),
    "ended": _("เลิกแล้ว"),
    "messages": _("บันทึกแล้ว"),
    "over": CareIsOver.message,
    "full": TooManyCared.message,
}


@require_safe
@access("own")
def page(request, member):
    """Both sides of it, and who asks."""
    context = {
        "done": DONE.get(request.GET.get("done", "")),
        "cared": family.of_carer(member),
        "carers": family.of_member(member),
        "asked": family.asked_of(member),
        "most": family.MOST,
    }
    return render(request, "booking/member/family.html", context)


@sensitive_post_parameters("member_number", "code")
@require_http_methods(["GET", "HEAD", "POST"])
@access("own")
def add(request, member):
    """The other's number; then the other consents, or a code of a clerk's does it now."""
    typed = {"member_number": sent.number(request, "member_number"), "code": sent.number(request, "code")}
    context = {"typed": typed, "digits": CODE_DIGITS, "most": family.MOST}
    if request.method != "POST":
        return render(request, "booking/member/family_add.html", context)
    try:
        if typed["code"]:
            family.begin_by_code(carer=member, **typed, **from_where(request))
        else:
            family.ask(carer=member, member_number=typed["member_number"], **from_where(request))
    except MemberError as refusal:
        context["is_code"] = refusal.code == "wrong_code"
        return refusals.beside_the_field(request, "booking/member/family_add.html", context, refusal)
    return _to_page("begun" if typed["code"] else "asked")


@require_POST
@access("own")
def accept(request, member):
    """POST `care`: let the one who asks look after me."""
    proved_by = "password" if visitor.member_session(request) else "line"
    try:
        family.accept(member=member, care_id=sent.id_of(request, "care") or 0, proved_by=proved_by)
    except TooManyCared:
        return _to_page("full")
    except CareIsOver:
        return _to_page("over")
    return _to_page("accepted")


@require_POST
@access("own")
def end(request, member):
    """POST `care`: end it, from whichever side; or refuse who asks."""
    try:
        family.end(by=member, care_id=sent.id_of(request, "care") or 0)
    except CareIsOver:
        return _to_page("over")
    return _to_page("ended")


@require_POST
@access("own")
def messages(request, member):
    """POST `care`, `always`: have every message of theirs, or those alone that reach them by no channel."""
    try:
        family.choose_messages(
            carer=member, care_id=sent.id_of(request, "care") or 0, always=sent.choice(request, "always") == "yes"
        )
    except CareIsOver:
        return _to_page("over")
    return _to_page("messages")


@require_POST
@access("own")
def choose(request, member):
    """POST `member`, `next`: book for one of the family from now on, or for oneself."""
    wanted = sent.id_of(request, "member")
    cared = next((one for one in visitor.family(request) if one.pk == wanted), None)
    onward = sent.onward(request)
    is_ours = url_has_allowed_host_and_scheme(onward, {request.get_host()}, require_https=request.is_secure())
    response = redirect(onward if is_ours else reverse("home"))
    if cared:
        visitor.choose_cared(response, member, cared)
    else:
        visitor.choose_oneself(response)
    return response


def _to_page(done: str):
    return redirect(f"{reverse('family')}?done={done}")
