"""How many places of a day are kept for which topic, by the topics' shares. No database here; opening.py writes it."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Stretch(Protocol):
    """A slot, as far as its places are dealt out."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    quota: int


class Share(NamedTuple):
    """A topic's share of a day, in per cent of its places, and how many minutes a visit takes; None: one slot."""

    topic_id: int
    percent: int
    minutes: int | None


def deal_out(slots: Sequence[Stretch], shares: list[Share]) -> list[Counter[int]]:
    """For each slot of a day, in order of time, how many of its places each topic has.

    Whole visits are dealt out: a topic that needs several slots gets a place in each of some that follow each other
    without a gap. They are spread over the day. A topic with any share has at least one visit where one fits; the first
    topics have their share first.
    """
    kept: list[Counter[int]] = [Counter() for _ in slots]
    left = [slot.quota for slot in slots]
    all_places = sum(left)
    for share in shares:
        visits = _visits(slots, share.minutes)
        if not visits:
            continue
        wanted = max(1, all_places * share.percent // 100 // max(map(len, visits)))
        for nth in range(wanted):
            first = (2 * nth + 1) * len(visits) // (2 * wanted)  # the middles of equal parts of the day
            turned = visits[first:] + visits[:first]
            visit = next((one for one in turned if all(left[slot] > 0 for slot in one)), None)
            if visit is None:
                break
            for slot in visit:
                left[slot] -= 1
                kept[slot][share.topic_id] += 1
    return kept


def _visits(slots: Sequence[Stretch], minutes: int | None) -> list[range]:
    """The visits that lie one after the other in the day, each as the places of its slots in the list."""
    found, first = [], 0
    while first < len(slots):
        last = _last_slot(slots, first, minutes)
        if last is None:
            first += 1
            continue
        found.append(range(first, last + 1))
        first = last + 1
    return found


def _last_slot(slots: Sequence[Stretch], first: int, minutes: int | None) -> int | None:
    """The slot in which a visit ends that begins in `first`; None if too little time follows without a gap."""
    ends = slots[first].starts_at + dt.timedelta(minutes=minutes or 0)
    last = first
    while slots[last].ends_at < ends:
        if last + 1 == len(slots) or slots[last + 1].starts_at != slots[last].ends_at:
            return None
        last += 1
    return last
