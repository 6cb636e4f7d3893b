"""Workers that are killed outright while they send, at many points, lose no message and send none twice."""

import os
import random
import signal
import time
from collections import Counter
from functools import partial

import pytest
import time_machine
from django.db import connection, connections
from django.db.models import Sum

from booking.messages import sending
from booking.models import Notice
from booking.models.notices import NoticeState
from queuesite.demo import fake_line
from tests.test_sending import make_many

# How long LINE takes with a message before it takes it, and how long after that until it answers.
SECONDS = 0.05


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_however_often_a_worker_is_killed_each_message_is_accepted_once(settings, kills):
    with fake_line.in_a_process() as line:
        settings.LINE_API_BASE = line.url
        settings.LINE_CHANNEL_ACCESS_TOKEN = "fake-access-token"
        settings.LINE_CARDS_A_DAY = 3 * kills  # some members have many of them
        with time_machine.travel("2026-11-23T00:30:00Z"):
            make_many(3 * kills)
            sending.send_owed(most=1)  # the children have the SDK from here
            # Time at LINE, before it takes a message and after: kills fall on both sides.
            line.post("faults", times=None, before=SECONDS, after=SECONDS)
            fell = kill_senders(line, kills)
            line.post("faults", heal=True)
            with time_machine.travel("2026-11-23T06:00:00Z"):
                while sending.send_owed():
                    pass

        assert set(Notice.objects.values_list("state", flat=True)) == {NoticeState.SENT}
        pushes = Counter(push["retry_key"] for push in line.get("pushes")["pushes"])
        keys = {str(key) for key in Notice.objects.values_list("retry_key", flat=True)}
        assert pushes == Counter(dict.fromkeys(keys, 1))
        # The kills did fall where it matters.
        statuses = Counter(request["status"] for request in line.get("requests")["requests"])
        assert statuses[409] >= kills / 10, "taken by LINE, and not yet written down"
        assert fell["claimed"] >= kills / 10, "claimed, and not yet taken by LINE"


def kill_senders(line, kills: int) -> Counter:
    """Start a worker and kill it, so many times; each sees a clock on which the claims of the last have ended. Every
    other one dies after it has claimed a message, the rest after LINE has taken one: soon after, at any moment.

    Returns how many kills fell before LINE had the claimed message, how many after, and how many between messages.
    """
    chance, fell = random.Random(4), Counter()
    for nth in range(kills):
        done = (claims, partial(taken_by, line))[nth % 2]
        before = done()
        connections.close_all()
        child = os.fork()
        if child == 0:
            send_until_killed(minutes=nth + 1)
        wait_for_more_than(before, done)
        time.sleep(chance.random() * SECONDS)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        accepted = {push["retry_key"] for push in line.get("pushes")["pushes"]}
        left = [str(key) for key in Notice.objects.owed().filter(tries__gt=0).values_list("retry_key", flat=True)]
        fell.update("accepted" if key in accepted else "claimed" for key in left)
    return fell


def claims() -> int:
    return Notice.objects.aggregate(tries=Sum("tries"))["tries"]


def taken_by(line) -> int:
    return len(line.get("pushes")["pushes"])


def wait_for_more_than(before: int, done) -> None:
    give_up_at = time.monotonic() + 30
    while done() == before:
        assert time.monotonic() < give_up_at, "The worker does nothing."
        time.sleep(0.005)


def send_until_killed(*, minutes: int) -> None:
    try:
        with time_machine.travel(time.time() + 60 * minutes):
            while True:
                sending.send_owed()
    finally:
        connection.close()
        os._exit(1)
