"""Members ask the office to correct or erase what is held of them, and staff answer within the days that law gives."""

import datetime as dt
import uuid

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from members import reaching
from members.errors import AlreadyAsked, RequestIsOver, WordsNeeded
from members.models import Member, MemberRequest

# Section 30 of the Personal Data Protection Act gives thirty days for a copy; we hold every request to them.
DAYS = 30
Kind, State = MemberRequest.Kind, MemberRequest.State


def ask(*, member: Member, kind: str, wrong: str = "", right: str = "") -> MemberRequest:
    """Write down what a member asks. A correction says what is wrong, and what is right in its place.

    Raises WordsNeeded; AlreadyAsked while one of this kind is open."""
    if kind == Kind.CORRECTION and not (wrong and right):
        raise WordsNeeded
    try:
        with transaction.atomic():
            return MemberRequest.objects.create(
                member=member, kind=kind, wrong=wrong, right=right, asked_at=timezone.now()
            )
    except IntegrityError as refused:
        if "one_open_request_of_a_kind" in str(refused):
            raise AlreadyAsked from None
        raise


def withdraw(*, member: Member, request_id: int) -> None:
    """Take back one's own request. Raises RequestIsOver where it is not open, or another's."""
    _end(MemberRequest.objects.filter(member=member, pk=request_id), State.WITHDRAWN)


def carried_out(*, request: MemberRequest, by: User, answer: str = "") -> None:
    """Say that what was asked is done, and tell the member. An erasure ends with its member instead
    (booking.verbs.erase_member). Raises RequestIsOver."""
    _answer(request, State.DONE, by, answer)


def refuse(*, request: MemberRequest, by: User, answer: str) -> None:
    """Refuse, with the reason that the member reads, and that section 39 asks one to keep; and tell the member. Raises
    RequestIsOver."""
    _answer(request, State.REFUSED, by, answer)


@transaction.atomic
def _answer(request: MemberRequest, state: str, by: User, answer: str) -> None:
    _end(MemberRequest.objects.filter(pk=request.pk), state, by=by, answer=answer)
    async_task("members.requests.tell", request.pk, str(uuid.uuid4()))


def tell(request_id: int, key: str) -> None:
    """The job that tells a member that there is an answer, which they read once signed in: it may name anything. Raises
    LineFault to be tried again; by `key` LINE takes it once."""
    request = MemberRequest.objects.select_related("member").filter(pk=request_id).first()
    if request is None or not reaching.ways(request.member):
        return
    with translation.override("th"):
        text = _("สหกรณ์ตอบคำขอเรื่องข้อมูลของท่านแล้ว ดูคำตอบได้ในหน้า ข้อมูลที่เก็บไว้ของฉัน")
        subject = _("คำตอบเรื่องข้อมูลของท่าน")
        reaching.send(request.member, subject=subject, text=f"{text} {reaching.of_office()}".strip(), key=key)


def _end(which: QuerySet[MemberRequest], state: str, *, by: User | None = None, answer: str = "") -> None:
    is_ours = which.filter(state=State.OPEN).update(state=state, ended_at=timezone.now(), ended_by=by, answer=answer)
    if not is_ours:
        raise RequestIsOver


def open_ones() -> QuerySet[MemberRequest]:
    """Those that wait for the office, the oldest first."""
    return MemberRequest.objects.filter(state=State.OPEN)


def due_on(request: MemberRequest) -> dt.date:
    """The last day on which the office may answer."""
    return timezone.localdate(request.asked_at) + dt.timedelta(days=DAYS)


def hand_over(*, dropped: Member, kept: Member) -> None:
    """Two entries of one member become one: what was asked goes with them. Where both ask the same, it is one request,
    as old as the older. Runs in the caller's transaction, which holds both members' rows."""
    for theirs in MemberRequest.objects.filter(member=dropped):
        same = MemberRequest.objects.filter(member=kept, kind=theirs.kind, state=State.OPEN).first()
        if same is None or not theirs.is_open:
            theirs.member = kept
            theirs.save(update_fields=["member"])
            continue
        same.wrong, same.right = _both(same.wrong, theirs.wrong), _both(same.right, theirs.right)
        same.asked_at = min(same.asked_at, theirs.asked_at)
        same.save(update_fields=["wrong", "right", "asked_at"])


def _both(one: str, other: str) -> str:
    return "\n".join(text for text in (one, other) if text)
