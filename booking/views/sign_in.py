"""Pages at the door of the back office: set a password by a one-time link, and show the second factor."""

import django_otp
from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from booking import sign_in
from booking.views import sent
from booking.views.access import access
from booking.views.qr import qr

LONGEST_CODE = 200


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@access("anyone")  # the code of the link says whose password it is
def set_password(request):
    """The link's code is its fragment, which no server logs. A script, or a person, puts it into the form."""
    if request.method != "POST":
        return render(request, "admin/door/set_password.html", {"form": SetPasswordForm(None)})
    code = sent.text(request, "code", most=LONGEST_CODE)
    user = sign_in.user_of_code(code)
    form = SetPasswordForm(user, request.POST)
    if user is None:
        context = {"form": SetPasswordForm(None), "code": code, "is_wrong": True}
        return render(request, "admin/door/set_password.html", context, status=422)
    if not form.is_valid():
        return render(request, "admin/door/set_password.html", {"form": form, "code": code}, status=422)
    form.save()
    sign_in.password_was_set(user)
    messages.success(request, _("ตั้งรหัสผ่านแล้ว เข้าสู่ระบบด้วยรหัสผ่านใหม่ได้เลย"))
    return redirect("admin:login")


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@access("signed_in")
def second_factor(request):
    """Ask for the app's code, or one on paper. Without either, staff first set up the app."""
    onward = _onward(request)
    if request.user.is_verified():
        return redirect(onward)
    context = {"next": onward}
    code = _code(request)
    if sign_in.has_second_factor(request.user):
        device = sign_in.proved(request.user, code) if code else None
        if device:
            django_otp.login(request, device)
            return redirect(onward)
        context |= {"is_wrong": request.method == "POST"}
        return render(request, "admin/door/second_factor.html", context, status=422 if context["is_wrong"] else 200)
    device = sign_in.begun_device(request.user)
    if code and device.verify_token(code):
        context |= {"codes": sign_in.confirm_device(device)}
        django_otp.login(request, device)
        return render(request, "admin/door/recovery_codes.html", context)
    secret = device.config_url.split("secret=")[1].split("&")[0]
    context |= {"qr": qr(device.config_url), "secret": secret, "is_wrong": request.method == "POST"}
    return render(request, "admin/door/set_up.html", context, status=422 if context["is_wrong"] else 200)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@access("signed_in")
def recovery_codes(request):
    """Ten new codes on paper, for who shows a code once more: a page left open gives none to who walks by."""
    if not sign_in.has_second_factor(request.user):
        return redirect_to_login(request.path, reverse("second_factor"))
    if request.method == "POST":
        code = _code(request)
        if code and sign_in.proved(request.user, code):
            context = {"codes": sign_in.renew_codes(request.user), "next": reverse("admin:index")}
            return render(request, "admin/door/recovery_codes.html", context)
    is_wrong = request.method == "POST"
    return render(request, "admin/door/renew_codes.html", {"is_wrong": is_wrong}, status=422 if is_wrong else 200)


def _code(request) -> str:
    return "".join(sent.text(request, "code", most=LONGEST_CODE).split())


def _onward(request) -> str:
    wanted = sent.onward(request)
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if here else reverse("admin:index")
