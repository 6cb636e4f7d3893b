"""Days at the office as they may be, played by the verbs with a clock that is moved: who books and comes, or does
not, cancels, moves, walks in, is missed, transferred, put on hold; clerks who take calls and finishes back."""

import datetime as dt
import random
from contextlib import suppress

from django.db import transaction
from django.utils import timezone

from booking import errors, verbs
from booking.models import Notice, Slot, Ticket
from booking.models.notices import NoticeState
from booking.models.tickets import MEMBERS_CAUSES, STAFF_ASKED, STAFF_CAUSES, Outcome, State
from tests.factories import make_member


class Office:
    """`clock` is a time machine's; `counters` have clerks. The same seed gives the same days."""

    def __init__(self, clock, departments, counters, *, seed=1, members=None):
        self.clock, self.departments, self.counters = clock, departments, counters
        self.chance = random.Random(seed)
        self.members = members or [make_member() for _ in range(60)]
        self.keys = 0

    def day(self, morning: dt.datetime, *, bookings=14, walk_ins=8) -> None:
        """One day from 8.00 to 16.00: some book in the days before it, and it is closed on the next morning."""
        self.clock.move_to(morning - dt.timedelta(days=self.chance.choice([1, 1, 2, 3])))
        for _ in range(bookings):
            self.book(morning.date())
            self.clock.shift(dt.timedelta(minutes=self.chance.randint(1, 9)))
        for ticket in self.sample(Ticket.objects.filter(date=morning.date(), state=State.BOOKED), 0.2):
            self.change_mind(ticket, morning.date())
        moments = sorted(self.chance.randrange(0, 8 * 3600) for _ in range(bookings * 4 + walk_ins * 4))
        come = set(self.sample(range(len(moments)), walk_ins / len(moments)))
        for nth, seconds in enumerate(moments):
            self.clock.move_to(morning + dt.timedelta(seconds=seconds))
            with suppress(errors.BookingError), transaction.atomic():
                self.walk_in() if nth in come else self.something()
        self.clock.move_to(morning + dt.timedelta(days=1))
        for department in self.departments:
            verbs.close_day(department=department, date=morning.date())
        for notice in Notice.objects.filter(state=NoticeState.OWED, ticket__date=morning.date()):
            notice.state = self.chance.choice([NoticeState.SENT, NoticeState.SENT, NoticeState.DROPPED])
            notice.channel = "line" if notice.state == NoticeState.SENT else ""
            notice.save()

    def book(self, date) -> None:
        department = self.chance.choice(self.departments)
        slots = list(Slot.objects.filter(department=department, date=date, places__ticket=None).distinct())
        staff = self.chance.choice([None, None, self.counters[0].clerk])
        topics = [None, *department.topics.order_by("pk").values_list("pk", flat=True)]
        self.keys += 1
        with suppress(errors.BookingError, IndexError):
            verbs.book(
                member_id=self.chance.choice(self.members).pk,
                slot_id=self.chance.choice(slots).pk,
                key=f"simulated {date} {self.keys}",
                topic_id=self.chance.choice(topics),
                by=staff,
                asked=self.chance.choice(STAFF_ASKED) if staff else "",
            )

    def change_mind(self, ticket, date) -> None:
        by = self.chance.choice([None, self.counters[0].clerk])
        slots = Slot.objects.filter(department=ticket.department, places__ticket=None).exclude(pk=ticket.slot_id)
        with suppress(errors.BookingError):
            if self.chance.random() < 0.5:
                causes = STAFF_CAUSES if by else MEMBERS_CAUSES
                verbs.cancel(ticket=ticket, by=by, cause=self.chance.choice(["", *causes]))
            elif later := slots.filter(date__gt=date).order_by("starts_at").first():
                self.keys += 1
                verbs.reschedule(ticket=ticket, slot_id=later.pk, key=f"moved {date} {self.keys}", by=by)

    def walk_in(self) -> None:
        verbs.walk_in(department=self.chance.choice(self.departments), by=self.counters[0].clerk)

    def something(self) -> None:
        """Somebody arrives, or a counter goes on."""
        now = timezone.now()
        booked = Ticket.objects.of_today().filter(state=State.BOOKED, due_at__lt=now + dt.timedelta(minutes=40))
        if self.chance.random() < 0.4 and (ticket := booked.with_details().order_by("due_at").first()):
            if self.chance.random() < 0.75:
                verbs.check_in(ticket=ticket)
                if self.chance.random() < 0.1:
                    verbs.undo_check_in(ticket=ticket, by=self.counters[0].clerk)
            return
        counter = self.chance.choice(self.counters)
        at_it = Ticket.objects.with_details().at_counter(counter).first()
        who = {"counter": counter, "by": counter.clerk}
        if at_it is None:
            self.idle(who)
        elif at_it.state == State.CALLED:
            verb = self.chance.choices(
                ["start", "recall", "undo_call", "miss", "put_back", "hold"], [14, 2, 1, 2, 1, 1]
            )[0]
            getattr(verbs, verb)(**who)
        else:
            verb = self.chance.choices(["finish", "transfer", "hold", "put_back"], [14, 2, 2, 1])[0]
            more = {}
            if verb == "transfer":
                more["to"] = self.chance.choice(self.departments)
            if verb == "finish":
                more["outcome"] = self.chance.choice([one for one in Outcome if one])
            getattr(verbs, verb)(**who, **more)
            if verb == "finish" and self.chance.random() < 0.1:
                self.clock.shift(dt.timedelta(seconds=20))
                verbs.undo_finish(**who)

    def idle(self, who) -> None:
        held = Ticket.objects.of_today().with_details().filter(state=State.ON_HOLD).first()
        missed = Ticket.objects.of_today().with_details().filter(state=State.MISSED).first()
        chance = self.chance.random()
        if held and chance < 0.2:
            verbs.resume(ticket=held, **who) if chance < 0.15 else verbs.finish_held(ticket=held, by=who["by"])
        elif missed and chance < 0.3:
            verbs.come_back(ticket=missed, by=who["by"])
        else:
            verbs.call_next(**who)

    def sample(self, found, share) -> list:
        found = list(found)
        return self.chance.sample(found, round(len(found) * share))
