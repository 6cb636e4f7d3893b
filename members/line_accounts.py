"""A member's LINE account: linked once, with the proof that the office asks for, and unlinked again.

A number and a masked name prove nothing, since anyone may know them. So a link takes a proof, and keeps which it was. A
link without one gets messages, but shows and does nothing.
"""

import logging
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django_q.tasks import async_task

from members import line
from members.codes import use_code
from members.errors import IdentityExpired
from members.identify import IDENTITY_LASTS, look_up
from members.models import EndedLink, LineAccount, LineFollow, Member
from members.reaching import in_words, of_office
from members.throttle import count_attempt, count_proof_or_code, give_back_proof

log = logging.getLogger(__name__)

PROOFS = ("none", "member_proof", "code")
CLAIM_SALT = "members.line_link"
# How long a link that has ended is remembered.
REMEMBERED = timedelta(days=30)


def asks_phone() -> bool:
    """Whether linking an account takes the last four digits of the member's telephone number."""
    return bool(settings.LINE_LINK_PROOF == "member_proof" or settings.MEMBER_PROOF == "phone_last4")


def needs_code(*, member: Member, user_id: str) -> bool:
    """Whether linking this member to this LINE account takes a clerk's code. It does if the office asks for one; if the
    account is another member's, or was within 30 days; and, where nothing else is asked for, if the link would end
    another or follows one that has ended."""
    if settings.LINE_LINK_PROOF not in PROOFS:
        raise ImproperlyConfigured("LINE_LINK_PROOF")
    if settings.LINE_LINK_PROOF == "code" or _was_anothers(member, user_id):
        return True
    return not asks_phone() and (_ended_by(member, user_id).exists() or _had_another(member, user_id))


@sensitive_variables()
def claim(*, user_id: str, **asked: str) -> tuple[Member, str]:
    """The first step of linking: the member whom somebody says they are, and a signed claim for link().

    `asked` are the arguments of look_up(), whose errors are raised. The claim names the member, the LINE account and
    what proved it, and ends after 15 minutes.
    """
    found = look_up(**asked, asks="phone_last4" if asks_phone() else "none")
    return found.member, signing.dumps([found.member.pk, user_id, found.proved_by], salt=CLAIM_SALT)


def claimed(token: str, *, user_id: str) -> Member:
    """The member of a claim that this LINE account made. Raises IdentityExpired, for another account's claim too."""
    return _claimed(token, user_id)[0]


@sensitive_variables("code")
def link(*, user_id: str, token: str, code: str = "", device: str = "", address: str) -> LineAccount:
    """Link a verified LINE user to the member of a claim(), whose name they have confirmed.

    Earlier links of either end, and a job tells the member's former LINE account. If the two are linked already, that
    link stays, and counts as proved from now on. Raises IdentityExpired, CodeNeeded, WrongCode (unknown, used, expired
    or another member's), and TooManyAttempts: tries at codes are counted like look-ups.
    Locks the table against other links: they are rare, and one at a time is easy to reason about.
    """
    member, proved_by = _claimed(token, user_id)
    if not code:
        return _link(member, user_id, proved_by, code="", counted="")
    count_attempt(identifier=f"line_code:{member.pk}", device=device, address=address)
    counted = count_proof_or_code(member.pk)
    account = _link(member, user_id, proved_by, code=code, counted=counted)
    if counted:
        give_back_proof(member.pk, counted)
    return account


@sensitive_variables("code")
def _link(member: Member, user_id: str, proved_by: str, *, code: str, counted: str) -> LineAccount:
    with transaction.atomic():
        _one_at_a_time()
        account = LineAccount.objects.filter(member=member, user_id=user_id).first()
        if account and account.proved_by:
            return account
        is_unproved = bool(code) and not proved_by
        if proved_by != "code" and (is_unproved or needs_code(member=member, user_id=user_id)):
            use_code(member, code, counted=counted)
            proved_by = "code"
        if account:
            account.proved_by = proved_by
            account.save(update_fields=["proved_by"])
            return account
        former = _ended_by(member, user_id).filter(member=member).first()
        _end(_ended_by(member, user_id))
        if former and line.is_on():
            async_task(
                "members.line_accounts.tell_former", former.user_id, str(uuid.uuid4()), translation.get_language()
            )
        unfollowed = LineFollow.objects.filter(user_id=user_id, follows=False).first()
        return LineAccount.objects.create(
            member=member,
            user_id=user_id,
            linked_at=timezone.now(),
            proved_by=proved_by,
            unfollowed_at=unfollowed.at if unfollowed else None,
        )


def unlink(*, member: Member, by: User | None) -> bool:
    """End a member's link, for the member (`by` None) or by a member of staff. Returns whether there was one."""
    ended = _end(LineAccount.objects.filter(member=member))
    if ended:
        log.info("LINE account of member %s unlinked by %s", member.pk, by.pk if by else "the member")
    return bool(ended)


