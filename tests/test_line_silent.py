"""LINE hangs: a sign-in waits three seconds at most, one at a time, and then nobody for a while."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache

from members import line
from queuesite.demo import fake_line


@pytest.fixture
def server(settings):
    with fake_line.running() as server:
        settings.LINE_API_BASE = server.url
        settings.LINE_LOGIN_CHANNEL_ID = server.login_channel_id
        settings.LINE_LOGIN_CHANNEL_SECRET = server.login_channel_secret
        yield server


def ask() -> tuple[str, float]:
    began = time.monotonic()
    try:
        line.verified_user("a.b.c")
        said = "answered"
    except line.LineFault as fault:
        said = str(fault)
    return said, time.monotonic() - began


def test_both_questions_of_a_sign_in_take_three_seconds_at_most():
    assert 2 * (line.TURN_SECONDS + line.SIGN_IN_SECONDS) <= 3


def test_one_waits_and_the_others_are_refused_soon(server):
    server.hang(3600)
    with ThreadPoolExecutor(8) as pool:
        said, took = zip(*pool.map(lambda _: ask(), range(8)), strict=True)
    waited = [seconds for seconds in took if seconds >= line.SIGN_IN_SECONDS]
    assert "answered" not in said
    assert len(waited) == 1
    assert max(took) < 10, "the others waited for the one that asked, or it for LINE's hour"


def test_after_a_silence_nobody_waits_until_it_is_asked_again(server):
    server.hang(3600, times=1)
    ask()
    said, took = ask()
    assert "a moment ago" in said
    assert took < line.SIGN_IN_SECONDS
    cache.delete(line.SILENT)  # the ten seconds are over
    assert ask()[0] == "answered"


def test_a_refused_token_is_no_silence(server):
    assert [ask()[0] for _ in range(3)] == ["answered"] * 3
