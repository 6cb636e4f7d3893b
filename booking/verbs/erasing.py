"""A member is forgotten, because they asked for it."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from booking import errors
from booking.models import Notice, Ticket
from booking.verbs.ending import FORGOTTEN
from members import erased
from members.models import Member


@transaction.atomic
def erase_member(*, member: Member, by: User) -> int:
    """Delete a member with all that is kept of them. What law and statistics need stays without them: tickets and
    events. A tombstone keeps files and look-ups from bringing them in again. Returns how many tickets lost them.

    Locks the member's row, so that no booking comes between. Raises MemberHasTickets where a ticket is not over yet: it
    is cancelled first, and the member told."""
    locked = Member.objects.select_for_update().get(pk=member.pk)
    if Ticket.objects.live().filter(member=locked).exists():
        raise errors.MemberHasTickets
    Notice.objects.filter(ticket__member=locked, carer__isnull=False).delete()
    unlinked = Ticket.objects.filter(member=locked).update(**FORGOTTEN)
    erased.bury(locked, by=by)
    pk = locked.pk
    locked.delete()
    # Deleting has written into the history, too.
    Member.history.filter(id=pk).delete()
    # Django's log names who was changed; whom it was done to is no more.
    of_members = ContentType.objects.get_for_model(Member)
    LogEntry.objects.filter(content_type=of_members, object_id=str(pk)).update(object_repr="-", change_message="")
    return unlinked
