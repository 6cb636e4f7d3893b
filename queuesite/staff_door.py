"""Rules for everybody signed in as staff, on every page: a kiosk stays a kiosk, whoever has gone away is signed out,
and the back office opens only with the second factor."""

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

SEEN, KIOSK = "seen", "kiosk"  # keys in the session: when a page was last requested; that it belongs to a kiosk
SEEN_EVERY = 60  # seconds between writes of a session, so that not every page costs one
OF_THE_KIOSK = ("/kiosk/", "/static/", "/i18n/", "/admin/logout/")
# Answered without the database, whoever asks.
HEALTH = ("/healthz", "/readyz", "/workerz")
# Pages that ask who somebody is, and show nothing else.
AT_THE_DOOR = ("/admin/login/", "/admin/logout/", "/admin/second-factor/", "/admin/set-password/", "/admin/jsi18n/")


def door(get_response):
    """Must come after sessions, log-ins and django-otp. Costs nothing for visitors without a session."""

    def middleware(request):
        if request.path in HEALTH:
            return get_response(request)
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session:
            answer = _kiosk(request) or _idle(request) or _second_factor(request)
            if answer:
                return answer
        return get_response(request)

    return middleware


def _kiosk(request):
    """A tablet within everybody's reach opens only the kiosk's pages."""
    if KIOSK not in request.session or request.path.startswith(OF_THE_KIOSK):
        return None
    if request.method in ("GET", "HEAD"):
        return redirect("kiosk")
    raise PermissionDenied


def _idle(request):
    """Sign somebody out who opens the back office after a while without a request. An open console
    asks every second, so a counter stays signed in all day. A page of the back office that reloads by itself
    (static/js/today.js says so) does not count."""
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
