"""What holds for everybody signed in as staff, wherever they go: a kiosk stays a kiosk, somebody who went away is
signed out, and the back office opens only with the second factor."""

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
SEEN_EVERY = 60  # seconds: a session is written that often, so that not every page costs a write
OF_THE_KIOSK = ("/kiosk/", "/static/", "/i18n/", "/admin/logout/", "/healthz", "/readyz")
# Pages that ask who one is, and show nothing else.
AT_THE_DOOR = ("/admin/login/", "/admin/logout/", "/admin/second-factor/", "/admin/set-password/", "/admin/jsi18n/")


def door(get_response):
    """Stands below sessions, log-ins and django-otp. Visitors without a session cost nothing."""

    def middleware(request):
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session:
            answer = _kiosk(request) or _idle(request) or _second_factor(request)
            if answer:
                return answer
        return get_response(request)

    return middleware


def _kiosk(request):
    """A tablet that anybody can reach opens the kiosk's pages and no others."""
    if KIOSK not in request.session or request.path.startswith(OF_THE_KIOSK):
        return None
    if request.method in ("GET", "HEAD"):
        return redirect("kiosk")
    raise PermissionDenied


def _idle(request):
    """Somebody who has asked for nothing for a while is signed out when they next open the back office. An open console
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
