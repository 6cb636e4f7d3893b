"""Plays a day in the demo office, so that one can watch board, consoles and statistics live. What is not its own (hours
of a day that is closed, tokens, who sits where) is taken back at the end, Ctrl-C included."""

import datetime as dt
import signal
from collections import Counter as Tally
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule
from psycopg.types.range import TimestamptzRange

from booking import verbs
from booking.calling import accuracy
from booking.days import opening
from booking.errors import BookingError
from booking.models import Counter, Department, DepartmentDay, OpeningHours, Pace, Place, Slot, StaffToken, Ticket
from booking.models.hours import LAST_BOOKED_NUMBER
from booking.models.tickets import hash_of
from booking.models.tokens import issue_token
from booking.verbs import seats
from holidays.models import Holiday
from queuesite.demo import office, rehearsal
from queuesite.demo.simulation import AT_THE_LATEST, BEFORE, SERVICE, SLOT_MINUTES, SLOTS, Api, Day, NoServer

PLACES = {"loans": 3, "finance": 3}  # in each slot; elsewhere two


def _where_it_runs() -> str:
    """The address of the `make run` of this data folder, which it leaves in its lock; the usual one where none does."""
    try:
        address = (settings.VAR_DIR / "run.lock").read_text().partition(" ")[0]
    except OSError:
        address = ""
    return address if address.startswith("http") else "http://127.0.0.1:8000"


