"""QR codes on pages, and the link to a ticket that stands in them."""

import segno
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from booking.models import Ticket


def qr(link: str) -> SafeString:
    """The link as a QR code: an SVG without a size of its own, so that the style sheet decides."""
    return mark_safe(segno.make(link, error="m").svg_inline(border=1, omitsize=True))


def secret_link(request, ticket: Ticket) -> str:
    """The address that opens the ticket anywhere. The secret is the fragment: it reaches no server's log."""
    return request.build_absolute_uri(f"{reverse('ticket', args=[ticket.public_id])}#{ticket.secret}")
