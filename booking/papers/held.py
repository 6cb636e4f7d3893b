"""All that is held of a member, for the member: on a page, and as a file that programs read."""

from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from booking.models import Notice
from members.models import Care, Member


def held_of(member: Member) -> dict[str, Any]:
    """What is kept under a member's name, in plain values; times in Bangkok's. The citizen ID is not among it, because
    it is not kept. A fixed number of queries."""
    tickets = list(member.tickets.with_details().prefetch_related("events").order_by("pk"))
    account = getattr(member, "line_account", None)
    return {
        "member": {
            "member_number": member.member_number,
            "name": member.full_name,
            "phone": member.phone,
            "email": member.email,
            "is_registered": member.is_registered,
            "has_citizen_id_code": member.citizen_id_hmac is not None,
            "since": _moment(member.created_at),
            "line_linked_at": _moment(account and account.linked_at),
        },
        "devices": [
            {"device": one.device, "began_at": _moment(one.began_at), "seen_at": _moment(one.seen_at)}
            for one in member.sessions.all()
        ],
        "passkeys": [
            {"name": one.name, "made_at": _moment(one.made_at), "used_at": _moment(one.used_at)}
            for one in member.passkeys.all()
        ],
        "family": [
            {
                "who": _("ท่านดูแล") if one.carer_id == member.pk else _("ผู้ดูแลท่าน"),
                "name": (one.member if one.carer_id == member.pk else one.carer).full_name,
                "began_at": _moment(one.began_at),
                "proved_by": one.proved_by,
                "ended_at": _moment(one.ended_at),
            }
            # What was asked of others, and not answered, would tell who is a member.
            for one in Care.objects.filter(Q(carer=member) | Q(member=member), began_at__isnull=False)
            .select_related("carer", "member")
            .order_by("pk")
        ],
        "requests": [
            {
                "what": str(one.get_kind_display()),
                "wrong": one.wrong,
                "right": one.right,
                "state": str(one.get_state_display()),
                "asked_at": _moment(one.asked_at),
                "ended_at": _moment(one.ended_at),
                "answer": one.answer,
            }
            for one in member.requests.all()
        ],
        "tickets": [
            {
                "number": ticket.code,
                "department": ticket.department.title,
                "date": ticket.date.isoformat(),
                "time": _moment(ticket.slot and ticket.slot.starts_at),
                "topic": ticket.topic.title if ticket.topic else None,
                "state": str(ticket.get_state_display()),
                "events": [{"what": event.verb, "at": _moment(event.at)} for event in ticket.events.all()],
            }
            for ticket in tickets
        ],
        "messages": [
            {
                "what": str(notice.get_kind_display()),
                "number": notice.ticket.code,
                "channel": notice.channel,
                "state": str(notice.get_state_display()),
                "at": _moment(notice.ended_at or notice.created_at),
                "calls": [
                    {"at": _moment(call.at), "result": str(call.get_result_display()), "note": call.note}
                    for call in notice.calls.all()
                ],
            }
            for notice in Notice.objects.filter(ticket__in=tickets)
            .select_related("ticket__department")
            .prefetch_related("calls")
            .order_by("pk")
        ],
        "forgiven": [{"at": _moment(one.at), "reason": one.reason} for one in member.forgiven.all()],
        "changes": [
            {
                "at": _moment(change.history_date),
                "phone": change.phone,
                "email": change.email,
                "name": change.given_name,
            }
            for change in member.history.order_by("history_date")
        ],
    }


def _moment(at: Any) -> str | None:
    return timezone.localtime(at).isoformat(timespec="seconds") if at else None