class Command(BaseCommand):
    help = (
        "Play a whole day in the demo office through the API of a running server: watch /board/, /counter/ and the "
        "back office meanwhile. At speed 60 an hour takes a minute. Waits are kept in minutes of the real clock."
    )

    def add_arguments(self, parser):
        parser.add_argument("--speed", type=float, default=60, help="how many minutes of the day pass in one")
        parser.add_argument("--url", default=_where_it_runs(), help="where the server answers; %(default)s by default")
        parser.add_argument("--seed", type=int, default=None, help="play the same day again")
        parser.add_argument(
            "--days",
            type=int,
            default=0,
            help="play so many days in memory, of five kinds, and say how good the told waits were; touches nothing",
        )

    def handle(self, *args, speed, url, seed, days, **options):
        if days:
            self.rehearse(days, seed=seed)
            return
        if not settings.DEMO:
            raise CommandError("simulate_day is for DEMO=on: it books, calls and serves in the office's own queues.")
        if not 1 <= speed <= 3600:
            raise CommandError("--speed is between 1 and 3600.")
        began = timezone.localtime()
        if (began + dt.timedelta(minutes=AT_THE_LATEST / speed)).date() != began.date():
            raise CommandError(
                "The day would run past midnight, and its tickets are of today. Choose a higher --speed."
            )
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with (
            tokens_of_clerks() as tokens,
            without_laying_out(),
            self.open_today() as departments,
            paces_kept(),
            laid_out(departments, began, speed) as slots,
        ):
            day = Day(Api(url), tokens=tokens, slots=slots, date=began.date(), speed=speed, seed=seed)
            self.stdout.write(
                f"A day in about {(BEFORE + SLOTS * SLOT_MINUTES) / speed:.0f} minutes. Watch {url}/board/"
            )
            try:
                day.run(self.tell)
            except NoServer as fault:
                raise CommandError(f"No server answers at {url} ({fault}). Start it: make run") from None
            except KeyboardInterrupt:
                self.stdout.write("Stopped.")
        self.sum_up(day, began)

    def rehearse(self, days: int, *, seed: int | None) -> None:
        """Waits of days that are made up, told by the usual ranges."""
        first = 1001 if seed is None else seed
        found = rehearsal.rehearse(range(first, first + max(days, len(rehearsal.KINDS))))
        for kind, share in rehearsal.by_kind(found).items():
            self.stdout.write(f"{kind}: {share}")
        self.stdout.write(f"All days: {rehearsal.share(found)}")

    def tell(self, minute: int, done: Tally) -> None:
        clock = dt.datetime.min.replace(hour=8, minute=30) + dt.timedelta(minutes=minute - BEFORE)
        waiting = Ticket.objects.of_today().waiting().count()
        self.stdout.write(f"{clock:%H.%M}  {_in_words(done)}; waiting now: {waiting}")

    def sum_up(self, day: Day, began) -> None:
        """What the database says of all tickets of today, earlier runs included."""
        if day.is_throttled:
            self.stdout.write("Look-ups were throttled (LOOKUP_LIMIT_ADDRESS): later members came without booking.")
        states = Tally(Ticket.objects.of_today().values_list("state", flat=True))
        self.stdout.write(f"This run: {_in_words(day.done)}")
        self.stdout.write("Today, in the database: " + ", ".join(f"{count} {state}" for state, count in states.items()))
        found = accuracy.accuracy(accuracy.waits(began.date(), began.date()))
        if found:
            self.stdout.write(
                f"Waits of {found.count}, on the real clock: told {found.told:.1f} minutes, waited {found.actual:.1f} "
                f"in the mean (at this speed {found.actual * day.speed:.0f} of the day's minutes); "
                f"{found.share_within:.0%} within the range told."
            )
        self.stdout.write("Who never came, or missed the call, is closed by the scheduled job, or by hand at /admin/.")

    @contextmanager
    def open_today(self):
        """The demo's departments, each open today: where it is closed, by hours or a holiday, that is set aside."""
        today = timezone.localdate()
        holiday = Holiday.objects.confirmed().filter(date=today).first()
        if holiday:
            self.stdout.write(f"Today is a holiday ({holiday.name}): it is a draft for this run, then confirmed again.")
            _confirm(holiday, False)
        added = []
        slugs = [facts["slug"] for facts in office.DEPARTMENTS]
        for department in Department.objects.active().filter(slug__in=slugs):
            if not department.hours.filter(weekday=today.weekday()).exists():
                added.append(OpeningHours.objects.create(department=department, weekday=today.weekday()))
        if added:
            self.stdout.write("The office is closed on this day of the week: hours are added for this run.")
        if added or holiday:
            opening.rules_changed()
        try:
            found = list(
                Department.objects.filter(slug__in=slugs, pk__in=DepartmentDay.objects.on(today).open().by_department())
            )
            if not found:
                raise CommandError("No department of the demo opens today. See the closures at /admin/.")
            with around_the_clock(found, today):
                yield found
        finally:
            for hours in added:
                hours.delete()
            if holiday:
                _confirm(holiday, True)
            if added or holiday:
                opening.rules_changed()


@contextmanager
def tokens_of_clerks():
    """A token for each demo clerk whose counter is there, by its number. In the end they sit where they sat before."""
    clerks = {
        number: get_user_model().objects.filter(username=f"counter{number}").first() for number in office.COUNTERS
    }
    numbers = Counter.objects.filter(is_active=True, number__in=office.COUNTERS).values_list("number", flat=True)
    tokens = {number: issue_token(clerks[number]) for number in numbers if clerks[number]}
    if not tokens:
        raise CommandError("There are no counters with clerks yet. Fill the demo first: manage.py seed_demo")
    sat = list(Counter.objects.filter(clerk__in=clerks.values()).select_related("clerk"))
    try:
        yield tokens
    finally:
        StaffToken.objects.filter(token_hash__in=[hash_of(token) for token in tokens.values()]).delete()
        for counter in Counter.objects.filter(clerk__in=[clerks[number] for number in tokens]):
            _leave(counter)
        for counter in sat:
            seats.sign_in(counter=counter, by=counter.clerk)


@contextmanager
def around_the_clock(departments: list[Department], today: dt.date):
    """The simulated day passes at whatever hour it is begun: for this run the departments serve the whole day. Nothing
    is laid out meanwhile."""
    days = DepartmentDay.objects.on(today).filter(department__in=departments)
    before = list(days)
    midnight = timezone.make_aware(dt.datetime.combine(today, dt.time()))
    days.update(serving=[TimestamptzRange(midnight, midnight + dt.timedelta(days=1))])
    try:
        yield
    finally:
        DepartmentDay.objects.bulk_update(before, ["serving"])


