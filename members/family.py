"""A member looks after others: parents, husband or wife. The other consents, by signing in, by LINE, or by a code of a
clerk's; either side ends it at once. Then one telephone books, sees, moves and cancels for all of them."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django_q.tasks import async_task

from members.citizen_id import parse_member_number
from members.codes import use_code
from members.errors import CareIsOver, TooManyCared, WrongCode
from members.models import Care, Member
from members.nobody import nobody
from members.numbers import significant
from members.throttle import count_attempt, count_miss, count_proof_or_code, give_back_proof

MOST = 6  # whom one member looks after
ASK_LASTS = timedelta(days=7)


def consented() -> QuerySet[Care]:
    """Where the other has consented, neither has ended it, and both are members still."""
    return Care.objects.filter(
        began_at__isnull=False, ended_at=None, carer__left_at=None, member__left_at=None
    ).order_by("began_at", "pk")


def of_carer(carer: Member) -> QuerySet[Care]:
    """Whom a member looks after."""
    return consented().filter(carer=carer).select_related("member")


def of_member(member: Member) -> QuerySet[Care]:
    """Who looks after a member."""
    return consented().filter(member=member).select_related("carer")


def asked_of(member: Member) -> QuerySet[Care]:
    """Who asks to look after a member, and has no answer yet."""
    return Care.objects.filter(
        member=member, began_at=None, ended_at=None, asked_at__gt=timezone.now() - ASK_LASTS, carer__left_at=None
    ).select_related("carer")


def ask(*, carer: Member, member_number: str, device: str, address: str) -> None:
    """Ask whoever has this number. Says nothing of whether there is anybody: who is asked sees it once signed in.

    Raises InvalidMemberNumber, TooManyAttempts; TooManyCared."""
    _require_room(carer)
    member = _counted(carer, member_number, device, address)
    count_miss(address, is_miss=member is None)
    # A job in either case: the answer takes as long.
    async_task("members.family.write_down", carer.pk, member.pk if member else 0)


def write_down(carer_id: int, member_id: int) -> None:
    """The job that puts before a member who it is that asks; nothing where there is no such member, or they consented
    before."""
    if Member.objects.filter(pk__in=[carer_id, member_id], left_at=None).count() < 2:
        return
    try:
        with transaction.atomic():
            Care.objects.create(carer_id=carer_id, member_id=member_id, asked_at=timezone.now())
    except IntegrityError:  # asked, or consented, before
        asked = Care.objects.filter(carer=carer_id, member=member_id, began_at=None, ended_at=None)
        asked.update(asked_at=timezone.now())


@sensitive_variables("code")
def begin_by_code(*, carer: Member, member_number: str, code: str, device: str, address: str) -> None:
    """Begin with a code that a clerk has handed to the other, who hands it to the carer. Uses it up.

    Raises InvalidMemberNumber, TooManyAttempts; TooManyCared; CodeNeeded, WrongCode (also where nobody has the
    number)."""
    _require_room(carer)
    member = _counted(carer, member_number, device, address) or nobody(member_number)
    try:
        _begin(carer, member, code)
    except WrongCode:
        count_miss(address)
        raise


@sensitive_variables("code")
def _begin(carer: Member, member: Member, code: str) -> None:
    counted = count_proof_or_code(member.pk)
    try:
        with transaction.atomic():
            use_code(member, code, counted=counted)
            _lock_and_require_room(carer)
            now = timezone.now()
            care = Care.objects.filter(carer=carer, member=member, ended_at=None).first() or Care(
                carer=carer, member=member, asked_at=now
            )
            care.began_at, care.proved_by = care.began_at or now, care.proved_by or "code"
            care.save()
    except TooManyCared:
        give_back_proof(member.pk, counted)  # the code was right, and is not used up
        raise
    give_back_proof(member.pk, counted)


def accept(*, member: Member, care_id: int, proved_by: str) -> None:
    """Consent to be looked after; `proved_by`: how the member has signed in ("password" or "line").

    Raises CareIsOver where nobody asks (any more); TooManyCared."""
    asked = asked_of(member).filter(pk=care_id).first()
    if asked is None:
        raise CareIsOver
    with transaction.atomic():
        _lock_and_require_room(asked.carer)
        is_begun = asked_of(member).filter(pk=care_id).update(began_at=timezone.now(), proved_by=proved_by)
        if not is_begun:
            raise CareIsOver


def end(*, by: Member, care_id: int) -> None:
    """Either side ends it, or the one who was asked refuses. Waits for a booking that is just being made, and none is
    made after. Raises CareIsOver."""
    care = Care.objects.filter(Q(carer=by) | Q(member=by), pk=care_id, ended_at=None)
    side = "carer" if care.filter(carer=by).exists() else "member"
    if not care.update(ended_at=timezone.now(), ended_by=side):
        raise CareIsOver


def choose_messages(*, carer: Member, care_id: int, always: bool) -> None:
    """Let the carer have every message of the other's, or those alone that reach the other by no channel. Raises
    CareIsOver."""
    if not of_carer(carer).filter(pk=care_id).update(tells_always=always):
        raise CareIsOver


def lock(*, carer_id: int, member_id: int) -> None:
    """Hold the consent until the caller's transaction ends. Locks the member's row first, as erasing does, and then the
    consent's. Raises CareIsOver where there is none."""
    Member.objects.select_for_update(no_key=True).filter(pk=member_id).first()
    locked = consented().filter(carer_id=carer_id, member_id=member_id)
    if locked.select_for_update(no_key=True, of=["self"]).first() is None:
        raise CareIsOver


def _counted(carer: Member, member_number: str, device: str, address: str) -> Member | None:
    """The member of a number that the carer typed, once the try is counted; None also for the carer's own."""
    number = parse_member_number(member_number)
    count_attempt(identifier=f"family:{significant(number)} {address}", device=device, address=address)
    found = Member.objects.filter(left_at=None).with_number(number)
    return None if found == carer else found


def _require_room(carer: Member) -> None:
    if of_carer(carer).count() >= MOST:
        raise TooManyCared


def _lock_and_require_room(carer: Member) -> None:
    Member.objects.select_for_update(no_key=True).get(pk=carer.pk)
    _require_room(carer)
