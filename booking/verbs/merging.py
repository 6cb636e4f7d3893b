"""Two entries of one member, whose numbers differ in the zeros in front alone, become one: the tickets move."""

import datetime as dt

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from booking import errors
from booking.models import ForgivenNoShows, Ticket, WaitingEntry
from booking.models.tickets import LIVE
from booking.verbs import locks, waiting
from members import requests
from members.models import LineAccount, LinkingCode, Member
from members.numbers import significant


@locks.verb
def merge_members(*, kept: Member, dropped: Member, by: User) -> Member:
    """Give the tickets, the LINE account and the requests of `dropped` to `kept`, fill in what `kept` has not
    (telephone, e-mail, citizen ID), and delete `dropped`, with its password, passkeys and family. The history of both
    stays, and says who merged what.

    Locks the queues of their live tickets, all their tickets, what they wait for and both members. Raises NoSuchMember
    where one is gone or they are not alike; TwoTicketsOfOneDay, TwoLineAccounts.
    """
    pair = [kept.pk, dropped.pk]
    queues = set(Ticket.objects.live().filter(member__in=pair).values_list("queue_id", flat=True))
    locks.lock_queues(*queues)
    locks.raise_versions(*queues)
    list(Ticket.objects.filter(member__in=pair).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    waited_for = [entry for pk in sorted(pair) for entry in waiting.lock_of_member(pk)]
    # Not NO KEY: nobody books for either until this is done.
    members = {member.pk: member for member in Member.objects.select_for_update().filter(pk__in=pair).order_by("pk")}
    if len(members) < 2:
        raise errors.NoSuchMember
    kept, dropped = members[kept.pk], members[dropped.pk]
    if significant(kept.member_number) != significant(dropped.member_number):
        raise errors.NoSuchMember
    _refuse_two(kept, dropped)
    Ticket.objects.filter(member=dropped).update(member=kept)
    LineAccount.objects.filter(member=dropped).update(member=kept)
    LinkingCode.objects.filter(member=dropped).update(member=kept)
    _wait_once(waited_for)
    WaitingEntry.objects.filter(member=dropped).update(member=kept)
    ForgivenNoShows.objects.filter(member=dropped).update(member=kept)
    requests.hand_over(dropped=dropped, kept=kept)
    _fill_in(kept, dropped)
    # simple_history, which has no types, reads these.
    dropped._history_user = kept._history_user = by  # type: ignore[attr-defined]
    dropped._change_reason = _("รวมเข้ากับ %s") % kept.member_number  # type: ignore[attr-defined]
    kept._change_reason = _("รวม %s เข้ามา") % dropped.member_number  # type: ignore[attr-defined]
    dropped.delete()
    kept.save()
    return kept


def _wait_once(entries: list[WaitingEntry]) -> None:
    """Of a day for which both wait, the one who waits longer waits on."""
    days: set[tuple[int, dt.date]] = set()
    for entry in sorted(entries, key=lambda one: (one.joined_at, one.pk)):
        day = (entry.department_id, entry.date)
        if day in days:
            waiting.end([entry], WaitingEntry.Ending.LEFT)
        days.add(day)


def _refuse_two(kept: Member, dropped: Member) -> None:
    other = Ticket.objects.filter(member=kept, state__in=LIVE, department=OuterRef("department"), date=OuterRef("date"))
    both = Ticket.objects.live().filter(Exists(other), member=dropped).with_details().first()
    if both is not None:
        raise errors.TwoTicketsOfOneDay(both)
    if LineAccount.objects.filter(member__in=[kept, dropped]).count() > 1:
        raise errors.TwoLineAccounts


def _fill_in(kept: Member, dropped: Member) -> None:
    for name in ("title", "family_name", "phone", "email", "citizen_id_hmac"):
        setattr(kept, name, getattr(kept, name) or getattr(dropped, name))
    kept.is_registered = kept.is_registered or dropped.is_registered
    # A telephone that was signed out stays so, whichever entry the LINE account came from.
    kept.sign_outs = max(kept.sign_outs, dropped.sign_outs) + 1
    if dropped.left_at is None:
        kept.left_at = None
