"""Any sequence of verbs: a state machine that Hypothesis drives, and what has to hold after each step."""

import datetime as dt

import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from booking import errors, invariants, verbs
from booking.days import opening
from booking.models import DayException, Department, Place, Slot, Ticket, Topic, WaitingEntry
from booking.models.tickets import MOVES, Priority, State
from booking.verbs import closures, seats, waiting
from booking.verbs.on_paper import ENDINGS, Line, NotEntered
from tests.factories import make_counter, make_member, make_open_department, make_topic, make_user

MORNING = dt.datetime(2026, 11, 23, 8, 20, tzinfo=dt.timezone(dt.timedelta(hours=7)))

# Recalling once too often is a miss; who was called since a finish goes back when that is taken back.
MADE_BESIDES = {"recall": ["miss"], "undo_finish": ["undo_call"]}

nth = st.integers(min_value=0, max_value=200)


def furnish() -> None:
    """The office that every run begins in: three departments with few places, three counters. Made once."""
    with time_machine.travel(MORNING, tick=False):
        departments = [
            make_open_department(
                quota=1, opens=dt.time(9), closes=dt.time(12), slot_minutes=60, max_days_ahead=1, **settings
            )
            for settings in (
                {"has_waiting_list": True},
                {"uses_check_in": False, "has_waiting_list": True, "freed_after_minutes": 15},
                {"late_rule": "keep", "max_recalls": 1, "freed_after_minutes": 20},
            )
        ]
        # A visit of two slots, and one of the share that is kept for it.
        make_topic(department=departments[0], minutes=120)
        make_topic(department=departments[1], minutes=90, share=40)
        opening.rules_changed()
        for first in range(3):
            make_counter(departments=departments[first:] + departments[:first])


