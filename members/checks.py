"""Settings that would open the look-up of members to everyone stop the start. A LINE or e-mail setup that is incomplete
gets a warning."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.http.request import validate_host

from members import directory
from members.directory.answers import COLUMNS
from members.identify import PROOFS
from members.line import LINE_API
from members.line_accounts import PROOFS as LINK_PROOFS
from members.throttle import SCOPES, limit

SHORTEST_KEY = 32  # characters
HINT = "docs/line.md says where each value comes from."


@register("members")
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    faults: list[CheckMessage] = []
    if settings.MEMBER_PROOF not in PROOFS:
        faults.append(Error(f"MEMBER_PROOF must be one of: {', '.join(PROOFS)}.", id="members.E001"))
    for scope in SCOPES:
        try:
            limit(scope)
        except (KeyError, ValueError):
            faults.append(
                Error(
                    f'LOOKUP_LIMIT_{scope.upper()} must be "tries/seconds", both above zero, as in 10/900.',
                    id="members.E002",
                )
            )
    for name, most in settings.BOOKING_LIMITS.items():
        if most < 1:
            faults.append(Error(f"BOOKING_LIMIT_{name.upper()} must be above zero.", id="members.E005"))
    if len(settings.CITIZEN_ID_KEY) < SHORTEST_KEY:
        faults.append(Error(f"CITIZEN_ID_KEY must have at least {SHORTEST_KEY} characters.", id="members.E003"))
    if settings.LINE_LINK_PROOF not in LINK_PROOFS:
        faults.append(Error(f"LINE_LINK_PROOF must be one of: {', '.join(LINK_PROOFS)}.", id="members.E004"))
    if settings.LINE_LOGIN_CHANNEL_ID and settings.LINE_LINK_PROOF == "none":
        text = "LINE_LINK_PROOF=none with LINE sign-in: who knows a member's number would have the member's tickets."
        faults.append(Error(text, hint=HINT, id="members.E006"))
    return faults


@register("members")
def check_directory(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Errors if the settings do not let us ask i-member."""
    return [
        Error(text, hint="docs/members.md says what each kind of directory needs.", id="members.E007")
        for text in _of_the_directory()
    ]


def _of_the_directory() -> Iterator[str]:
    kind, columns = settings.MEMBER_DIRECTORY, settings.DIRECTORY_COLUMNS
    if kind not in directory.KINDS:
        yield f"MEMBER_DIRECTORY must be one of: {', '.join(directory.KINDS)}."
    if kind == "http" and urlsplit(settings.DIRECTORY_URL).scheme not in ("http", "https"):
        yield "MEMBER_DIRECTORY=http needs DIRECTORY_URL, an address with https://."
    if kind != "database":
        return
    if not settings.DIRECTORY_DATABASE_URL or not settings.DIRECTORY_TABLE:
        yield "MEMBER_DIRECTORY=database needs DIRECTORY_DATABASE_URL and DIRECTORY_TABLE."
    if missing := {"member_number", "given_name"} - set(columns):
        yield f"DIRECTORY_COLUMNS does not say which column is {' and '.join(sorted(missing))}."
    if unknown := set(columns) - set(COLUMNS):
        yield f"DIRECTORY_COLUMNS names what is unknown: {', '.join(sorted(unknown))}."
    if settings.DIRECTORY_REGISTERED and "registered" not in columns:
        yield "DIRECTORY_REGISTERED is set, and DIRECTORY_COLUMNS does not say which column is registered."