@contextmanager
def without_laying_out():
    """Puts off the scheduled job that takes away places for which there is no rule; killed outright, it comes later."""
    schedule = Schedule.objects.filter(name="open_days")
    planned = schedule.values_list("next_run", flat=True).first()
    schedule.update(next_run=timezone.now() + dt.timedelta(hours=2))
    try:
        yield
    finally:
        schedule.update(next_run=planned)


@contextmanager
def paces_kept():
    """Puts each department's pace back to what it was before the run."""
    before = list(Pace.objects.all())
    try:
        yield
    finally:
        Pace.objects.exclude(pk__in=[pace.pk for pace in before]).delete()
        for pace in before:
            pace.save()


@contextmanager
def laid_out(departments, began, speed: float):
    """The slots of this run by department. In the end they have as many places as were booked, and so no free one."""
    made: dict[str, dict[int, int]] = {}
    try:
        for department in departments:
            made[department.slug] = lay_out(department, began, speed)
        yield made
    finally:
        for slot_id in [slot_id for slots in made.values() for slot_id in slots]:
            _take_back(slot_id)


@transaction.atomic
def _take_back(slot_id: int) -> None:
    slot = Slot.objects.select_for_update(no_key=True).filter(pk=slot_id).first()
    if slot is None:
        return
    slot.places.free().delete()
    if slot.tickets.exists():
        slot.quota = slot.places.count()
        slot.save(update_fields=["quota"])
    else:
        slot.delete()


@transaction.atomic
def lay_out(department: Department, began, speed: float) -> dict[int, int]:
    """Slots of today for this run alone, half an hour of the simulated day each: the ids, with the minute at which each
    begins. The places are real ones, after the day's last number; none are left once the numbers are used up.

    Also sets the department's pace to the simulated one, so that members are told waits that fit the speed.
    """
    seconds = round(60 * SERVICE / speed)
    Pace.objects.update_or_create(
        department=department, defaults={"seconds": seconds, "spread": seconds // 2, "measured_at": began}
    )
    places = PLACES.get(department.slug, 2)
    last = Slot.objects.of_day(department, began.date()).order_by("-last_number").first()
    first_number, found = (last.last_number if last else 0) + 1, {}
    for minute in range(BEFORE, BEFORE + SLOTS * SLOT_MINUTES, SLOT_MINUTES):
        if first_number + places - 1 > LAST_BOOKED_NUMBER:
            break
        starts_at = began + dt.timedelta(minutes=minute / speed)
        slot = Slot.objects.create(
            department=department,
            date=began.date(),
            starts_at=starts_at,
            ends_at=starts_at + dt.timedelta(minutes=SLOT_MINUTES / speed),
            quota=places,
            first_number=first_number,
            last_number=first_number + places - 1,
            bookable_from=began,
            bookable_until=starts_at,
        )
        Place.objects.bulk_create(Place(slot=slot, number=first_number + nth) for nth in range(places))
        found[slot.pk] = minute
        first_number += places
    return found


def _leave(counter: Counter) -> None:
    try:
        seats.sign_out(counter=counter, by=counter.clerk)
    except BookingError:
        verbs.put_back(counter=counter, by=counter.clerk, reason="จำลองวัน")
        seats.sign_out(counter=counter, by=counter.clerk)


def _confirm(holiday: Holiday, is_confirmed: bool) -> None:
    holiday.is_confirmed = is_confirmed
    holiday.save(update_fields=["is_confirmed"])


def _in_words(done: Tally) -> str:
    usual = ["booked", "arrived", "walked in", "called", "served", "missed"]
    return ", ".join(f"{done[what]} {what}" for what in [*usual, *sorted(done.keys() - usual)])
