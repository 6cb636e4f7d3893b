"""`manage.py simulate_day`: a day in the demo office through the real HTTP interface, at any hour. Nothing is left of
it but tickets and their history."""

import datetime as dt
import socket

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone
from django_q.models import Schedule

from booking import invariants
from booking.models import (
    Counter,
    Department,
    MessageChoice,
    OpeningHours,
    Pace,
    Place,
    Slot,
    StaffToken,
    Ticket,
    TicketEvent,
)
from booking.models.tickets import State
from booking.verbs import seats
from holidays.models import Holiday
from queuesite.demo import simulation
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

BANGKOK = dt.timezone(dt.timedelta(hours=7))
MONDAY_NIGHT = dt.datetime(2026, 11, 23, 3, 0, tzinfo=BANGKOK)
SUNDAY = dt.datetime(2026, 11, 22, 14, 0, tzinfo=BANGKOK)
HOLIDAY = dt.datetime(2026, 12, 10, 16, 0, tzinfo=BANGKOK)  # Constitution Day, a Thursday


@pytest.fixture
def small_day(monkeypatch):
    """Fewer people; the hours are the same."""
    monkeypatch.setattr(simulation, "BOOKINGS", 15)
    monkeypatch.setattr(simulation, "WALK_INS", 10)


def seeded():
    call_command("seed_demo")
    return set(OpeningHours.objects.values_list("pk", flat=True)), set(Holiday.objects.confirmed())


def assert_taken_back(before):
    assert (set(OpeningHours.objects.values_list("pk", flat=True)), set(Holiday.objects.confirmed())) == before
    assert not StaffToken.objects.exists()
    assert not Counter.objects.filter(clerk__isnull=False).exists()
    assert not Ticket.objects.filter(state__in=[State.CALLED, State.SERVING]).exists()
    assert invariants.violations() == {}


def play(live_server):
    call_command("simulate_day", "--speed", "2400", "--seed", "5", "--url", live_server.url)


def settings_of_the_office() -> dict:
    """Everything that a run could change and is no ticket or history of one."""
    today = timezone.localdate()
    return {
        "departments": list(Department.objects.order_by("pk").values()),
        "hours": list(OpeningHours.objects.order_by("pk").values()),
        "messages": list(MessageChoice.objects.order_by("kind").values()),
        "paces": list(Pace.objects.order_by("pk").values()),
        "seats": list(Counter.objects.order_by("pk").values("number", "clerk", "is_active")),
        "schedules": list(Schedule.objects.order_by("name").values("name", "func", "minutes", "next_run")),
        "free": Place.objects.free().filter(slot__date=today).count(),
        "quota": Slot.objects.filter(date=today).aggregate(all=Sum("quota"))["all"] - Place.objects.taken().count(),
    }


@pytest.mark.slow
def test_every_quota_and_setting_is_put_back(live_server, small_day):
    with time_machine.travel(MONDAY_NIGHT, tick=True):
        seeded()
        kept = Department.objects.first()
        Pace.objects.create(department=kept, seconds=333, spread=44, measured_at=timezone.now())
        Schedule.objects.filter(name="open_days").update(next_run=MONDAY_NIGHT + dt.timedelta(minutes=7))
        seats.sign_in(counter=Counter.objects.get(number=2), by=get_user_model().objects.get(username="counter2"))
        before = settings_of_the_office()

        play(live_server)

        assert Ticket.objects.filter(state=State.SERVED).exclude(slot=None).exists()
        assert settings_of_the_office() == before
        assert invariants.violations() == {}


