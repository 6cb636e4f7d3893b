"""What is shown where a page fails: members are led home, staff back to where they were."""

from urllib.parse import urlsplit

from django.contrib import admin
from django.core.exceptions import DisallowedHost
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render
from django.template import loader
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views import defaults

OF_STAFF = ("/admin/", "/counter/", "/kiosk/")
# What staff read: what has happened, and what to do.
SAYS = {
    "bad_request": (
        _("ข้อมูลที่ส่งมาไม่ครบ หรือมากเกินไป"),
        _("ยังไม่มีการบันทึก กดย้อนกลับในเบราว์เซอร์ สิ่งที่พิมพ์ไว้มักยังอยู่ หรือเปิดหน้าเดิมใหม่ด้วยปุ่มด้านล่าง"),
    ),
    "not_permitted": (
        _("บัญชีนี้ไม่มีสิทธิ์ทำรายการนี้"),
        _("ยังไม่มีการบันทึก หากต้องใช้ กรุณาขอสิทธิ์จากผู้จัดการ"),
    ),
    "not_found": (
        _("ไม่พบหน้าหรือรายการนี้"),
        _("อาจถูกลบหรือย้ายไปแล้ว หรือที่อยู่พิมพ์ไม่ครบ"),
    ),
    "expired": (
        _("หน้านี้เปิดไว้นานเกินไป"),
        _("รายการยังไม่ถูกส่ง กรุณาเปิดหน้าเดิมใหม่ แล้วทำรายการอีกครั้ง"),
    ),
    "other_address": (
        _("ระบบไม่รู้จักที่อยู่ของเว็บนี้"),
        _("รายการยังไม่ถูกส่ง ผู้ดูแลระบบต้องใส่ %(address)s ใน CSRF_TRUSTED_ORIGINS แล้วเริ่มระบบใหม่"),
    ),
}
FAULT = _("ระบบขัดข้อง กรุณาแจ้งผู้ดูแลระบบพร้อมรหัสเหตุการณ์")


def bad_request(request, exception):
    return _of_staff(request, 400, "bad_request") or defaults.bad_request(request, exception)


def not_permitted(request, exception):
    return _of_staff(request, 403, "not_permitted") or defaults.permission_denied(request, exception)


def not_found(request, exception):
    return _of_staff(request, 404, "not_found") or defaults.page_not_found(request, exception)


def expired(request, reason=""):
    """A form without the right CSRF token, or under an address that is not the one the service sees."""
    address = _other_address(request, reason)
    of_staff = _of_staff(request, 403, "other_address" if address else "expired", address=address)
    return of_staff or render(request, "403_csrf.html", {"address": address}, status=403)


def server_error(request):
    """Uses neither the database nor the session: they may be what failed."""
    shown = getattr(request, "log_id", "")[:8]  # of what the log has: so much can be told by telephone
    if request.path.startswith("/api/"):
        return JsonResponse({"code": "fault", "message": str(FAULT), "reference": shown}, status=500)
    if not request.path.startswith(OF_STAFF):
        return HttpResponse(loader.get_template("500.html").render({"request_id": shown}), status=500)
    context = {"back": back(request), "request_id": shown}
    return HttpResponse(loader.get_template("staff_500.html").render(context), status=500)


def _other_address(request, reason: str) -> str:
    """Where the browser found the form, if that is our name with another port or scheme: something in front hides them
    from us. "" otherwise: nobody is to be asked to trust another site."""
    origin = request.headers.get("Origin", "")
    if reason != REASON_BAD_ORIGIN % origin:
        return ""
    try:
        is_ours = urlsplit(origin).hostname == urlsplit(f"//{request.get_host()}").hostname
    except (DisallowedHost, ValueError):
        return ""
    return origin if is_ours else ""


def _of_staff(request, status: int, what: str, **told: str) -> HttpResponse | None:
    """The page for staff, with the menu if they are signed in to the back office; None on other pages. `told` goes
    into the advice."""
    if not request.path.startswith(OF_STAFF):
        return None
    title, advice = SAYS[what]
    context = {"title": title, "advice": advice % told, "back": back(request)}
    # If the body was refused before the session was read, there is no user.
    user = getattr(request, "user", None)
    if request.path.startswith("/admin/") and user is not None and admin.site.has_permission(request):
        return render(request, "admin/fault.html", admin.site.each_context(request) | context, status=status)
    return render(request, "counter/fault.html", context, status=status)


def back(request) -> str:
    """The page with the form or the link, if it is one for staff; else their first page."""
    try:
        came_from = urlsplit(request.headers.get("Referer", ""))
        is_ours = url_has_allowed_host_and_scheme(came_from.geturl(), {request.get_host()})
    except (DisallowedHost, ValueError):
        came_from, is_ours = urlsplit(""), False
    is_same = request.method == "GET" and came_from.path == request.path
    if is_ours and came_from.path.startswith(OF_STAFF) and not is_same:
        return came_from.path + (f"?{came_from.query}" if came_from.query else "")
    first = {"/admin/": "admin:index", "/counter/": "counters", "/kiosk/": "kiosk"}
    return reverse(next(name for start, name in first.items() if request.path.startswith(start)))