@register("members")
def check_channels(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Warnings if a part of LINE or e-mail is missing or does not fit. Everything else works all the same.

    A server in LINE's place (the demo's, a test's) needs neither https nor LINE's own numbers.
    """
    if settings.LINE_API_BASE != LINE_API:
        return []
    found = [*_of_the_address(), *_of_the_messages(), *_of_the_sign_in(), *_of_the_mail()]
    return [Warning(text, hint=HINT, id=f"members.{name}") for name, text in found]


def _of_the_address() -> Iterator[tuple[str, str]]:
    address, where = settings.PUBLIC_URL, urlsplit(settings.PUBLIC_URL)
    if _uses_line() and not address:
        yield (
            "W001",
            "LINE is set up without PUBLIC_URL: messages have no buttons that lead here, and cards no QR code.",
        )
    if _uses_line() and address and where.scheme != "https":
        yield "W002", "PUBLIC_URL does not begin with https://: LINE opens no LIFF app and fetches no QR code there."
    if address and not _is_scheme_and_host(address):
        yield "W003", "PUBLIC_URL must be scheme and host alone: https://queue.example.org."
    if where.hostname and not settings.DEBUG and not validate_host(where.hostname, settings.ALLOWED_HOSTS):
        yield "W004", "The host of PUBLIC_URL is not in ALLOWED_HOSTS: whoever follows a message's button is refused."


def _of_the_messages() -> Iterator[tuple[str, str]]:
    sends, hears = settings.LINE_CHANNEL_ACCESS_TOKEN, settings.LINE_CHANNEL_SECRET
    if sends and not hears:
        yield (
            "W005",
            "LINE_CHANNEL_ACCESS_TOKEN without LINE_CHANNEL_SECRET: members in the chat get no answer, and who blocks"
            " the account goes unnoticed.",
        )
    if hears and not sends:
        yield "W006", "LINE_CHANNEL_SECRET without LINE_CHANNEL_ACCESS_TOKEN: nothing is sent by LINE, answers neither."
    if hears and hears == settings.LINE_LOGIN_CHANNEL_SECRET:
        yield (
            "W011",
            "LINE_CHANNEL_SECRET and LINE_LOGIN_CHANNEL_SECRET are the same: each of the two channels has its own.",
        )


def _of_the_sign_in() -> Iterator[tuple[str, str]]:
    channel, secret, liff = settings.LINE_LOGIN_CHANNEL_ID, settings.LINE_LOGIN_CHANNEL_SECRET, settings.LINE_LIFF_ID
    if channel and not secret:
        yield (
            "W007",
            "LINE_LOGIN_CHANNEL_ID without LINE_LOGIN_CHANNEL_SECRET: nobody can sign in outside of LINE's browser.",
        )
    if (secret or liff) and not channel:
        yield (
            "W008",
            "LINE_LIFF_ID or LINE_LOGIN_CHANNEL_SECRET without LINE_LOGIN_CHANNEL_ID: nobody can sign in by LINE.",
        )
    if channel and not re.fullmatch("[0-9]+", channel):
        yield (
            "W009",
            "LINE_LOGIN_CHANNEL_ID is not a number: it is the Channel ID of the LINE Login channel.",
        )
    if channel and liff and not re.fullmatch(rf"{re.escape(channel)}-\w+", liff):
        yield (
            "W010",
            "LINE_LIFF_ID does not begin with LINE_LOGIN_CHANNEL_ID and a dash: the LIFF app must be of that channel,"
            " and the setting its ID alone, without the address.",
        )


def _of_the_mail() -> Iterator[tuple[str, str]]:
    if settings.EMAIL_HOST and settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        yield (
            "W012",
            "EMAIL_HOST is set, and DEFAULT_FROM_EMAIL is not: most mail servers refuse letters from localhost.",
        )


def _uses_line() -> bool:
    return any(
        [
            settings.LINE_CHANNEL_ACCESS_TOKEN,
            settings.LINE_CHANNEL_SECRET,
            settings.LINE_LOGIN_CHANNEL_ID,
            settings.LINE_LIFF_ID,
        ]
    )


def _is_scheme_and_host(address: str) -> bool:
    where = urlsplit(address)
    return where.scheme in ("http", "https") and bool(where.netloc) and address == f"{where.scheme}://{where.netloc}"


@register("members", deploy=True)
def check_member_proof(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """A warning if a number is all that it takes to book in a member's name."""
    if settings.MEMBER_PROOF == "none":
        text = "MEMBER_PROOF=none: who knows a member's number can book in their name, within the limits of booking."
        return [Warning(text, hint="docs/security.md says what limits there are.", id="members.W014")]
    return []
