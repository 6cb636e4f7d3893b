"""QR codes on pages, and the link to a ticket that stands in them."""

import segno
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from booking.models import Ticket

# Any of the eight masks can be read. Of 200 links to tickets this one scored best for 149, and to try all eight takes
# four times as long as all the rest.
MASK_OF_TICKETS = 2


def qr(link: str, *, mask: int | None = None) -> SafeString:
    """The link as a QR code: an SVG without a size of its own, so that the style sheet decides. Without a mask the best
    is found."""
    return mark_safe(segno.make(link, error="m", mask=mask).svg_inline(border=1, omitsize=True))


def qr_of_ticket(request, ticket: Ticket) -> SafeString:
    """Opens the ticket anywhere."""
    return qr(secret_link(request, ticket), mask=MASK_OF_TICKETS)


def secret_link(request, ticket: Ticket) -> str:
    """The address that opens the ticket anywhere. The secret is the fragment: it reaches no server's log."""
    return request.build_absolute_uri(f"{reverse('ticket', args=[ticket.public_id])}#{ticket.secret}")
