from django.conf import settings
from django.utils.functional import SimpleLazyObject

from queuesite.demo import office

ASKS_FOR_A_MEMBER_TO_LINK = "line_link"


def examples(request) -> dict:
    """Citizen IDs that may be tried out, for the pages that ask for one; looked up where a page shows them."""
    if not settings.DEMO:
        return {"example_ids": []}
    match = request.resolver_match
    links = match is not None and match.url_name == ASKS_FOR_A_MEMBER_TO_LINK
    return {"example_ids": SimpleLazyObject(office.example_ids_to_link if links else office.example_ids)}
