"""All that is held of a member, for the member: on a page, and as a file that programs read. A model that points at a
member, and a field of theirs, stands here, or in `tests/test_held_data.py` with the reason why not."""

import datetime as dt
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from booking.models import Notice
from members.models import Care, Member
from members.names import full_name


def held_of(member: Member) -> dict[str, Any]:
    """What is kept under a member's name, in plain values and dates; times in Bangkok's, to the second. The citizen ID
    is not among it, because it is not kept. A fixed number of queries."""
    tickets = list(member.tickets.with_details().prefetch_related("events").order_by("pk"))
    own, line = getattr(member, "account", None), getattr(member, "line_account", None)
    return {
        "member": {
            "member_number": member.member_number,
            "name": member.full_name,
            "phone": member.phone,
            "email": member.email,
            "is_registered": member.is_registered,
            "has_citizen_id_code": member.citizen_id_hmac is not None,
            "since": _moment(member.created_at),
            "imported_at": _moment(member.imported_at),
            "left_at": _moment(member.left_at),
            "signed_out_everywhere": member.sign_outs,
            "password_set_at": _moment(own.set_at if own else None),
            "line_linked_at": _moment(line.linked_at if line else None),
            "line_proved_by": line and line.proved_by,
            "line_blocked_at": _moment(line.unfollowed_at if line else None),
        },
        "devices": [
            {"device": one.device, "began_at": _moment(one.began_at), "seen_at": _moment(one.seen_at)}
            for one in member.sessions.all()
        ],
        "passkeys": [
            {"name": one.name, "made_at": _moment(one.made_at), "used_at": _moment(one.used_at)}
            for one in member.passkeys.all()
        ],
        "codes": [
            {
                "issued_at": _moment(one.issued_at),
                "by_staff": one.issued_by_id is not None,
                "until": _moment(one.expires_at),
                "used_at": _moment(one.used_at),
            }
            for one in member.linking_codes.order_by("pk")
        ],
        "family": [
            {
                "who": _("ท่านดูแล") if one.carer_id == member.pk else _("ผู้ดูแลท่าน"),
                "name": (one.member if one.carer_id == member.pk else one.carer).full_name,
                "began_at": _moment(one.began_at),
                "proved_by": one.proved_by,
                "tells_always": one.tells_always,
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
                "date": ticket.date,
                "time": _moment(ticket.slot.starts_at if ticket.slot else None),
                "topic": ticket.topic.title if ticket.topic else None,
                "state": str(ticket.get_state_display()),
                "priority": str(ticket.get_priority_display()) if ticket.priority else None,
                "priority_reason": ticket.priority_reason,
                "events": [
                    {"what": event.verb, "at": _moment(event.at), "why": event.why} for event in ticket.events.all()
                ],
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
        "waiting": [
            {
                "department": entry.department.title,
                "date": entry.date,
                "time": _moment(entry.starts_at),
                "topic": entry.topic.title if entry.topic else None,
                "since": _moment(entry.joined_at),
                "offered_at": _moment(entry.offered_at),
                "ended_at": _moment(entry.ended_at),
                "ending": str(entry.get_ending_display()),
                "messages": [
                    {
                        "channel": message.channel,
                        "state": str(message.get_state_display()),
                        "at": _moment(message.ended_at or message.offered_at),
                        "calls": [
                            {"at": _moment(call.at), "result": str(call.get_result_display()), "note": call.note}
                            for call in message.calls.all()
                        ],
                    }
                    for message in entry.messages.all()
                ],
            }
            for entry in member.waiting.select_related("department", "topic")
            .prefetch_related("messages__calls")
            .order_by("pk")
        ],
        "forgiven": [{"at": _moment(one.at), "reason": one.reason} for one in member.forgiven.all()],
        "changes": [
            {
                "at": _moment(change.history_date),
                "reason": change.history_change_reason or "",
                "member_number": change.member_number,
                "name": full_name(change.title, change.given_name, change.family_name),
                "phone": change.phone,
                "email": change.email,
                "registered": change.is_registered,
            }
            for change in member.history.order_by("history_date")
        ],
    }


def _moment(at: dt.datetime | None) -> dt.datetime | None:
    return timezone.localtime(at).replace(microsecond=0) if at else None
