"""Shows that somebody is in the office: they have scanned a code that its screen changes every half minute.

The code is not a personal secret. Whoever knows it in time is there, or knows somebody who is.
"""

from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

WINDOW_SECONDS = 30
# A code is valid while it is shown, and for so many more windows: a telephone takes some time.
WINDOWS_AFTER = 2
LENGTH = 20  # hex digits: 80 bits, few enough for a code that can be scanned from afar


def token() -> str:
    """What the office's screen shows now."""
    return _token_of(_window())


def is_valid(token: str) -> bool:
    """Whether the screen shows this now, or did within the last minute or so."""
    now = _window()
    return any(constant_time_compare(token, _token_of(window)) for window in range(now - WINDOWS_AFTER, now + 1))


def _window() -> int:
    return int(timezone.now().timestamp()) // WINDOW_SECONDS


def _token_of(window: int) -> str:
    return salted_hmac("booking.calling.presence", str(window), algorithm="sha256").hexdigest()[:LENGTH]