def test_a_day_that_is_a_holiday(live_server, small_day, capsys):
    with time_machine.travel(HOLIDAY, tick=True):
        before = seeded()

        play(live_server)

        said = capsys.readouterr().out
        assert "Today is a holiday (วันรัฐธรรมนูญ)" in said
        assert "08.40  " in said and "13.40  " in said
        assert "within the range told" in said
        assert "proof_needed" not in said  # all book from one address
        made = set(TicketEvent.objects.values_list("verb", flat=True))
        assert made >= {"book", "check_in", "walk_in", "call", "start", "finish"}
        served = Ticket.objects.filter(state=State.SERVED, date=HOLIDAY.date())
        assert {ticket.is_walk_in for ticket in served} == {True, False}
        assert f"{served.count()} served" in said.splitlines()[-3]
        assert_taken_back(before)


@pytest.mark.slow
def test_a_sunday_on_which_look_ups_are_throttled(live_server, small_day, settings, capsys):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"address": "5/900"}
    with time_machine.travel(SUNDAY, tick=True):
        before = seeded()

        play(live_server)

        said = capsys.readouterr().out
        assert "hours are added for this run" in said
        assert "LOOKUP_LIMIT_ADDRESS" in said
        assert TicketEvent.objects.filter(verb="book").count() <= 5
        assert Ticket.objects.filter(slot=None).count() >= 20  # the others came to the door
        assert_taken_back(before)


@pytest.mark.slow
def test_a_night_on_which_somebody_sits_at_a_counter(live_server, small_day):
    with time_machine.travel(MONDAY_NIGHT, tick=True):
        before = seeded()
        third = Counter.objects.get(number=3)
        visitor = seats.sign_in(counter=third, by=make_user()).clerk

        play(live_server)

        assert not TicketEvent.objects.filter(counter=third).exists()
        assert Ticket.objects.filter(state=State.SERVED).exists()
        seats.sign_out(counter=third, by=visitor)
        assert_taken_back(before)


def test_stopped_halfway_everything_is_taken_back(live_server, capsys, monkeypatch):
    def stopped_at_a_called_ticket(day, tell):
        day.walk_in()
        for number in day.tokens:
            day.call_next(number)
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation.Day, "run", stopped_at_a_called_ticket)
    with time_machine.travel(SUNDAY, tick=True):
        before = seeded()

        call_command("simulate_day", "--url", live_server.url)

        assert "Stopped." in capsys.readouterr().out
        assert [event.verb for event in TicketEvent.objects.all()] == ["walk_in", "call", "put_back"]
        assert_taken_back(before)


def test_without_a_server_it_says_how_to_start_one_and_takes_everything_back(unused_port):
    with time_machine.travel(HOLIDAY, tick=True):
        before = seeded()

        with pytest.raises(CommandError, match="make run"):
            call_command("simulate_day", "--speed", "3600", "--url", f"http://127.0.0.1:{unused_port}")

        assert_taken_back(before)


def test_it_finds_the_run_of_its_own_folder(settings, tmp_path, unused_port):
    settings.VAR_DIR = tmp_path
    (tmp_path / "run.lock").write_text(f"http://127.0.0.1:{unused_port} (process 7)")
    with time_machine.travel(HOLIDAY, tick=True):
        seeded()
        with pytest.raises(CommandError, match=f"No server answers at http://127.0.0.1:{unused_port} "):
            call_command("simulate_day", "--speed", "3600")


@pytest.mark.parametrize(
    "now, speed, told",
    [(SUNDAY.replace(hour=23, minute=58), "60", "midnight"), (SUNDAY, "0", "between"), (SUNDAY, "9999", "between")],
)
def test_what_it_does_not_begin(now, speed, told):
    with time_machine.travel(now, tick=True):
        before = seeded()
        with pytest.raises(CommandError, match=told):
            call_command("simulate_day", "--speed", speed)
        assert_taken_back(before)


def test_an_office_without_counters_is_told_what_to_do():
    with time_machine.travel(SUNDAY), pytest.raises(CommandError, match="seed_demo"):
        call_command("simulate_day")


def test_it_is_refused_outside_the_demo(settings):
    settings.DEMO = False

    with pytest.raises(CommandError, match="DEMO=on"):
        call_command("simulate_day")


@pytest.fixture
def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
