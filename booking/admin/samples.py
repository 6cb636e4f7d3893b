"""Cards and pages about nobody: what a text of the office would look like. Nothing of it is written anywhere."""

import datetime as dt

from django.utils import timezone, translation

from booking import thai
from booking.messages import kinds, wording
from booking.messages.texts import Said
from booking.models import Counter, Department, Notice, Slot, Ticket
from booking.models.notices import Kind


def cards_said() -> dict[str, Said]:
    """What each kind of message says of a ticket of tomorrow, in Thai as members read it."""
    ticket = _ticket()
    with translation.override("th"):
        return {kind: kinds.said(Notice(ticket=ticket, kind=kind)) for kind in Kind}


def pages_said() -> dict[str, str]:
    """What each page says, in Thai."""
    with translation.override("th"):
        facts = {"department": _department().title, "day": thai.long_date(_tomorrow())}
        return {
            row.subject: wording.said(row.name, **facts) for row in wording.WORDINGS.values() if row.section == "pages"
        }


def _department() -> Department:
    return Department.objects.active().first() or Department(name="ฝ่ายสินเชื่อ", letter="A", slug="loans")


def _ticket() -> Ticket:
    department, day = _department(), _tomorrow()
    starts_at = timezone.make_aware(dt.datetime.combine(day, dt.time(9)))
    slot = Slot(department=department, date=day, starts_at=starts_at, ends_at=starts_at + dt.timedelta(minutes=30))
    return Ticket(
        public_id="sample",
        department=department,
        queue=department,
        date=day,
        number=12,
        slot=slot,
        counter=Counter(number=3),
    )


def _tomorrow() -> dt.date:
    return timezone.localdate() + dt.timedelta(days=1)