class QueueMachine(RuleBasedStateMachine):
    """The verbs with any arguments, at any time of the day. A refusal changes nothing; a move is one of MOVES."""

    @initialize()
    def open_the_office(self):
        self.clock = time_machine.travel(MORNING, tick=False)
        self.traveller = self.clock.start()
        self.run = transaction.atomic()
        self.run.__enter__()
        self.departments = list(Department.objects.order_by("pk"))
        self.slots = list(Slot.objects.filter(date__gte=MORNING.date()).order_by("pk"))
        self.counters = list(self.departments[0].counters.order_by("pk"))
        self.topics = dict(Topic.objects.values_list("department", "pk"))
        self.members = [make_member() for _ in range(4)]
        self.stranger = make_user()
        self.states = {}
        self.given_up = {}  # places, each with the moment from which members may book it again

    def teardown(self):
        if hasattr(self, "run"):
            transaction.set_rollback(True)
            self.run.__exit__(None, None, None)
            self.clock.stop()

    @rule(minutes=st.integers(min_value=1, max_value=25))
    def time_goes_by(self, minutes):
        self.traveller.shift(dt.timedelta(minutes=minutes))

    @rule(member=nth, slot=nth, key=nth, with_topic=st.booleans(), by_staff=st.booleans())
    def book(self, member, slot, key, with_topic, by_staff):
        member, slot = self._pick(self.members, member), self._pick(self.slots, slot)
        topic = self.topics.get(slot.department_id) if with_topic else None
        by = self.stranger if by_staff else None
        self._try(
            "book",
            lambda: verbs.book(member_id=member.pk, slot_id=slot.pk, topic_id=topic, key=f"key-{key % 12}", by=by),
            by=by,
        )

    @rule(member=nth, slot=nth, whole_day=st.booleans(), with_topic=st.booleans())
    def waits_for_a_place(self, member, slot, whole_day, with_topic):
        member, slot = self._pick(self.members, member), self._pick(self.slots, slot)
        self._try(
            "join",
            lambda: waiting.join(
                member_id=member.pk,
                department=slot.department,
                date=slot.date,
                slot_id=None if whole_day else slot.pk,
                topic_id=self.topics.get(slot.department_id) if with_topic else None,
            ),
        )

    @rule()
    def free_places_are_offered(self):
        """Each place that is offered was free, and after that nothing is kept for nobody."""
        taken = set(Place.objects.taken().values_list("pk", flat=True))
        self._try("offer", waiting.offer_free_places)
        offered = Place.objects.filter(offered_until__gt=timezone.now())
        assert not taken & set(offered.values_list("pk", flat=True))
        assert waiting.offer_free_places() == 0

    @rule(entry=nth, takes=st.booleans())
    def an_offer_is_answered(self, entry, takes):
        entries = list(WaitingEntry.objects.order_by("offer_ends_at", "pk"))
        if not entries:
            return
        entry = self._pick(entries, entry)
        had_offer = entry.has_offer(timezone.now())
        verb, answer = ("book", waiting.accept) if takes else ("leave", waiting.leave)
        refusal = self._try(verb, lambda: answer(entry=entry))
        if takes and had_offer:  # what was promised is kept
            assert refusal in ("", "already_booked")

    @rule(department=nth, member=st.one_of(st.none(), nth), priority=st.sampled_from(Priority.values))
    def walk_in(self, department, member, priority):
        member = None if member is None else self._pick(self.members, member).pk
        department = self._pick(self.departments, department)
        self._try("walk_in", lambda: verbs.walk_in(department=department, by=None, member_id=member, priority=priority))

    @rule(ticket=nth, slot=nth, key=nth)
    def reschedule(self, ticket, slot, key):
        slot = self._pick(self.slots, slot)
        self._on_ticket("reschedule", ticket, verbs.reschedule, slot_id=slot.pk, key=f"move-{key}")

    @rule(ticket=nth, by_staff=st.booleans())
    def check_in(self, ticket, by_staff):
        self._on_ticket("check_in", ticket, verbs.check_in, by=self.stranger if by_staff else None)

    @rule(ticket=nth, verb=st.sampled_from(["undo_check_in", "come_back", "reopen"]))
    def on_a_ticket(self, ticket, verb):
        self._on_ticket(verb, ticket, getattr(verbs, verb), by=self.stranger)

    @rule(ticket=nth, by_staff=st.booleans())
    def cancel(self, ticket, by_staff):
        self._on_ticket("cancel", ticket, verbs.cancel, by=self.stranger if by_staff else None)

    @rule(ticket=nth)
    def finish_held(self, ticket):
        self._on_ticket("finish", ticket, verbs.finish_held, by=self.stranger)

    @rule(counter=nth)
    def call_next(self, counter):
        counter = self._pick(self.counters, counter)
        self._try("call", lambda: verbs.call_next(counter=counter, by=counter.clerk))

    @rule(
        counter=nth,
        verb=st.sampled_from(
            ["recall", "undo_call", "start", "start", "finish", "finish", "undo_finish", "miss", "hold", "put_back"]
        ),
    )
    def at_a_counter(self, counter, verb):
        counter = self._pick(self.counters, counter)
        self._try(verb, lambda: getattr(verbs, verb)(counter=counter, by=counter.clerk))

    @rule(counter=nth, verb=st.sampled_from(["call_next", "start", "finish", "miss"]))
    def a_stranger_at_a_counter(self, counter, verb):
        counter = self._pick(self.counters, counter)
        assert self._try(verb, lambda: getattr(verbs, verb)(counter=counter, by=self.stranger)) == "not_at_counter"

    @rule(ticket=nth, counter=nth, verb=st.sampled_from(["call", "resume"]))
    def a_certain_ticket(self, ticket, counter, verb):
        counter = self._pick(self.counters, counter)
        reason = {"reason": "ขอความช่วยเหลือ"} if verb == "call" else {}
        self._on_ticket(verb, ticket, getattr(verbs, verb), counter=counter, by=counter.clerk, **reason)

    @rule(counter=nth, department=nth)
    def transfer(self, counter, department):
        counter, department = self._pick(self.counters, counter), self._pick(self.departments, department)
        self._try("transfer", lambda: verbs.transfer(counter=counter, to=department, by=counter.clerk))

    @rule(counter=nth, other=nth)
    def a_clerk_changes_counters(self, counter, other):
        clerk, other = self._pick(self.counters, counter).clerk, self._pick(self.counters, other)
        self._try("sign_in", lambda: seats.sign_in(counter=other, by=clerk))
        for counter in self.counters:
            counter.refresh_from_db()

    @rule(department=nth)
    def close_day(self, department):
        verbs.close_day(department=self._pick(self.departments, department), date=MORNING.date())
        for pk, state in Ticket.objects.values_list("pk", "state"):
            if state != self.states[pk]:
                assert MOVES["close_day"][self.states[pk]] == state
                self.states[pk] = state

    @rule(ticket=nth, counter=nth, ago=st.integers(2, 60), takes=st.integers(1, 30), ending=st.sampled_from(ENDINGS))
    def is_entered_from_paper(self, ticket, counter, ago, takes, ending):
        """A ticket, or a walk-in where there is none of that number."""
        now = timezone.now()
        tickets = dict(enumerate(Ticket.objects.order_by("pk")))
        chosen = tickets.get(ticket % 12)
        line = Line(
            ticket_id=chosen and chosen.pk,
            number=None if chosen else 501 + ticket,
            ending=ending,
            arrived_at=now - dt.timedelta(minutes=ago),
            called_at=now - dt.timedelta(minutes=ago),
            finished_at=now - dt.timedelta(minutes=ago - takes),
            counter=self._pick(self.counters, counter),
        )
        department = chosen.queue if chosen else self.departments[0]
        date = MORNING.date()
        refused = False
        try:
            verbs.served_on_paper(department=department, date=date, lines=[line], by=self.stranger)
        except (NotEntered, errors.BookingError):
            refused = True
        after = dict(Ticket.objects.values_list("pk", "state"))
        changed = {pk for pk in after if after[pk] != self.states.get(pk)}
        assert not (refused and changed)
        assert len(changed) <= 1 and all(after[pk] in ENDINGS for pk in changed)
        self.states = after

    @rule(ticket=nth)
    def what_was_on_paper_is_taken_back(self, ticket):
        """The ticket is what it was before; the others stay as they are."""
        tickets = Ticket.objects.order_by("pk")
        if not self.states:
            return
        chosen = tickets[ticket % len(self.states)]
        first = chosen.events.standing().filter(entered_at__isnull=False).first()
        expected = dict(self.states)
        try:
            what = {"department": chosen.queue, "date": MORNING.date(), "tickets": [chosen.pk]}
            verbs.take_back_paper(**what, reason="ผิด", by=self.stranger)
            expected[chosen.pk] = first.before.get("state", State.CANCELLED)
        except NotEntered:
            pass
        self.states = dict(Ticket.objects.values_list("pk", "state"))
        assert self.states == expected

    @rule(department=nth, kind=st.sampled_from(["closed", "quota", "hours"]), of=nth, length=nth, quota=nth)
    def an_exception_is_made(self, department, kind, of, length, quota):
        """Of the office or of a department, today or tomorrow, the whole day or some hours of it."""
        starts = 9 + of % 3
        whole_day = kind != "hours" and length % 2
        exception = DayException(
            first_date=MORNING.date() + dt.timedelta(days=of % 2),
            last_date=MORNING.date() + dt.timedelta(days=1),
            is_office=department % 4 == 0,
            kind=kind,
            starts=None if whole_day else dt.time(starts),
            ends=None if whole_day else dt.time(starts + 1 + length % 2),
            slot_minutes=30 if kind == "hours" else None,
            quota=None if kind == "closed" else 1 + quota % 2,
        )
        chosen = [] if exception.is_office else [self._pick(self.departments, department)]
        self._rules_change(
            lambda: closures.change_day(
                exception=exception, departments=chosen, decisions=[], by=self.stranger, reason=""
            )
        )

    @rule(exception=nth)
    def an_exception_is_taken_back(self, exception):
        exceptions = DayException.objects.order_by("pk")
        if count := exceptions.count():
            exceptions[exception % count].delete()
            self._rules_change(opening.rules_changed)

    @rule(department=nth, minutes=st.sampled_from([30, 45, 60]), quota=st.integers(min_value=0, max_value=2))
    def hours_are_changed(self, department, minutes, quota):
        department = self._pick(self.departments, department)
        department.hours.update(slot_minutes=minutes, quota=quota)
        self._rules_change(lambda: opening.rules_changed([department]))

    @rule(ticket=nth)
    def a_ticket_is_moved_out_of_a_closed_time(self, ticket):
        self._on_ticket("reschedule", ticket, closures.move_to_free_time, by=self.stranger)

    @invariant()
    def every_rule_of_the_database_holds(self):
        if hasattr(self, "states"):
            broken = invariants.violations()
            assert not broken, broken

    def _rules_change(self, change):
        """Lay days out anew: every ticket stays as it was, with its place, and laying out again finds nothing to do."""
        held = set(Place.objects.taken().values_list("ticket", "part", "number"))
        with transaction.atomic():
            change()
        assert set(Place.objects.taken().values_list("ticket", "part", "number")) == held
        assert dict(Ticket.objects.values_list("pk", "state")) == self.states
        found = opening.differences()
        assert found.count == 0, f"{found}; {found.changed} {found.new} {found.gone} {found.days}"
        self.slots = list(Slot.objects.filter(date__gte=MORNING.date()).order_by("pk")) or self.slots

    def _on_ticket(self, verb, ticket, call, **arguments):
        tickets = Ticket.objects.order_by("pk")
        if self.states:
            ticket = tickets[ticket % len(self.states)]
            self._try(verb, lambda: call(ticket=ticket, **arguments), by=arguments.get("by"))

    def _try(self, verb, call, *, by=None) -> str:
        """Call a verb; see that it did nothing when it refused, and else nothing but its own move."""
        held, offered = self._held(), self._offered()
        try:
            with transaction.atomic():
                call()
            refusal = ""
        except errors.BookingError as refused:
            refusal = refused.code
        after = dict(Ticket.objects.values_list("pk", "state"))
        assert set(self.states) <= set(after), "a ticket was lost"
        changed = {pk for pk in after if after[pk] != self.states.get(pk)}
        if refusal:
            assert not changed
        for pk in changed & set(self.states):
            made = [verb, *MADE_BESIDES.get(verb, [])]
            assert after[pk] in [MOVES[one][self.states[pk]] for one in made if self.states[pk] in MOVES.get(one, {})]
        assert len(changed - set(self.states)) <= 1
        self._places_change_hands(held, after, offered=offered, by=by)
        self.states = after
        return refusal

    def _places_change_hands(self, held, states, *, offered, by):
        """A member takes no place that another has just given up, unless it is offered to them; nobody one that is
        offered to somebody else. What staff take or give up is free at once."""
        now = timezone.now()
        for place, ticket in self._held().items():
            if ticket in self.states:
                continue
            if place in offered:
                assert offered[place] == Ticket.objects.get(pk=ticket).member_id, "a place was snatched"
            elif by is None:
                assert self.given_up.get(place, now) <= now, "a member has a place that was not free yet"
        for place, ticket in held.items():
            if states[ticket] == State.CANCELLED:
                minutes = 0 if by else Ticket.objects.get(pk=ticket).department.freed_after_minutes
                self.given_up[place] = now + dt.timedelta(minutes=minutes)

    def _held(self) -> dict[int, int]:
        return dict(Place.objects.taken().values_list("pk", "ticket"))

    def _offered(self) -> dict[int, int]:
        """The members whom places are offered to; None for a place that is about to be."""
        kept = Place.objects.filter(offered_until__gt=timezone.now())
        return dict(kept.values_list("pk", "offered_to__member"))

    def _pick(self, things, number):
        return things[number % len(things)]
