"""What is done about an event of LINE's webhook: answers are replies, which cost nothing.

A postback acts on the sender's own tickets only, whatever its data says. In a group nothing is said: others would read
it. An event may come late and out of order, so follow and unfollow go by the time that LINE wrote on them.
"""

import datetime as dt
import logging
import re

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from booking import verbs
from booking.calling import waits
from booking.errors import BookingError
from booking.messages import cards, texts
from booking.models import Ticket
from booking.models.tickets import State
from members import line, line_accounts
from members.models import LineAccount

log = logging.getLogger(__name__)

BOOK = {"จองคิว", "จอง", "จองคิวออนไลน์", "book", "booking"}
TICKETS = {"คิว", "บัตรคิว", "สถานะ", "คิวของฉัน", "บัตรคิวของฉัน", "queue", "status", "ticket", "tickets"}
CANCEL = {"ยกเลิก", "ยกเลิกคิว", "ยกเลิกบัตรคิว", "cancel"}
MOST_CARDS = 5  # messages that LINE takes in one reply
TOKEN = re.compile(r"[-\w]{1,100}", re.ASCII)
POSTBACK = re.compile(r"[a-z-]{1,20}:[-\w]{0,32}", re.ASCII)  # a verb and a ticket's public id
LAST_MILLISECOND = 4_102_444_800_000  # the year 2100: nothing comes from then


def what_is_needed(event: dict) -> dict:
    """An event in the shape that LINE gives it, with nothing in it but what answer() goes by: of what a member wrote
    no more than the word that is known, if it is one. What is not of the shape is left out.

    Raises TypeError where the event is no object.
    """
    if not isinstance(event, dict):
        raise TypeError
    said = _text(event, "message", "text", most=5000)
    word = "".join(said.lower().split())
    return {
        "type": _text(event, "type", most=20),
        "timestamp": _milliseconds(event),
        "replyToken": _text(event, "replyToken", allowed=TOKEN),
        "source": {
            "type": _text(event, "source", "type", most=20),
            "userId": _text(event, "source", "userId", allowed=TOKEN),
        },
        "message": {
            "type": "text" if _text(event, "message", "type", most=20) == "text" else "other",
            "text": word if word in BOOK | TICKETS | CANCEL else "",
        },
        "postback": {"data": _text(event, "postback", "data", allowed=POSTBACK)},
    }


def _text(event: dict, *path: str, most: int = 64, allowed: re.Pattern | None = None) -> str:
    """The text at the end of the path; empty where there is none, or one that is too long or not allowed."""
    value: object = event
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str) or (len(value) > most if allowed is None else not allowed.fullmatch(value)):
        return ""
    return value


def _milliseconds(event: dict) -> int | None:
    value = event.get("timestamp")
    return int(value) if isinstance(value, int | float) and 0 <= value < LAST_MILLISECOND else None


def answer(event: dict) -> None:
    """Do what an event asks for, and reply. An event that is unknown or has nobody behind it is passed over."""
    source = event.get("source") or {}
    user_id = source.get("userId")
    work = WORK.get(event.get("type", ""))
    if work is None or not user_id or source.get("type") != "user":
        return
    with translation.override("th"):
        messages = work(user_id, event)
    token = event.get("replyToken")
    if messages and token and line.is_on():
        try:
            line.reply(token=token, messages=messages[:MOST_CARDS])
        except line.LineFault as fault:
            # A reply's token ends after a minute; what the event did stands all the same.
            log.warning("reply: LINE %s", fault)


def _followed(user_id: str, event: dict) -> list[dict]:
    line_accounts.followed(user_id=user_id, at=_time_of(event))
    return [_card(_("ยินดีต้อนรับสู่บัตรคิวออนไลน์"), [_("จองคิวก่อนมาสหกรณ์ ไม่ต้องนั่งรอ")], _book_button())]


def _unfollowed(user_id: str, event: dict) -> list[dict]:
    line_accounts.unfollowed(user_id=user_id, at=_time_of(event))
    return []


def _said(user_id: str, event: dict) -> list[dict]:
    message = event.get("message") or {}
    word = "".join(str(message.get("text", "")).lower().split())
    if message.get("type") != "text":
        return _help()
    if word in BOOK:
        return [_card(_("จองคิวออนไลน์"), [_("เลือกฝ่าย วัน และเวลาที่สะดวก")], _book_button())]
    if word in TICKETS:
        return _ticket_cards(user_id)
    if word in CANCEL:
        return _ticket_cards(user_id, asks_to_cancel=True)
    return _help()


