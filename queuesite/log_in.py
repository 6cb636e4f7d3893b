"""Limits log-ins to the back office, beside the lock of one name from one address (django-axes).

Two more limits are checked before a password is hashed, which takes half a second of processor time: names tried from
one address, and wrong passwords for one name from everywhere. A stranger could use either to lock the office out, so
they do not apply to a device that has signed in under that name before. A signed cookie says so; it opens nothing.
"""

import datetime as dt
from functools import cache

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.db.models import Count, Q, Sum
from django.dispatch import receiver
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from office.settings import office

COOKIE, SALT = "signed_in_here", "queuesite.log_in"
KEPT_SECONDS = 90 * 24 * 60 * 60
MOST_NAMES = 10  # the latest on one device
LONGEST_NAME = 150


def limits(get_response):
    """Refuse a log-in past a limit, before its password is looked at; remember on the device who has signed in."""

    def middleware(request):
        if request.method == "POST" and request.path_info == _address():
            name = request.POST.get("username", "").replace("\0", "")[:LONGEST_NAME]
            if name not in _known(request) and _is_past_a_limit(name, request):
                return render(request, settings.AXES_LOCKOUT_TEMPLATE, status=429)
        response = get_response(request)
        if name := getattr(request, "signed_in_as", None):
            names = [*(known for known in _known(request) if known != name), name][-MOST_NAMES:]
            response.set_cookie(
                COOKIE,
                signing.dumps(names, salt=SALT),
                max_age=KEPT_SECONDS,
                path=_address(),
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response

    return middleware


@cache
def _address() -> str:
    return reverse("admin:login")


@receiver(user_logged_in)
def _signed_in(request, user, **kwargs):
    if request is not None:
        request.signed_in_as = user.get_username()


def _known(request) -> list[str]:
    try:
        return signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT_SECONDS)
    except signing.BadSignature:
        return []


def _is_past_a_limit(name: str, request) -> bool:
    from axes.models import AccessAttempt

    from members.throttle import client_address

    address = client_address(request)
    since = timezone.now() - dt.timedelta(hours=settings.AXES_COOLOFF_TIME)
    tried = AccessAttempt.objects.filter(Q(ip_address=address) | Q(username=name), attempt_time__gte=since)
    found = tried.aggregate(
        names=Count("username", filter=Q(ip_address=address), distinct=True),
        failures=Sum("failures_since_start", filter=Q(username=name), default=0),
    )
    return found["names"] >= office.log_ins_of_address or found["failures"] >= office.log_ins_of_name


def most_failures(request, credentials) -> int:
    """How many wrong passwords of one name from one address lock it (AXES_FAILURE_LIMIT)."""
    return office.log_in_failures