def forget_ended_links() -> int:
    """Forget links that ended longer ago than REMEMBERED. Returns how many."""
    return EndedLink.objects.filter(ended_at__lt=timezone.now() - REMEMBERED).delete()[0]


def followed(*, user_id: str, at: datetime) -> None:
    """A LINE user has followed the office's account since `at`: they can be reached, unless they left it later."""
    _keep_follow(user_id, at, follows=True)


def unfollowed(*, user_id: str, at: datetime) -> None:
    """A LINE user has blocked the office's account at `at`: nothing reaches them until they follow it again."""
    _keep_follow(user_id, at, follows=False)


def tell_former(user_id: str, retry_key: str, language: str = "th") -> None:
    """The job that tells a LINE account that its member has linked another. `language`: the page's. Raises LineFault to
    be tried again."""
    _subject, text = in_words(_of_another_link, language)
    try:
        line.push(user_id=user_id, messages=[{"type": "text", "text": text}], retry_key=retry_key)
    except line.LineFault as fault:
        if not fault.permanent:
            raise
        log.warning("a former LINE account could not be told: %s", fault)


def _of_another_link() -> tuple[str, str]:
    text = _("บัญชี LINE นี้เลิกผูกกับสมาชิกแล้ว เพราะมีการผูกสมาชิกท่านเดิมกับบัญชี LINE อื่น หากท่านไม่ได้ทำ กรุณาติดต่อสหกรณ์ทันที")
    return "", f"{text} {of_office()}".strip()


def _keep_follow(user_id: str, at: datetime, *, follows: bool) -> None:
    """Only the newest event counts. The link changes after the user's own row. link() does it the other way round, with
    the table locked, so the second of the two sees what the first has done."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO members_linefollow AS kept (user_id, follows, at) VALUES (%s, %s, %s)"
                " ON CONFLICT (user_id) DO UPDATE SET follows = excluded.follows, at = excluded.at"
                " WHERE kept.at < excluded.at",
                [user_id, follows, at],
            )
            is_newest = cursor.rowcount == 1
        if is_newest:
            LineAccount.objects.filter(user_id=user_id).update(unfollowed_at=None if follows else at)


def _claimed(token: str, user_id: str) -> tuple[Member, str]:
    try:
        kept = signing.loads(token, salt=CLAIM_SALT, max_age=IDENTITY_LASTS)
    except (signing.BadSignature, UnicodeEncodeError):
        raise IdentityExpired from None
    if len(kept) != 3:  # made before a claim said what proved it
        raise IdentityExpired
    member_id, claimant, proved_by = kept
    member = Member.objects.filter(pk=member_id, is_registered=True).first()
    if claimant != user_id or member is None:
        raise IdentityExpired
    return member, proved_by


def _end(accounts: QuerySet[LineAccount]) -> int:
    """End these links and remember them for a while. Returns how many."""
    with transaction.atomic():
        found = list(accounts.select_for_update())
        now = timezone.now()
        EndedLink.objects.bulk_create(
            EndedLink(member_hmac=_hmac(one.member_id), user_hmac=_hmac(one.user_id), ended_at=now) for one in found
        )
        return LineAccount.objects.filter(pk__in=[one.pk for one in found]).delete()[0]


def _was_anothers(member: Member, user_id: str) -> bool:
    """Whether this LINE account is another member's, or was until less than 30 days ago."""
    others = LineAccount.objects.filter(user_id=user_id).exclude(member=member)
    ended = _remembered().filter(user_hmac=_hmac(user_id)).exclude(member_hmac=_hmac(member.pk))
    return others.exists() or ended.exists()


def _had_another(member: Member, user_id: str) -> bool:
    """Whether the member was linked to another LINE account until less than 30 days ago."""
    return _remembered().filter(member_hmac=_hmac(member.pk)).exclude(user_hmac=_hmac(user_id)).exists()


def _remembered() -> QuerySet[EndedLink]:
    return EndedLink.objects.filter(ended_at__gt=timezone.now() - REMEMBERED)


def _hmac(value: int | str) -> str:
    return salted_hmac("members.ended_link", str(value), secret=settings.CITIZEN_ID_KEY, algorithm="sha256").hexdigest()


def _ended_by(member: Member, user_id: str) -> QuerySet[LineAccount]:
    """The links that a link between these two would end: the member's and the account's, except one to each other."""
    return LineAccount.objects.filter(Q(member=member) | Q(user_id=user_id)).exclude(member=member, user_id=user_id)


def _one_at_a_time() -> None:
    """No other process changes a link until this transaction ends. Reading goes on."""
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {LineAccount._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
