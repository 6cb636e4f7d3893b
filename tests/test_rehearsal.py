"""Waits told on days that are made up lie within their ranges, on days that the ranges were not tuned on too."""

import pytest
from django.core.management import call_command

from booking.calling import forecast
from queuesite.demo import rehearsal

TUNED_ON = range(1, 21)
# Twenty days each. Those from 4001, 9001 and 50001 on are the hardest that were seen.
HELD_OUT = [range(first, first + 20) for first in (9001, 1001, 4001, 20001, 50001)]
FEW = 2


@pytest.fixture(scope="module")
def own():
    """What an office learns from twenty days."""
    return rehearsal.spreads_of(rehearsal.rehearse(TUNED_ON))


@pytest.mark.parametrize("learnt", [True, False])
@pytest.mark.parametrize("batches", [HELD_OUT[:FEW], pytest.param(HELD_OUT, marks=pytest.mark.slow)], ids=len)
def test_waits_told_on_days_not_seen_before_lie_within_their_ranges(own, learnt, batches):
    found = [rehearsal.rehearse(days, own if learnt else forecast.USUAL) for days in batches]

    for waits in found:
        share = rehearsal.share(waits)
        assert share.count > 1500
        assert share.within >= 0.85
        assert share.below <= 0.05
        kinds = rehearsal.by_kind(waits)
        assert len(kinds) == 5
        assert {kind: one.within for kind, one in kinds.items() if one.within < 0.75} == {}
    # Told widths are multiples of five minutes, so the median of few days leaps from ten to fifteen.
    of_all = rehearsal.share([told for waits in found for told in waits])
    assert of_all.width <= max(of_all.wait, 10)


def test_narrower_ranges_would_not_do():
    narrow = {is_early: forecast.Spread(0.8, 1.1) for is_early in (True, False)}
    assert rehearsal.share(rehearsal.rehearse(HELD_OUT[0][:5], narrow)).within < 0.8


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
