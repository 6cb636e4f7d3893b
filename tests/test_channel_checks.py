"""`manage.py check` says what of LINE and e-mail is set up in part only."""

import pytest
from django.core.checks import ERROR, run_checks

from members import line

WHOLE = {
    "LINE_API_BASE": line.LINE_API,
    "PUBLIC_URL": "https://queue.example.org",
    "ALLOWED_HOSTS": ["queue.example.org"],
    "LINE_CHANNEL_ACCESS_TOKEN": "a-token",
    "LINE_CHANNEL_SECRET": "a-secret",
    "LINE_LOGIN_CHANNEL_ID": "1234567890",
    "LINE_LOGIN_CHANNEL_SECRET": "another-secret",
    "LINE_LIFF_ID": "1234567890-AbcdEfgh",
    "LINE_LINK_PROOF": "code",
    "EMAIL_HOST": "mail.example.org",
    "DEFAULT_FROM_EMAIL": "queue@example.org",
}
NOTHING = {name: "" for name in WHOLE if name.startswith(("LINE_CH", "LINE_LO", "LINE_LI", "EMAIL", "PUBLIC"))} | {
    "LINE_LINK_PROOF": "none"
}


@pytest.fixture(autouse=True)
def whole(settings):
    """Everything is set, and fits."""
    settings.MEMBER_PROOF = "phone_last4"
    put(settings, WHOLE)


def put(settings, values):
    for name, value in values.items():
        setattr(settings, name, value)


def warned(**options) -> list[str]:
    return [fault.id.removeprefix("members.") for fault in run_checks(tags=["members"], **options)]


def test_what_is_whole_is_not_warned_of():
    assert warned(include_deployment_checks=True) == []


def test_an_office_without_line_and_mail_is_not_warned_of(settings):
    put(settings, NOTHING)

    assert warned(include_deployment_checks=True) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"PUBLIC_URL": ""}, ["W001"]),
        ({"PUBLIC_URL": "http://queue.example.org"}, ["W002"]),
        ({"PUBLIC_URL": "https://queue.example.org/queue"}, ["W003"]),
        ({"PUBLIC_URL": "queue.example.org"}, ["W002", "W003"]),
        ({"PUBLIC_URL": "https://other.example.org"}, ["W004"]),
        ({"PUBLIC_URL": "https://queue.example.org:8443"}, []),
        ({"LINE_CHANNEL_SECRET": ""}, ["W005"]),
        ({"LINE_CHANNEL_ACCESS_TOKEN": ""}, ["W006"]),
        ({"LINE_CHANNEL_ACCESS_TOKEN": "", "LINE_CHANNEL_SECRET": ""}, []),
        ({"LINE_LOGIN_CHANNEL_SECRET": ""}, ["W007"]),
        ({"LINE_LOGIN_CHANNEL_ID": ""}, ["W008"]),
        ({"LINE_LOGIN_CHANNEL_ID": "", "LINE_LIFF_ID": "", "LINE_LOGIN_CHANNEL_SECRET": ""}, []),
        ({"LINE_LIFF_ID": ""}, []),
        ({"LINE_LOGIN_CHANNEL_ID": "@queue", "LINE_LIFF_ID": ""}, ["W009"]),
        ({"LINE_LIFF_ID": "1111111111-AbcdEfgh"}, ["W010"]),
        ({"LINE_LIFF_ID": "https://liff.line.me/1234567890-AbcdEfgh"}, ["W010"]),
        ({"LINE_LOGIN_CHANNEL_SECRET": "a-secret"}, ["W011"]),
        ({"DEFAULT_FROM_EMAIL": "queue@localhost"}, ["W012"]),
        ({"DEFAULT_FROM_EMAIL": "queue@localhost", "EMAIL_HOST": ""}, []),
    ],
)
def test_what_is_missing_or_does_not_fit_is_said(settings, changed, expected):
    put(settings, changed)

    assert warned() == expected


def test_the_demo_s_own_line_needs_nothing_of_it(settings):
    put(settings, {"LINE_API_BASE": "http://127.0.0.1:9000", "PUBLIC_URL": "http://127.0.0.1:8000"})

    assert warned() == []


@pytest.mark.parametrize(
    ("link_proof", "channel", "expected"),
    [
        ("none", "1234567890", ["members.E006"]),
        ("none", "", []),
        ("member_proof", "1234567890", []),
        ("code", "1234567890", []),
    ],
)
def test_sign_in_by_line_without_a_proof_stops_the_start(settings, link_proof, channel, expected):
    put(settings, {"LINE_LINK_PROOF": link_proof, "LINE_LOGIN_CHANNEL_ID": channel})

    faults = [fault.id for fault in run_checks(tags=["members"]) if fault.level >= ERROR]
    assert faults == expected
