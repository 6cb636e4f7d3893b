"""A member is forgotten, because they asked for it."""

from django.contrib.auth.models import User
from django.db import connection, transaction

from booking import errors
from booking.models import Notice, StaffLine, Ticket, WaitingEntry
from booking.verbs import waiting
from booking.verbs.ending import FORGOTTEN
from members import erased
from members.models import LineAccount, LineFollow, Member


@transaction.atomic
def erase_member(*, member: Member, by: User) -> int:
    """Delete a member with all that is kept of them. What law and statistics need stays without them: tickets and
    events. A tombstone keeps files and look-ups from bringing them in again. Returns how many tickets lost them.

    Locks what the member waits for and the member's row, so that no booking comes between. Raises MemberHasTickets
    where a ticket is not over yet: it is cancelled first, and the member told."""
    waited_for = waiting.lock_of_member(member.pk)
    locked = Member.objects.select_for_update().get(pk=member.pk)
    if Ticket.objects.live().filter(member=locked).exists():
        raise errors.MemberHasTickets
    waiting.end(waited_for, WaitingEntry.Ending.LEFT)
    Notice.objects.filter(ticket__member=locked, carer__isnull=False).delete()
    unlinked = Ticket.objects.filter(member=locked).update(**FORGOTTEN)
    erased.bury(locked, by=by)
    pk = locked.pk
    _forget_follow(locked)
    locked.delete()
    # Deleting has written into the history, too. Of the audit this role deletes nothing itself: the database does, and
    # says so, and by whom, in booking_erasure.
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('queue.by', %s, true)", [str(by.pk)])
        cursor.execute("SELECT booking_forget_member(%s)", [pk])
    return unlinked


def _forget_follow(member: Member) -> None:
    """That their LINE account follows the office's; but for one that tells a member of staff of alarms."""
    of_theirs = LineAccount.objects.filter(member=member).values("user_id")
    of_staff = StaffLine.objects.values("line_user_id")
    LineFollow.objects.filter(user_id__in=of_theirs).exclude(user_id__in=of_staff).delete()
