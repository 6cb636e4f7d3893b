"""The sentences and buttons that messages and the answers in the chat share."""

from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _

from booking import thai
from booking.calling import times
from booking.days import no_shows
from booking.models import Department, Ticket
from office.settings import office


@dataclass(frozen=True)
class Said:
    """A message's content: heading, lines, buttons as (label, address or postback data), and whether the ticket's QR
    code is of use: it is what staff scan when the member comes."""

    heading: str
    lines: list[str] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    has_qr: bool = False


def when(ticket: Ticket) -> list[str]:
    """Day and time of a ticket, and what it is for, one line each. A walk-in has no time."""
    time = [_("เวลา %(time)s") % {"time": thai.clock(ticket.slot)}] if ticket.slot else []
    topic = [_("เรื่อง %(topic)s") % {"topic": ticket.topic.title}] if ticket.topic else []
    return [thai.long_date(ticket.date), *time, *topic]


def to_come(ticket: Ticket) -> list[str]:
    """What a member needs to come: by when, what to bring, and where to."""
    arrive = times.arrive_by(ticket)
    things = ticket.things_to_bring
    address = office.address
    return [
        *([_("กรุณามาถึงก่อน %(time)s") % {"time": thai.clock(arrive)}] if arrive else []),
        *([_("สิ่งที่ต้องนำมา: %(things)s") % {"things": ", ".join(things)}] if things else []),
        *([_("สถานที่: %(address)s") % {"address": address}] if address else []),
        *([warning(ticket)] if no_shows.is_warned(ticket) else []),
    ]


def warning(ticket: Ticket) -> str:
    """What happens to whoever misses this one, for those whom no_shows.is_warned() names."""
    limit = {"limit": ticket.department.no_show_limit}
    if ticket.department.no_show_rule == Department.NoShowRule.SHORT:
        return (
            _("หากมาไม่ได้ กรุณายกเลิก ผู้ที่จองแล้วไม่มาครบ %(limit)d ครั้ง จองได้เฉพาะวันนี้และพรุ่งนี้ระยะหนึ่ง หากไม่มาครั้งนี้จะครบ") % limit
        )
    return _("หากมาไม่ได้ กรุณายกเลิก ผู้ที่จองแล้วไม่มาครบ %(limit)d ครั้ง ต้องโทรจองกับเจ้าหน้าที่ระยะหนึ่ง หากไม่มาครั้งนี้จะครบ") % limit


def before(ahead: int) -> str:
    """How many are ahead of somebody who waits."""
    return _("ก่อนหน้าท่านมี %(ahead)s คิว") % {"ahead": ahead} if ahead else _("ท่านเป็นคิวถัดไป")


def see_ticket(ticket: Ticket) -> list[tuple[str, str]]:
    """The button that opens a ticket; none where the office has no address to send."""
    return [(_("ดูบัตรคิว"), ticket_link(ticket))] if settings.PUBLIC_URL else []


def book_again(ticket: Ticket) -> list[tuple[str, str]]:
    """The button that books at the ticket's department anew; none where the office has no address to send."""
    return (
        [(_("จองคิวใหม่"), f"{settings.PUBLIC_URL}/book/{ticket.department.slug}/days/")] if settings.PUBLIC_URL else []
    )


def the_way() -> list[tuple[str, str]]:
    """The button that shows the office on a map, where the office has set one."""
    return [(_("แผนที่"), office.map_url)] if office.map_url else []


def cancel(ticket: Ticket) -> list[tuple[str, str]]:
    """The button that asks in the chat for the ticket to be cancelled."""
    return [(_("ยกเลิกบัตรคิว"), f"cancel:{ticket.public_id}")]


def ticket_link(ticket: Ticket) -> str:
    """The secret link: it opens the ticket on any telephone. The secret is the fragment, which no server sees."""
    return f"{settings.PUBLIC_URL}/t/{ticket.public_id}/#{ticket.secret}"
