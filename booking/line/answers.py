"""What is done about an event of LINE's webhook: answers are replies, which cost nothing.

A postback acts only on tickets and offers of the sender, and of those whom they look after at that moment, whatever its
data says.
In a group nothing is said: others would read it. An event may come late and out of order, so follow and unfollow go by
the time that LINE wrote on them.
"""

import datetime as dt
import logging
import re
from dataclasses import replace

from django.conf import settings
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from booking import thai, verbs
from booking.calling import waits
from booking.errors import BookingError, OfferOver
from booking.line import staff
from booking.messages import cards, offers, texts
from booking.models import Ticket, WaitingEntry
from booking.models.tickets import State, TicketQuerySet
from booking.models.waiting import WaitingEntryQuerySet
from booking.verbs import waiting
from members import family, line, line_accounts
from members.errors import MemberError
from members.models import LineAccount, Member

log = logging.getLogger(__name__)

BOOK = {"จองคิว", "จอง", "จองคิวออนไลน์", "book", "booking"}
TICKETS = {"คิว", "บัตรคิว", "สถานะ", "คิวของฉัน", "บัตรคิวของฉัน", "queue", "status", "ticket", "tickets"}
CANCEL = {"ยกเลิก", "ยกเลิกคิว", "ยกเลิกบัตรคิว", "cancel"}
MOST_CARDS = 5  # messages that LINE takes in one reply
TOKEN = re.compile(r"[-\w]{1,100}", re.ASCII)
POSTBACK = re.compile(r"[a-z-]{1,20}:[-\w]{0,32}", re.ASCII)  # a verb, and the public id of a ticket or of who waits
LAST_MILLISECOND = 4_102_444_800_000  # the year 2100: nothing comes from then


def what_is_needed(event: dict) -> dict:
    """An event in the shape that LINE gives it, with nothing in it but what answer() goes by: of what a member wrote
    no more than the word that is known, if it is one; of a code of staff, its HMAC. What is not of the shape is left
    out.

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
            "code": staff.code_said(word),
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
    if code := message.get("code"):
        return _of_staff(staff.link(code_hmac=code, line_user_id=user_id))
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
    if verb in ANSWERS:
        return _answered(user_id, verb, public_id)
    member = _member(user_id)
    ticket = _tickets(member).filter(public_id=public_id).first() if member else None
    if verb not in ("cancel", "cancel-now") or member is None or ticket is None:
        return _help()
    if verb == "cancel":
        return [_ask_to_cancel(ticket, member)]
    try:
        verbs.cancel(ticket=ticket)
    except BookingError as refusal:
        return [_about(ticket, member, str(refusal))]
    return [_about(ticket, member, _("ยกเลิกบัตรคิวแล้ว"), buttons=_book_button())]


WORK = {"follow": _followed, "unfollow": _unfollowed, "message": _said, "postback": _tapped}


def _ticket_cards(user_id: str, *, asks_to_cancel: bool = False) -> list[dict]:
    """What is offered to the member comes first: it does not last."""
    member = _member(user_id)
    if member is None:
        return [_link_first()]
    tickets = list(_tickets(member).upcoming()[:MOST_CARDS])
    offered = [] if asks_to_cancel else [_offer(entry, member) for entry in _offered(member)]
    if not tickets and not offered:
        return [_card(_("ท่านไม่มีคิวที่จองไว้"), [], _book_button())]
    if asks_to_cancel:
        return [_ask_to_cancel(ticket, member) for ticket in tickets]
    office = waits.office() if any(ticket.date == timezone.localdate() for ticket in tickets) else {}
    return [*offered, *(_status(ticket, member, office.get(ticket.queue_id)) for ticket in tickets)]


def _answered(user_id: str, verb: str, public_id: str) -> list[dict]:
    """What somebody taps beneath an offer. An offer of somebody else is told like one that does not exist."""
    member = _member(user_id)
    if member is None:
        return [_link_first()]
    entry = _entries(member).filter(public_id=public_id).first()
    if entry is None:
        return [_card(_("คิวนี้ไม่ได้เสนอให้บัญชีนี้"), [_("พิมพ์ สถานะ เพื่อดูคิวของท่าน")], [])]
    carer_id = None if entry.member_id == member.pk else member.pk
    try:
        return ANSWERS[verb](entry, member, carer_id)
    except (BookingError, MemberError) as refusal:
        return [_about_offer(entry, member, texts.Said(str(refusal), _which(entry), _book_button()))]


def _take(entry: WaitingEntry, member: Member, carer_id: int | None) -> list[dict]:
    booking = waiting.accept(entry=entry, carer_id=carer_id)
    ticket = Ticket.objects.with_details().select_related("member").get(pk=booking.ticket_id)
    lines = [*texts.when(ticket), *texts.to_come(ticket)]
    return [_shown(ticket, member, texts.Said(_("จองคิวแล้ว"), lines, texts.see_ticket(ticket), has_qr=True))]


def _ask_to_leave(entry: WaitingEntry, member: Member, carer_id: int | None) -> list[dict]:
    """A slip of the finger would lose the turn."""
    if not entry.has_offer(timezone.now()):
        raise OfferOver
    what = offers.said(entry)
    buttons = [
        (_("รับคิวนี้"), f"offer-take:{entry.public_id}"),
        (_("ยืนยันไม่รับ"), f"offer-leave-now:{entry.public_id}"),
    ]
    heading = _("ไม่รับคิวนี้ และออกจากรายการรอหรือไม่")
    return [_about_offer(entry, member, replace(what, heading=heading, buttons=buttons))]


def _leave(entry: WaitingEntry, member: Member, carer_id: int | None) -> list[dict]:
    left = waiting.leave(entry=entry, carer_id=carer_id)
    if left.ending != WaitingEntry.Ending.LEFT:
        raise OfferOver
    return [_about_offer(entry, member, texts.Said(_("ออกจากรายการรอแล้ว"), _which(entry), _book_button()))]


ANSWERS = {"offer-take": _take, "offer-leave": _ask_to_leave, "offer-leave-now": _leave}


def _offer(entry: WaitingEntry, member: Member) -> dict:
    return _about_offer(entry, member, offers.said(entry))


def _which(entry: WaitingEntry) -> list[str]:
    return [entry.department.title, thai.long_date(entry.date)]


def _about_offer(entry: WaitingEntry, member: Member, what: texts.Said) -> dict:
    is_own = entry.member_id == member.pk
    return cards.plain(what if is_own else cards.for_carer(entry.member, what, in_chat=True))


def _status(ticket: Ticket, member: Member, outlook: waits.Outlook | None) -> dict:
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
    return _shown(ticket, member, texts.Said(str(ticket.get_state_display()), lines, buttons, has_qr=is_to_come))


def _of_staff(linked: staff.Linked) -> list[dict]:
    if linked is staff.Linked.DONE:
        return [_card(_("ผูกบัญชีแล้ว"), [_("บัญชี LINE นี้จะได้รับการแจ้งเตือนของสำนักงาน")], [])]
    if linked is staff.Linked.ANOTHERS:
        lines = [_("บัญชี LINE นี้รับการแจ้งเตือนของผู้ใช้อื่นอยู่ เลิกผูกที่หน้าของผู้ใช้นั้นก่อน")]
        return [_card(_("ผูกบัญชีไม่ได้"), lines, [])]
    return [_card(_("รหัสนี้ใช้ไม่ได้"), [_("รหัสอาจหมดเวลาหรือใช้ไปแล้ว ขอรหัสใหม่ที่หน้ารับการแจ้งเตือน")], [])]


def _ask_to_cancel(ticket: Ticket, member: Member) -> dict:
    if not ticket.can_cancel:
        return _about(ticket, member, _("บัตรคิวนี้ยกเลิกไม่ได้แล้ว"))
    buttons = [(_("ไม่ยกเลิก"), "tickets:"), (_("ยืนยันยกเลิก"), f"cancel-now:{ticket.public_id}")]
    return _about(ticket, member, _("ยกเลิกบัตรคิวนี้หรือไม่"), buttons=buttons)


def _about(ticket: Ticket, member: Member, heading: str, *, buttons=()) -> dict:
    return _shown(ticket, member, texts.Said(heading, texts.when(ticket), list(buttons)))


def _shown(ticket: Ticket, member: Member, what: texts.Said) -> dict:
    """The ticket's card as its own member, or a carer, sees it."""
    is_own = ticket.member_id == member.pk
    return cards.flex(ticket, what if is_own else cards.for_carer(ticket.member, what, in_chat=True))


