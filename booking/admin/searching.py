"""The search of each list. What is typed comes in a body, and what may stand in an address goes on to one: never a
citizen ID, since browsers, proxies and logs keep addresses."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.translation import gettext as _

from booking.rights import Right
from booking.views import sent
from members.citizen_id import DIGITS, citizen_id_hmacs, is_as_long, parse_citizen_id
from members.errors import InvalidCitizenId
from members.free_text import MASK, masked
from members.models import Member

LONGEST = 200


def is_search(request: HttpRequest) -> bool:
    """Whether the list's search was sent, and not one of its actions."""
    return request.method == "POST" and sent.has(request, SEARCH_VAR)


def searched(request: HttpRequest, *, finds_members: bool) -> HttpResponseRedirect:
    """To the list, narrowed as before and by what was typed. Where the list can be searched by member numbers, a
    citizen ID becomes its member's number, for who may ask for members by it; else dots, which nothing is found by."""
    narrowed = sent.typed(request, most=LONGEST)
    narrowed.pop("csrfmiddlewaretoken", None)
    text = narrowed[SEARCH_VAR].strip()
    is_id = is_as_long(text)
    narrowed[SEARCH_VAR] = _number_of(request, text, finds_members=finds_members) if is_id else masked(text)
    return HttpResponseRedirect(f"{request.path}?{urlencode(narrowed)}")


def _number_of(request: HttpRequest, citizen_id: str, *, finds_members: bool) -> str:
    may_ask = any(request.user.has_perm(one) for one in (Right.CHANGE_MEMBER, Right.ADD_MEMBER, Right.BOOK_FOR_MEMBER))
    if finds_members and may_ask:
        try:
            hmacs = citizen_id_hmacs(parse_citizen_id(citizen_id))
        except InvalidCitizenId as refusal:
            messages.warning(request, str(refusal))
            return MASK * DIGITS
        if member := Member.objects.filter(citizen_id_hmac__in=hmacs).first():
            return str(member.member_number)
        messages.warning(request, _("ไม่พบสมาชิกที่มีเลขประจำตัวประชาชนนี้"))
    return MASK * DIGITS
