"""The LINE account of a member of staff, which is told of alarms. It is linked by a code that is made in the back
office and written into the office's chat: who can do both holds both."""

import datetime as dt
import re
import secrets
from enum import Enum, auto

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from booking import roles
from booking.models import AlarmChoice, StaffEvent, StaffLine, StaffLineCode
from members.citizen_id import ascii_digits

What = StaffEvent.What
CODE_LASTS = dt.timedelta(minutes=15)
# So many that nobody finds one by trying, and not as many as a citizen ID or a telephone number has.
CODE_DIGITS = 12


class Linked(Enum):
    """What came of a code that was written into the chat."""

    DONE = auto()
    WRONG_CODE = auto()  # unknown, used, too old, or of a log-in that has been switched off
    ANOTHERS = auto()  # the LINE account is told of alarms for another log-in


def issue_code(*, user: User) -> str:
    """A new code, which ends the one of before. Only its HMAC is stored, so it can be read only here."""
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    kept = {"code_hmac": _hmac(code), "expires_at": timezone.now() + CODE_LASTS}
    StaffLineCode.objects.update_or_create(user=user, defaults=kept)
    return code


@sensitive_variables()
def code_said(text: str) -> str:
    """The HMAC of the code in what somebody wrote; "" where they wrote something else."""
    digits = re.sub(r"[\s-]", "", ascii_digits(text))
    return _hmac(digits) if re.fullmatch(rf"[0-9]{{{CODE_DIGITS}}}", digits) else ""


def link(*, code_hmac: str, line_user_id: str) -> Linked:
    """Use up a code: who made it is told of alarms at this LINE account, in place of an earlier one. Locks the code."""
    try:
        with transaction.atomic():
            good = StaffLineCode.objects.filter(expires_at__gt=timezone.now(), user__is_active=True)
            code = good.select_for_update(of=["self"]).select_related("user").filter(code_hmac=code_hmac).first()
            if code is None:
                return Linked.WRONG_CODE
            user = code.user
            now = {"line_user_id": line_user_id, "linked_at": timezone.now()}
            StaffLine.objects.update_or_create(user=user, defaults=now)
            AlarmChoice.objects.update_or_create(user=user, defaults={"by_line": True})
            code.delete()
            roles.write_down(What.LINE_LINKED, by=user, user=user)
    except IntegrityError:
        return Linked.ANOTHERS
    return Linked.DONE


def unlink(*, user: User, by: User) -> bool:
    """End the link of a log-in. Returns whether there was one."""
    with transaction.atomic():
        StaffLineCode.objects.filter(user=user).delete()
        was_linked = bool(StaffLine.objects.filter(user=user).delete()[0])
        if was_linked:
            roles.write_down(What.LINE_UNLINKED, by=by, user=user)
    return was_linked


def _hmac(code: str) -> str:
    return salted_hmac("booking.staff_line", code, secret=settings.CITIZEN_ID_KEY, algorithm="sha256").hexdigest()
