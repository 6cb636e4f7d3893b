"""What holds for who is signed in as staff, wherever they go: a kiosk stays a kiosk, who has gone away is signed out,
and the back office opens with the second factor only."""

import time

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout, user_logged_in
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.shortcuts import redirect
from django.urls import reverse

from booking import roles, sign_in
from office.settings import office

SEEN, KIOSK = "seen", "kiosk"  # in the session: when last a page was asked for; that it is a kiosk's
SEEN_EVERY = 60  # seconds: a session is written that often, and no page asked for costs a write of its own
OF_THE_KIOSK = ("/kiosk/", "/static/", "/i18n/", "/admin/logout/", "/healthz", "/readyz")
# Here one proves who one is; nothing else is shown.
AT_THE_DOOR = ("/admin/login/", "/admin/logout/", "/admin/second-factor/", "/admin/set-password/", "/admin/jsi18n/")


def door(get_response):
    """Stands below sessions, log-ins and django-otp. Who has no session passes for nothing."""

    def middleware(request):
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session:
            answer = _kiosk(request) or _idle(request) or _second_factor(request)
            if answer:
                return answer
        return get_response(request)

    return middleware


def _kiosk(request):
    """A tablet that stands where people can reach it opens the kiosk's pages and no other."""
    if KIOSK not in request.session or request.path.startswith(OF_THE_KIOSK):
        return None
    if request.method in ("GET", "HEAD"):
        return redirect("kiosk")
    raise PermissionDenied


def _idle(request):
    """Who has asked for nothing for a while is signed out where the back office is opened next. An open console asks
    every second, so the counter stays signed in for the day; a page of the back office that looks again by itself
    (static/js/today.js says so) asks for nobody."""
    if not request.path.startswith(("/admin/", "/counter/")):
        return None
    now, seen = int(time.time()), request.session.get(SEEN, 0)
    if seen and now - seen > office.idle_minutes * 60 and request.path.startswith("/admin/"):
        logout(request)
        at_door = request.path.startswith(AT_THE_DOOR)
        return None if at_door else redirect_to_login(request.get_full_path() if request.method == "GET" else "/admin/")
    looks_by_itself = request.headers.get("X-Looks-Again") == "1" and request.path.startswith("/admin/")
    if now - seen >= SEEN_EVERY and not looks_by_itself:
        request.session[SEEN] = now
    return None


def _second_factor(request):
    guarded = ("/admin/", "/counter/") if settings.SECOND_FACTOR_AT_COUNTERS else ("/admin/",)
    if not request.path.startswith(guarded) or request.path.startswith(AT_THE_DOOR):
        return None
    if not sign_in.second_factor_is_missing(request):
        return None
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path(), reverse("second_factor"))
    raise PermissionDenied


@receiver(user_logged_in)
def _signed_in(request, user, **_):
    if request is None:
        return
    request.session[SEEN] = int(time.time())
    if roles.is_kiosk(user):
        request.session[KIOSK] = True