def _link_first() -> dict:
    lines = [_("ผูกบัญชี LINE กับสมาชิกก่อน แล้วจึงดูและยกเลิกคิวที่นี่ได้")]
    return _card(_("ยังไม่ได้ผูกบัญชี"), lines, _way_in(_("ผูกบัญชี LINE")))


def _help() -> list[dict]:
    lines = [_("พิมพ์ จองคิว เพื่อจอง"), _("พิมพ์ สถานะ เพื่อดูคิวของท่าน"), _("พิมพ์ ยกเลิก เพื่อยกเลิกคิว")]
    return [_card(_("บัตรคิวออนไลน์"), lines, _book_button())]


def _book_button() -> list[tuple[str, str]]:
    return _way_in(_("จองคิว"))


def _way_in(label: str) -> list[tuple[str, str]]:
    return [(label, f"{settings.PUBLIC_URL}/line/")] if settings.PUBLIC_URL else []


def _card(heading: str, lines: list[str], buttons: list[tuple[str, str]]) -> dict:
    return cards.plain(texts.Said(heading, lines, buttons))


def _member(user_id: str) -> Member | None:
    """Whose account it is proved to be."""
    account = LineAccount.objects.filter(user_id=user_id).exclude(proved_by="").select_related("member").first()
    return account.member if account else None


def _tickets(member: Member) -> TicketQuerySet:
    """The member's own, and those of whom they look after."""
    return Ticket.objects.with_details().select_related("member").filter(_ours(member))


def _entries(member: Member) -> WaitingEntryQuerySet:
    """Of waiting lists, likewise."""
    return WaitingEntry.objects.select_related("department", "topic", "member").filter(_ours(member))


def _offered(member: Member) -> list[WaitingEntry]:
    """What is offered to them at this moment, what ends soonest first."""
    found = _entries(member).live().filter(offer_ends_at__gt=timezone.now())
    return list(found.order_by("offer_ends_at", "pk")[:MOST_CARDS])


def _ours(member: Member) -> Q:
    return Q(member=member) | Q(member__in=family.of_carer(member).values("member"))


def _time_of(event: dict) -> dt.datetime:
    milliseconds = event.get("timestamp")
    if not isinstance(milliseconds, int | float):
        return timezone.now()
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
