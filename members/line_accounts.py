"""A member's LINE account: linked once, with the proof that the office asks for, and let go again.

What a number and a masked name prove is nothing (anyone may know them), so a link that would end another one always
needs a proof: the office's own, or a clerk's code where the office asks for none.
"""

import logging
import uuid
from datetime import datetime

from django.conf import settings
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django_q.tasks import async_task

from members import line
from members.codes import use_code
from members.errors import IdentityExpired
from members.identify import IDENTITY_LASTS, identify
from members.models import LineAccount, LineFollow, Member
from members.throttle import count_attempt

log = logging.getLogger(__name__)

PROOFS = ("none", "member_proof", "code")
CLAIM_SALT = "members.line_link"


def asks_phone() -> bool:
    """Whether who wants to link an account is asked for the last four digits of the member's telephone."""
    return settings.LINE_LINK_PROOF == "member_proof" or settings.MEMBER_PROOF == "phone_last4"


def needs_code(*, member: Member, user_id: str) -> bool:
    """Whether linking this member to this LINE account takes a clerk's code."""
    if settings.LINE_LINK_PROOF == "none":
        return _ended_by(member, user_id).exists()
    if settings.LINE_LINK_PROOF not in PROOFS:
        raise ImproperlyConfigured("LINE_LINK_PROOF")
    return settings.LINE_LINK_PROOF == "code"


@sensitive_variables()
def claim(*, user_id: str, **asked) -> tuple[Member, str]:
    """The first step of linking: the member that somebody says to be, and a signed claim that link() takes.

    `asked` is what identify() takes, and what it raises is raised. The claim names the member and the LINE account,
    and ends after 15 minutes.
    """
    member = identify(**asked, asks="phone_last4" if settings.LINE_LINK_PROOF == "member_proof" else "")
    return member, signing.dumps([member.pk, user_id], salt=CLAIM_SALT)


def claimed(token: str, *, user_id: str) -> Member:
    """The member of a claim that this LINE account made. Raises IdentityExpired, for one of another account too."""
    try:
        member_id, claimant = signing.loads(token, salt=CLAIM_SALT, max_age=IDENTITY_LASTS)
    except (signing.BadSignature, UnicodeEncodeError):
        raise IdentityExpired from None
    member = Member.objects.filter(pk=member_id, is_registered=True).first()
    if claimant != user_id or member is None:
        raise IdentityExpired
    return member


@sensitive_variables("code")
def link(*, user_id: str, token: str, code: str = "", device: str = "", address: str) -> LineAccount:
    """Link a verified LINE user to the member of a claim(), whose name they have confirmed.

    Whatever either was linked to before ends; the member's former LINE account is told, by a job. Linked to each other
    already: that link is returned as it is. Raises IdentityExpired, CodeNeeded, WrongCode (unknown, used, expired or
    another member's), and TooManyAttempts: tries at codes are counted as look-ups are.
    Locks the table against other links: these are rare, and one at a time leaves nothing to think about.
    """
    member = claimed(token, user_id=user_id)
    if code:
        count_attempt(identifier=f"line_code:{member.pk}", device=device, address=address)
    with transaction.atomic():
        _one_at_a_time()
        account = LineAccount.objects.filter(member=member, user_id=user_id).first()
        if account:
            return account
        if needs_code(member=member, user_id=user_id):
            use_code(member, code)
        ended = _ended_by(member, user_id)
        former = ended.filter(member=member).first()
        ended.delete()
        if former and line.is_on():
            async_task("members.line_accounts.tell_former", former.user_id, str(uuid.uuid4()))
        unfollowed = LineFollow.objects.filter(user_id=user_id, follows=False).first()
        return LineAccount.objects.create(
            member=member,
            user_id=user_id,
            linked_at=timezone.now(),
            unfollowed_at=unfollowed.at if unfollowed else None,
        )


def unlink(*, member: Member, by) -> bool:
    """End a member's link, at the wish of the member (`by` None) or by a member of staff. Whether there was one."""
    ended, _rows = LineAccount.objects.filter(member=member).delete()
    if ended:
        log.info("LINE account of member %s unlinked by %s", member.pk, by.pk if by else "the member")
    return bool(ended)


def followed(*, user_id: str, at: datetime) -> None:
    """A LINE user follows the office's account since `at`: they can be reached, unless they left it after that."""
    _keep_follow(user_id, at, follows=True)


def unfollowed(*, user_id: str, at: datetime) -> None:
    """A LINE user has blocked the office's account at `at`: nothing reaches them until they follow it again."""
    _keep_follow(user_id, at, follows=False)


def tell_former(user_id: str, retry_key: str) -> None:
    """The job that tells a LINE account that its member has linked another. Raises LineFault to be tried again."""
    with translation.override("th"):
        text = _("บัญชี LINE นี้เลิกผูกกับสมาชิกแล้ว เพราะมีการผูกสมาชิกท่านเดิมกับบัญชี LINE อื่น หากท่านไม่ได้ทำ กรุณาติดต่อสหกรณ์ทันที")
        if settings.OFFICE_PHONE:
            text += " " + _("โทร %(phone)s") % {"phone": settings.OFFICE_PHONE}
    try:
        line.push(user_id=user_id, messages=[{"type": "text", "text": text}], retry_key=retry_key)
    except line.LineFault as fault:
        if not fault.permanent:
            raise
        log.warning("a former LINE account could not be told: %s", fault)


def _keep_follow(user_id: str, at: datetime, *, follows: bool) -> None:
    """Only the newest event counts. The link is changed after the user's own row: link() does it the other way round,
    with the table locked, so that whoever is second sees the other's."""
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


def _ended_by(member: Member, user_id: str):
    """The links that a link between these two ends: the member's and the account's, but one with each other."""
    return LineAccount.objects.filter(Q(member=member) | Q(user_id=user_id)).exclude(member=member, user_id=user_id)


def _one_at_a_time() -> None:
    """Until this transaction ends no other process changes a link; reading goes on."""
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {LineAccount._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
