"""Sessions in the database as Django keeps them, read by a query that is compiled once: each request of staff reads its
own, and consoles ask each second."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from booking.kept import kept


class SessionStore(db.SessionStore):
    def _get_session_from_db(self):
        found = next(iter(_sessions(key=self.session_key, now=timezone.now())), None)
        if found is None:
            self._session_key = None
        return found


@kept
def _sessions(*, key, now):
    return Session.objects.filter(session_key=key, expire_date__gt=now).order_by()