def _tapped(user_id: str, event: dict) -> list[dict]:
    verb, _colon, public_id = str((event.get("postback") or {}).get("data", "")).partition(":")
    if verb == "tickets":
        return _ticket_cards(user_id)
    ticket = _own_tickets(user_id).filter(public_id=public_id).first()
    if verb not in ("cancel", "cancel-now") or ticket is None:
        return _help()
    if verb == "cancel":
        return [_ask_to_cancel(ticket)]
    try:
        verbs.cancel(ticket=ticket)
    except BookingError as refusal:
        return [_about(ticket, str(refusal))]
    return [_about(ticket, _("ยกเลิกบัตรคิวแล้ว"), buttons=_book_button())]


WORK = {"follow": _followed, "unfollow": _unfollowed, "message": _said, "postback": _tapped}


def _ticket_cards(user_id: str, *, asks_to_cancel: bool = False) -> list[dict]:
    if not LineAccount.objects.filter(user_id=user_id).exclude(proved_by="").exists():
        lines = [_("ผูกบัญชี LINE กับสมาชิกก่อน แล้วจึงดูและยกเลิกคิวที่นี่ได้")]
        return [_card(_("ยังไม่ได้ผูกบัญชี"), lines, _way_in(_("ผูกบัญชี LINE")))]
    tickets = list(_own_tickets(user_id).upcoming()[:MOST_CARDS])
    if not tickets:
        return [_card(_("ท่านไม่มีคิวที่จองไว้"), [], _book_button())]
    if asks_to_cancel:
        return [_ask_to_cancel(ticket) for ticket in tickets]
    office = waits.office() if any(ticket.date == timezone.localdate() for ticket in tickets) else {}
    return [_status(ticket, office.get(ticket.queue_id)) for ticket in tickets]


def _status(ticket: Ticket, outlook: waits.Outlook | None) -> dict:
    """`outlook`: of its queue, where one of the tickets is of today."""
    lines = texts.when(ticket)
    if outlook and ticket.date == timezone.localdate() and ticket.state in (State.BOOKED, State.WAITING):
        ahead, told = outlook.ahead(ticket), outlook.told(ticket)
        is_next = ticket.state == State.WAITING and not ahead and told.can_be_called
        lines.append(texts.before(ahead) if ahead or is_next else _("ขณะนี้ยังไม่มีผู้จองก่อนหน้าท่าน"))
        if ticket.state == State.WAITING and told.in_words():
            lines.append(told.in_words())
    buttons = [(_("ดูบัตรคิว"), texts.ticket_link(ticket))] if settings.PUBLIC_URL else []
    if ticket.can_cancel:
        buttons.append((_("ยกเลิกบัตรคิว"), f"cancel:{ticket.public_id}"))
    is_to_come = ticket.state == State.BOOKED
    return cards.flex(ticket, texts.Said(str(ticket.get_state_display()), lines, buttons, has_qr=is_to_come))


def _ask_to_cancel(ticket: Ticket) -> dict:
    if not ticket.can_cancel:
        return _about(ticket, _("บัตรคิวนี้ยกเลิกไม่ได้แล้ว"))
    buttons = [(_("ไม่ยกเลิก"), "tickets:"), (_("ยืนยันยกเลิก"), f"cancel-now:{ticket.public_id}")]
    return _about(ticket, _("ยกเลิกบัตรคิวนี้หรือไม่"), buttons=buttons)


def _about(ticket: Ticket, heading: str, *, buttons=()) -> dict:
    return cards.flex(ticket, texts.Said(heading, texts.when(ticket), list(buttons)))


def _help() -> list[dict]:
    lines = [_("พิมพ์ จองคิว เพื่อจอง"), _("พิมพ์ สถานะ เพื่อดูคิวของท่าน"), _("พิมพ์ ยกเลิก เพื่อยกเลิกคิว")]
    return [_card(_("บัตรคิวออนไลน์"), lines, _book_button())]


def _book_button() -> list[tuple[str, str]]:
    return _way_in(_("จองคิว"))


def _way_in(label: str) -> list[tuple[str, str]]:
    return [(label, f"{settings.PUBLIC_URL}/line/")] if settings.PUBLIC_URL else []


def _card(heading: str, lines: list[str], buttons: list[tuple[str, str]]) -> dict:
    return cards.plain(texts.Said(heading, lines, buttons))


def _own_tickets(user_id: str):
    """Of the member whose account it is proved to be."""
    account = LineAccount.objects.filter(user_id=user_id).exclude(proved_by="")
    return Ticket.objects.with_details().filter(member__in=account.values("member"))


def _time_of(event: dict) -> dt.datetime:
    milliseconds = event.get("timestamp")
    if not isinstance(milliseconds, int | float):
        return timezone.now()
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
