"""LINE's word on an ID token is believed only where it speaks of our channel: should its server, or whatever answers in
its place, pass another channel's token, we do not."""

import json
from types import SimpleNamespace

import pytest

from members import line

OURS = "1650000000"


@pytest.fixture
def line_says(settings, monkeypatch):
    settings.LINE_LOGIN_CHANNEL_ID = OURS

    def say(**claims):
        answer = SimpleNamespace(status=200, json=lambda: json.loads(json.dumps(claims)))
        monkeypatch.setattr(line, "_post", lambda path, fields: answer)

    return say


def test_a_token_of_our_channel_is_believed(line_says):
    line_says(sub="U1", aud=OURS)
    assert line.verified_user("token") == "U1"


@pytest.mark.parametrize("aud", ["1660000001", "", None, [OURS], OURS + "1"])
def test_a_token_of_another_channel_is_not(line_says, aud):
    line_says(sub="U1", aud=aud)
    assert line.verified_user("token") is None


def test_a_token_without_an_audience_is_not(line_says):
    line_says(sub="U1")
    assert line.verified_user("token") is None


@pytest.mark.parametrize("nonce", ["another", "", None])
def test_nor_one_of_another_log_in(line_says, nonce):
    line_says(sub="U1", aud=OURS, nonce=nonce)
    assert line.verified_user("token", nonce="ours") is None
