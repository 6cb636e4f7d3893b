"""Waits told on days that are made up lie within their ranges, on days that the ranges were not tuned on too."""

import pytest
from django.core.management import call_command

from booking.calling import forecast
from queuesite.demo import rehearsal

TUNED_ON, HELD_OUT = range(1, 21), range(1001, 1021)


@pytest.fixture(scope="module")
def own():
    """What an office learns from twenty days."""
    return rehearsal.spreads_of(rehearsal.rehearse(TUNED_ON))


@pytest.mark.parametrize("learnt", [True, False])
def test_waits_told_on_days_not_seen_before_lie_within_their_ranges(own, learnt):
    found = rehearsal.rehearse(HELD_OUT, own if learnt else forecast.USUAL)

    share = rehearsal.share(found)
    assert share.count > 1500
    assert share.within >= 0.85
    assert share.below <= 0.05
    assert share.width <= max(share.wait, 10)
    kinds = rehearsal.by_kind(found)
    assert len(kinds) == 5
    assert {kind: one.within for kind, one in kinds.items() if one.within < 0.75} == {}


def test_narrower_ranges_would_not_do():
    narrow = {is_early: forecast.Spread(0.8, 1.1) for is_early in (True, False)}
    assert rehearsal.share(rehearsal.rehearse(HELD_OUT[:5], narrow)).within < 0.8


def test_a_day_is_the_same_each_time_it_is_played():
    assert rehearsal.rehearse(range(7, 8)) == rehearsal.rehearse(range(7, 8))


def test_the_usual_spread_is_that_of_the_days_it_was_measured_on(own):
    for is_early, spread in own.items():
        assert spread.low == pytest.approx(forecast.USUAL[is_early].low, abs=0.12)
        assert spread.high == pytest.approx(forecast.USUAL[is_early].high, abs=0.25)


def test_the_command_prints_the_shares(capsys):
    call_command("simulate_day", "--days", "5")

    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [*rehearsal.KINDS, "All days"]
    assert "within their range" in lines[-1] and "below it" in lines[-1]
