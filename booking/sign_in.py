"""How staff prove who they are: the code in a one-time link that sets a password, and the second factor (a code of an
app on their telephone, or one of ten codes on paper)."""

import base64

import django_otp
from axes.utils import reset as unlock_log_in
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django_otp import devices_for_user
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from booking import roles
from booking.models import StaffEvent

What = StaffEvent.What
RECOVERY_CODES, APP_DIGITS = 10, 6


def password_code(user) -> str:
    """What a one-time link carries: good for settings.PASSWORD_RESET_TIMEOUT, and until a password is set or the log-in
    used."""
    return f"{urlsafe_base64_encode(str(user.pk).encode())}.{default_token_generator.make_token(user)}"


def user_of_code(code: str):
    """The active member of staff whose code it is, or None."""
    who, _dot, token = code.strip().partition(".")
    try:
        pk = int(force_str(urlsafe_base64_decode(who)))
    except (ValueError, UnicodeError):
        return None
    user = get_user_model().objects.filter(pk=pk, is_active=True).first() if 0 < pk < 2**31 else None
    return user if user and default_token_generator.check_token(user, token) else None


def password_was_set(user) -> None:
    """After somebody has set their own password by a link: who was locked out may come in."""
    unlock_log_in(username=user.get_username())
    roles.write_down(What.PASSWORD, by=None, user=user)


def has_second_factor(user) -> bool:
    return any(True for _device in devices_for_user(user))


def begun_device(user) -> TOTPDevice:
    """The app that is being set up: the same secret until it is confirmed, so that a reload shows the same code."""
    return TOTPDevice.objects.get_or_create(user=user, confirmed=False, defaults={"name": "app"})[0]


def confirm_device(device: TOTPDevice) -> list[str]:
    """Take a device into use that has just shown a right code. Returns the recovery codes, which are shown once."""
    with transaction.atomic():
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        codes = _new_codes(device.user)
        roles.write_down(What.FACTOR_SET, by=device.user, user=device.user)
    return codes


def renew_codes(user) -> list[str]:
    """Ten new recovery codes in place of those of before. Who asks has just proved the second factor."""
    with transaction.atomic():
        codes = _new_codes(user)
        roles.write_down(What.CODES_RENEWED, by=user, user=user)
    return codes


def _new_codes(user) -> list[str]:
    paper, _created = StaticDevice.objects.get_or_create(user=user, defaults={"name": "paper"})
    paper.token_set.all().delete()
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(
        StaticToken(device=paper, token=_kept(code, settings.CITIZEN_ID_KEY)) for code in codes
    )
    return codes


def proved(user, code: str):
    """The device of the second factor whose code this is, or None; a code on paper is used up. Each kind is slowed down
    by its own wrong codes."""
    if len(code) == APP_DIGITS and code.isdecimal():
        devices, wanted = TOTPDevice.objects.devices_for_user(user, confirmed=True), code
    else:
        devices = StaticDevice.objects.devices_for_user(user, confirmed=True)
        kept = [_kept(code, key) for key in (settings.CITIZEN_ID_KEY, *settings.CITIZEN_ID_KEY_FALLBACKS)]
        there = StaticToken.objects.filter(device__user=user, token__in=kept).values_list("token", flat=True)
        wanted = there.first() or kept[0]
    tried = (django_otp.verify_token(user, one.persistent_id, wanted) for one in devices)
    return next((device for device in tried if device), None)


def _kept(code: str, key: str) -> str:
    """A recovery code as the database has it: who reads the database can use none."""
    made = salted_hmac("booking.recovery_code", code.lower(), secret=key, algorithm="sha256")
    return base64.urlsafe_b64encode(made.digest()[:12]).decode()


def reset_second_factor(user, *, by) -> None:
    """Forget the telephone and the codes on paper. `by` is another manager; None on the command line."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
        roles.write_down(What.FACTOR_RESET, by=by, user=user)


def second_factor_is_missing(request) -> bool:
    """Whether who is signed in has still to prove it by the second factor, where the office asks for one."""
    return settings.SECOND_FACTOR and request.user.is_authenticated and not request.user.is_verified()
