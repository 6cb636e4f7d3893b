from django.conf import settings
from django.utils.functional import SimpleLazyObject

from booking.views import visitor
from members import line_accounts
from members.errors import IdentityExpired
from queuesite.demo import office

ASKS_FOR_A_MEMBER_TO_LINK = "line_link"


def examples(request) -> dict:
    """Citizen IDs and a clerk's code that may be tried out, for the pages that ask for them; looked up, and the code
    made, where a page shows them."""
    if not settings.DEMO:
        return {"example_ids": [], "example_code": ""}
    match = request.resolver_match
    links = match is not None and match.url_name == ASKS_FOR_A_MEMBER_TO_LINK
    return {
        "example_ids": SimpleLazyObject(office.example_ids_to_link if links else office.example_ids),
        "example_code": SimpleLazyObject(lambda: _code(request)),
    }


def _code(request) -> str:
    """What a clerk would hand to the member who is about to be linked on this device."""
    user = visitor.line_user(request)
    try:
        member = line_accounts.claimed(visitor.line_claim(request), user_id=user["user_id"] if user else "")
    except IdentityExpired:
        return ""
    return office.example_code(member)
