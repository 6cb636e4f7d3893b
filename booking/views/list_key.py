"""The key of a day list that waits to be printed. Whoever opened the list is signed out long before it prints, so the
page is given a key: good for that list alone, until the day is over, the password changes or the right is gone."""

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core import signing
from django.utils import timezone
from django.utils.crypto import salted_hmac

from booking.rights import Right

SALT = "day-list"
SCHEME = "DayList "


@dataclass(frozen=True)
class Waiting:
    """The list that a page waits to print today at `at`: of one department, or of all that `user` sees."""

    user: User
    department_id: int | None
    at: dt.time


def key(waiting: Waiting) -> str:
    """What opens the list today. It goes in the header `Authorization: DayList ...`, so that no log has it."""
    told = [
        waiting.user.pk,
        _mark(waiting.user),
        waiting.department_id,
        waiting.at.isoformat(),
        timezone.localdate().isoformat(),
    ]
    return signing.dumps(told, salt=SALT)


def waiting(request) -> Waiting | None:
    """What the key in a request opens at this moment; None where it opens nothing. One query, and none for a key that
    is not ours."""
    sent = request.headers.get("Authorization", "")
    if not sent.startswith(SCHEME):
        return None
    try:
        user_id, mark, department_id, at, date = signing.loads(sent.removeprefix(SCHEME), salt=SALT)
    except (signing.BadSignature, UnicodeEncodeError):
        return None
    if date != timezone.localdate().isoformat():
        return None
    user = User.objects.filter(pk=user_id, is_active=True, is_staff=True).first()
    if user is None or mark != _mark(user) or not user.has_perm(Right.VIEW_TICKETS):
        return None
    return Waiting(user, department_id, dt.time.fromisoformat(at))


def _mark(user: User) -> str:
    """Changes with the password, as sessions end with it."""
    return salted_hmac(SALT, user.get_session_auth_hash()).hexdigest()
