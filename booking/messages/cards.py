"""How messages look: a LINE card (Flex) and a letter of the same content, in Thai."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from booking.colours import BLUE, HUES, INK, PAPER, SOFT
from booking.messages import kinds
from booking.messages.texts import Said
from booking.models import Notice, Ticket
from members import line
from members.models import Member
from office.settings import office

# A part of a Flex message, as LINE's documentation has it: JSON.
Flex = dict[str, Any]


def card(notice: Notice, **facts: Any) -> Flex:
    """The notice as a LINE message. `facts` go on to kinds.said()."""
    with translation.override("th"):
        return flex(notice.ticket, _said(notice, **facts))


def letter(notice: Notice, **facts: Any) -> tuple[str, str]:
    """The notice as subject and body of an e-mail. `facts` go on to kinds.said()."""
    with translation.override("th"):
        what = _said(notice, **facts)
        head = f"{notice.ticket.department.title} {notice.ticket.code}"
        body = plain_letter(replace(what, lines=[head, *what.lines]))[1]
        return f"{what.heading} {notice.ticket.code}", body


def for_carer(member: Member | None, what: Said, *, in_chat: bool = False) -> Said:
    """What a carer is told of a member's ticket, or of an offer: whose it is, and no secret link or QR code, which
    would outlive the consent. They open it signed in. Nor a button that acts, except in the chat, where each tap is
    checked anew."""
    whose = [_("คิวของ %(name)s") % {"name": member.full_name}] if member else []
    buttons = [(label, target.partition("#")[0]) for label, target in what.buttons]
    shown = [(label, target) for label, target in buttons if in_chat or target.startswith("http")]
    return replace(what, lines=[*whose, *what.lines], buttons=shown, has_qr=False)


def _said(notice: Notice, **facts: Any) -> Said:
    what = kinds.said(notice, **facts)
    return what if notice.carer_id is None else for_carer(notice.ticket.member, what)


def flex(ticket: Ticket, what: Said) -> Flex:
    """A Flex message that looks like the ticket: the department's band, the number, the text, its QR code, the
    buttons."""
    band = [
        {"type": "text", "text": ticket.department.title, "color": PAPER, "align": "center", "size": "md"},
        {"type": "text", "text": ticket.code, "color": PAPER, "align": "center", "size": "5xl", "weight": "bold"},
    ]
    header = {"type": "box", "layout": "vertical", "contents": band, "backgroundColor": HUES[ticket.department.hue]}
    return _message(
        what, about=f"{what.heading} {ticket.code}", header=header, picture=_qr(ticket) if what.has_qr else []
    )


def plain(what: Said) -> Flex:
    """A Flex message that is not about a ticket."""
    return _message(what, about=what.heading)


def plain_letter(what: Said) -> tuple[str, str]:
    """What is not about a ticket, as subject and body of an e-mail. Buttons that act in the chat are left out."""
    links = [f"{label}: {address}" for label, address in what.buttons if address.startswith("http")]
    return what.heading, "\n".join([what.heading, *what.lines, "", *links])


def _message(what: Said, *, about: str, header: Flex | None = None, picture: Sequence[Flex] = ()) -> Flex:
    body: list[Flex] = [
        {"type": "text", "text": what.heading, "weight": "bold", "size": "xl", "color": INK, "wrap": True}
    ]
    body += [{"type": "text", "text": text, "size": "md", "color": SOFT, "wrap": True} for text in what.lines]
    body += picture
    bubble: Flex = {"type": "bubble", "body": {"type": "box", "layout": "vertical", "spacing": "sm", "contents": body}}
    if header:
        bubble["header"] = header
    if what.buttons:
        buttons = [_button(label, target, is_first=nth == 0) for nth, (label, target) in enumerate(what.buttons)]
        bubble["footer"] = {"type": "box", "layout": "vertical", "spacing": "sm", "contents": buttons}
    return {"type": "flex", "altText": about, "contents": bubble}


def line_reaches_us() -> bool:
    """Whether LINE can fetch a picture from here. It accepts https only, and refuses the whole message for any other
    address. The demo's LINE, on this machine, does without."""
    may_be_plain: bool = settings.LINE_API_BASE != line.LINE_API and settings.PUBLIC_URL.startswith("http://127.0.0.1:")
    return bool(settings.PUBLIC_URL.startswith("https://")) or may_be_plain


def _qr(ticket: Ticket) -> list[Flex]:
    """The picture and what it is for."""
    if not line_reaches_us():
        return []
    address = settings.PUBLIC_URL + reverse("ticket_qr", args=[ticket.public_id])
    text = _("ให้เจ้าหน้าที่สแกนเมื่อมาถึง")
    return [
        {"type": "image", "url": address, "size": "xxl", "aspectRatio": "1:1", "margin": "md"},
        {"type": "text", "text": text, "size": "sm", "color": SOFT, "align": "center", "wrap": True},
    ]


def _button(label: str, target: str, *, is_first: bool) -> Flex:
    if target.startswith("http"):
        action = {"type": "uri", "label": label, "uri": target}
    else:
        action = {"type": "postback", "label": label, "data": target, "displayText": label}
    style = {"style": "primary", "color": office.colour_book or BLUE} if is_first else {"style": "secondary"}
    return {"type": "button", "height": "md", "action": action, **style}
