"""Each figure of the reports against a second count, which goes through tickets and events one by one, in plain Python
and by docs/figures.md."""

import datetime as dt
import math
from collections import Counter as CounterOf
from collections import defaultdict

import pytest
from django.contrib.auth.models import User
from django.db import connection

from booking.models import (
    Counter,
    Department,
    DepartmentDay,
    HourSummary,
    MessageSummary,
    Notice,
    OfferMessage,
    Slot,
    SummarisedDay,
    Tally,
    Ticket,
    TicketEvent,
    TicketSummary,
    Topic,
    WaitingEntry,
    WaitPrediction,
)
from booking.models.tickets import Asked, Cause, Outcome
from booking.reports import facts, figures, stored, tables
from tests.clock import BANGKOK, MORNING, standing_still
from tests.factories import make_counter, make_member, make_open_department, make_topic, make_user
from tests.simulated import Office

pytestmark = pytest.mark.django_db

clock = standing_still(MORNING)


def played(clock, days: int, **size) -> tuple[dt.date, dt.date]:
    """So many working days of an office with three departments, of which one has no check-in and one has topics, and
    three counters. The first and the last date; it is the morning after that."""
    # Laid out well before: nobody's booking waits for a day to open.
    departments = [
        make_open_department(name="สินเชื่อ", letter="A", quota=3, max_days_ahead=60, promise_minutes=15),
        make_open_department(name="การเงิน", letter="B", quota=2, max_days_ahead=60),
        make_open_department(name="กฎหมาย", letter="C", quota=1, max_days_ahead=60, uses_check_in=False),
    ]
    make_topic(department=departments[0], name="ขอกู้สามัญ")
    make_topic(department=departments[0], name="ขอกู้พิเศษ", minutes=45)  # holds two places
    counters = [make_counter(departments=departments, number=nth, clerk=make_user()) for nth in (1, 2, 3)]
    office = Office(clock, departments, counters)
    mornings = [MORNING + dt.timedelta(days=nth) for nth in range(4, 4 + 7 * days)]
    mornings = [morning.replace(hour=8, minute=0) for morning in mornings if morning.weekday() < 5][:days]
    for morning in mornings:
        office.day(morning, **size)
    clock.move_to(mornings[-1] + dt.timedelta(days=1))
    return mornings[0].date(), mornings[-1].date()


class Rows:
    """All that is counted again, read once: the recount goes through it for each scope."""

    def __init__(self) -> None:
        self.tickets = list(Ticket.objects.select_related("slot", "department", "topic").order_by("id"))
        self.events: dict[int, list[TicketEvent]] = defaultdict(list)
        for event in TicketEvent.objects.order_by("id"):
            self.events[event.ticket_id].append(event)
        self.slots = list(Slot.objects.all())
        self.told = list(WaitPrediction.objects.select_related("ticket"))
        self.opens = {
            (one.department_id, one.date): min(period.lower for period in one.serving)
            for one in DepartmentDay.objects.all()
            if one.serving
        }
        self.promises = dict(Department.objects.values_list("pk", "promise_minutes"))
        self.messages = [(one, one.ticket, one.kind) for one in Notice.objects.select_related("ticket")]
        self.messages += [(one, one.entry, "offer") for one in OfferMessage.objects.select_related("entry")]
        self.tallies = list(Tally.objects.all())

    def tickets_of(self, first, last) -> list[Ticket]:
        return [one for one in self.tickets if first <= one.date <= last]


def recount(
    rows: Rows,
    first: dt.date,
    last: dt.date,
    *,
    department=None,
    topic=None,
    counter=None,
    clerk=None,
    weekday=None,
    hour=None,
) -> dict:
    """What docs/figures.md says, from the rows."""
    found = defaultdict(int)
    for name in ("leads", "waits", "services", "totals"):
        found[name] = []

    def counts(day, of, moment, by=None, at=None) -> bool:
        moment = moment.astimezone(BANGKOK)
        return (
            (department is None or of == department.pk)
            and weekday in (None, day.weekday())
            and hour in (None, moment.hour)
            and (counter is None or at == counter.pk)
            and (clerk is None or by == clerk.pk)
        )

    moved = {one.moved_from_id for one in rows.tickets}
    for ticket in rows.tickets_of(first, last):
        if topic and ticket.topic_id != topic.pk:
            continue
        events = rows.events[ticket.pk]
        turn = ticket.slot.starts_at if ticket.slot else ticket.issued_at
        counted = counts(ticket.date, ticket.department_id, turn)
        ending = events[-1]
        if ticket.slot and (ticket.state != "cancelled" or ending.cause == "day_over"):
            length = ticket.slot.ends_at - ticket.slot.starts_at
            found["taken"] += sum(
                counts(ticket.date, ticket.department_id, turn + nth * length) for nth in range(ticket.parts)
            )
        if counted:
            came = any(one.verb in ("walk_in", "call") for one in events)
            taken_back = [one.verb for one in events if one.verb in ("check_in", "undo_check_in")][-1:]
            found["came"] += came or taken_back == ["check_in"]
            found["tickets"] += 1
            if ticket.slot is None:
                found["walk_ins"] += 1
            else:
                found["booked_by_staff" if events[0].by_id else "booked"] += 1
                day = ticket.issued_at.astimezone(BANGKOK).date()
                found["leads"].append((ticket.date - day).days)
            if ticket.pk in moved:
                found["moved"] += 1
            elif ticket.state != "cancelled":
                name = {"served": "served", "no_show": "no_shows", "not_arrived": "not_arrived"}
                found[name.get(ticket.state, "still_open")] += 1
            elif ending.cause == "day_over":
                found["left_over"] += 1
            else:
                found["cancelled_by_staff" if ending.by_id else "cancelled"] += 1
        for one in events:
            if one.verb == "miss" and one.by_id:
                found["missed"] += counts(ticket.date, one.queue_id, one.at, one.by_id, one.counter_id)
        began = first_began = None
        # The calls that stood: not taken back by the next thing that was done (calling again is not one).
        steps = [one for one in events if one.verb != "recall"]
        for one, after in zip(steps, [*steps[1:], None], strict=True):
            if one.verb == "book" or one.verb == "undo_check_in":
                began = turn if not ticket.department.uses_check_in else None
            if one.verb in ("walk_in", "check_in"):
                began = max(one.at, turn, rows.opens.get((ticket.department_id, ticket.date), one.at))
            if one.verb == "transfer":
                began = one.at
            if one.verb == "call" and began and not (after and after.verb == "undo_call"):
                first_began = first_began or began
                if counts(ticket.date, one.queue_id, began, one.by_id, one.counter_id):
                    found["waits"].append(max(0, round((one.at - began).total_seconds())))
                    found["in_time"] += found["waits"][-1] <= 60 * rows.promises[one.queue_id]
                began = None
        at_counter, started, calls = 0.0, None, None
        services = []
        for one in events:
            if one.verb in ("call", "resume"):
                calls = one.at
            elif one.verb == "start":
                started, calls = one.queue_id, calls or one.at
            elif one.verb == "undo_finish" and services:
                at_counter, started, ended_by, _where = services.pop()
                calls = ended_by.at
            elif one.verb in ("hold", "miss", "undo_call", "put_back", "finish", "transfer"):
                at_counter += (one.at - calls).total_seconds() if calls else 0
                calls = None
                if one.verb == "hold":
                    continue
                if started:
                    where = [each.counter_id for each in events if each.id <= one.id and each.counter_id][-1]
                    services.append((at_counter, started, one, where))
                at_counter, started = 0.0, None
        good = [each for each in services if each[2].verb != "put_back" and each[2].by_id]
        for seconds, queue, one, where in good:
            if counts(ticket.date, queue, one.at, one.by_id, where):
                found["services"].append(round(seconds))
        if ticket.state == "served" and services and services[-1] in good and first_began:
            _seconds, _queue, one, where = services[-1]
            if counts(ticket.date, ticket.department_id, one.at, one.by_id, where):
                found["totals"].append(max(0, round((one.at - first_began).total_seconds())))
    for slot in rows.slots:
        # A quota is the department's, whatever the topic.
        if topic and slot.department_id != topic.department_id:
            continue
        if first <= slot.date <= last and counts(slot.date, slot.department_id, slot.starts_at):
            found["places"] += slot.quota
    for told in rows.told:
        if not first <= told.ticket.date <= last or (topic and told.ticket.topic_id != topic.pk):
            continue
        later = [one for one in rows.events[told.ticket_id] if one.verb == "call" and one.at >= told.at]
        call = later[0] if later else None
        if call and counts(told.ticket.date, told.ticket.department_id, told.at):
            minutes = (call.at - told.at).total_seconds() / 60
            name = "before" if minutes < told.low else "after" if minutes > told.high else "within"
            found[f"told_{name}"] += 1
    return dict(found)


def scope_of(
    first, last, *, department=None, topic=None, counter=None, clerk=None, weekday=None, hour=None
) -> figures.Scope:
    return figures.Scope(
        first,
        last,
        departments=frozenset([department.pk]) if department else None,
        topic=topic.pk if topic else None,
        counter=counter.pk if counter else None,
        clerk=clerk.pk if clerk else None,
        weekday=weekday,
        hour=hour,
    )


def reported(first, last, **narrowed) -> figures.Figures:
    scope = scope_of(first, last, **narrowed)
    return figures.figures(figures.hours(scope), figures.promises_of(Department.objects.all()))


def assert_the_same(found: figures.Figures, again: dict) -> None:
    """Each count, and by hand from those of the recount each sum, share and middle that is shown."""
    assert {name: getattr(found, name) for name in facts.COUNTS} == {name: again.get(name, 0) for name in facts.COUNTS}
    for name in facts.DURATIONS:
        durations = getattr(found, name)
        assert len(durations) == len(again[name]), name
        assert sorted(durations.all) == sorted(again[name]), name
        for part, shown in [(0.5, durations.median), (0.9, durations.p90)]:
            ordered = sorted(again[name])
            assert shown == (ordered[math.ceil(part * len(ordered)) - 1] if ordered else None), name
    assert found.in_time == again.get("in_time", 0)

    def of(*names):
        return sum(again.get(name, 0) for name in names)

    ended = of("served", "left_over", "no_shows", "not_arrived")
    told = of("told_within", "told_before", "told_after")
    assert found.tickets == again.get("tickets", 0) == of("booked", "booked_by_staff", "walk_ins")
    assert found.told == told
    assert found.share_in_time == (of("in_time") / len(again["waits"]) if again["waits"] else None)
    assert found.share_taken == (of("taken") / of("places") if of("places") else None)
    assert found.share_not_come == (of("no_shows", "not_arrived") / ended if ended else None)
    assert found.share_told_right == (of("told_within") / told if told else None)


def recount_tickets(rows, first, last, *, department=None, topic=None, weekday=None, **_not_heeded) -> dict:
    """How tickets were asked for, their topics and outcomes, and why they were cancelled."""
    again: dict = defaultdict(int)
    for ticket in rows.tickets_of(first, last):
        if (
            (department and ticket.department_id != department.pk)
            or (topic and ticket.topic_id != topic.pk)
            or weekday not in (None, ticket.date.weekday())
        ):
            continue
        events = rows.events[ticket.pk]
        if ticket.topic_id and ticket.state != "cancelled":
            again["topic", "", ticket.topic_id] += 1
        if ticket.topic_id and ticket.state == "served":
            again["outcome", [one for one in events if one.verb == "finish"][-1].outcome, ticket.topic_id] += 1
        for one in events:
            if one.verb == "book" and one.by_id and not ticket.moved_from_id:
                again["asked", one.asked, None] += 1
            if one.verb == "cancel" and one.cause != "day_over":
                again["by_staff" if one.by_id else "by_member", one.cause, None] += 1
    return dict(again)


def recount_messages(rows, first, last, *, department=None, topic=None, weekday=None, **_not_heeded) -> list:
    """Messages about tickets, and offers of free places."""
    again: dict = defaultdict(int)
    for one, about, kind in rows.messages:
        if (
            first <= about.date <= last
            and department in (None, about.department)
            and topic in (None, about.topic)
            and weekday in (None, about.date.weekday())
        ):
            again[kind, one.channel, one.state] += 1
    return [(*key, again[key]) for key in sorted(again)]


def recount_tallies(rows, first, last, what, *, department=None, weekday=None, hour=None, **_not_heeded) -> dict:
    again: dict = defaultdict(int)
    for one in rows.tallies:
        if (
            one.what == what
            and first <= one.date <= last
            and department in (None, one.department)
            and weekday in (None, one.date.weekday())
            and hour in (None, one.hour)
        ):
            again[one.name, one.department_id] += one.count
    return dict(again)


def make_offers_and_tallies(first, last) -> None:
    """Offers of free places, with a topic and without, and what members could not do and looked at."""
    departments, nth = list(Department.objects.order_by("pk")), 0
    topics = [None, *Topic.objects.order_by("pk")]
    for date in Slot.objects.filter(date__range=(first, last)).values_list("date", flat=True).distinct():
        for department in departments:
            for state, channel in [("sent", "line"), ("sent", "email"), ("dropped", ""), ("sent", "line")]:
                nth += 1
                topic = topics[nth % len(topics)] if department == departments[0] else None
                entry = WaitingEntry.objects.create(
                    public_id=f"{nth}",
                    member=make_member(),
                    department=department,
                    date=date,
                    topic=topic,
                    joined_at=MORNING,
                )
                OfferMessage.objects.create(
                    entry=entry, offered_at=MORNING, next_try_at=MORNING, state=state, channel=channel
                )
        for hour in (9, 10):
            Tally.objects.create(date=date, hour=hour, what="visited", name="home", count=nth + hour)
            for department in (*departments, None):
                nth += 1
                Tally.objects.create(
                    date=date, hour=hour, department=department, what="refused", name=f"code {nth % 2}", count=nth
                )


def everything(first, last, scope: dict) -> list:
    """What no hour tells, as it is reported; and as it is recounted."""
    asked = scope_of(first, last, **scope)
    found = [figures.messages(asked), dict(figures.tickets(asked))]
    return found + [
        {(name, of): many for name, of, many in figures.tallies(asked, what)}
        for what in (Tally.What.REFUSED, Tally.What.VISITED)
    ]


def everything_again(rows, first, last, scope: dict) -> list:
    again = [recount_messages(rows, first, last, **scope), recount_tickets(rows, first, last, **scope)]
    return again + [recount_tallies(rows, first, last, what, **scope) for what in ("refused", "visited")]


def scopes():
    """Nothing, each filter by itself, and some together."""
    yield {}
    for department in Department.objects.order_by("pk"):
        yield {"department": department}
    for topic in Topic.objects.order_by("pk"):
        yield {"topic": topic}
    yield {"topic": topic, "counter": Counter.objects.first()}
    yield {"topic": topic, "department": Department.objects.last()}  # only what was handed on to it
    yield {"topic": topic, "hour": 10, "weekday": 4}
    for counter in Counter.objects.order_by("pk"):
        yield {"counter": counter}
        yield {"clerk": counter.clerk, "hour": 10}
    yield {"clerk": counter.clerk}
    yield {"weekday": 4}
    yield {"hour": 10}
    yield {"weekday": 0, "hour": 9, "department": Department.objects.first()}


def test_all_figures_agree_with_a_recount_stored_and_read_live(clock):
    first, last = played(clock, 3)
    make_offers_and_tallies(first, last)
    rows = Rows()
    live = {str(scope): reported(first, last, **scope) for scope in scopes()}
    live_else = {str(scope): everything(first, last, scope) for scope in scopes()}
    assert not SummarisedDay.objects.exists()
    assert stored.rebuild() > 2
    whole = reported(first, last)
    assert whole.services.all and whole.totals.all and whole.moved and whole.missed and whole.told  # worth counting
    for topic in Topic.objects.all():
        of_topic = reported(first, last, topic=topic)
        assert of_topic.services.all and of_topic.tickets < whole.tickets
    for scope in scopes():
        again = recount(rows, first, last, **scope)
        assert_the_same(live[str(scope)], again)
        assert_the_same(reported(first, last, **scope), again)
        once_more = everything_again(rows, first, last, scope)
        assert live_else[str(scope)] == once_more, scope
        assert everything(first, last, scope) == once_more, scope


@pytest.mark.slow
@pytest.mark.whole_year
def test_all_figures_of_a_month_agree_with_a_recount(clock):
    first, last = played(clock, 22, bookings=30, walk_ins=16)
    make_offers_and_tallies(first, last)
    rows = Rows()
    stored.rebuild()
    for scope in scopes():
        assert_the_same(reported(first, last, **scope), recount(rows, first, last, **scope))
        assert everything(first, last, scope) == everything_again(rows, first, last, scope), scope


def test_the_hours_of_months_come_to_the_same_as_those_of_days(clock, monkeypatch):
    first, last = played(clock, 8, bookings=8, walk_ins=4)  # two Mondays, and into the next month
    assert first.month < last.month
    rows = Rows()
    stored.rebuild()
    departments = list(Department.objects.all())

    def shown(scope: dict) -> dict:
        found = tables.tables(scope_of(first, last, **scope), departments=departments)
        return {table.key: table.rows for table in found if table.key != "days"}  # which has months in their place

    by_day = {str(scope): shown(scope) for scope in scopes()}
    singly = len(figures.hours(scope_of(first, last)))
    monkeypatch.setattr(figures, "MOST_DAYS", 1)
    assert len(figures.hours(scope_of(first, last))) < singly
    for scope in scopes():
        assert_the_same(reported(first, last, **scope), recount(rows, first, last, **scope))
        assert shown(scope) == by_day[str(scope)], scope


def test_what_one_statement_counts_is_what_each_ticket_by_itself_comes_to(clock, monkeypatch):
    first, last = played(clock, 3)
    rows = [*facts.COUNTS, *facts.DURATIONS, "places", *facts.Key._fields]

    def counted():
        return sorted(tuple(getattr(row, name) for name in rows) for row in facts.hours(first, last))

    together, found = counted(), defaultdict(facts.Hour)
    others = facts._plain(found, first, last, {})
    everybody = list(Ticket.objects.filter(date__range=(first, last)).values_list("pk", flat=True))
    assert 0 < len(others) < len(everybody) / 2  # each way has enough to count
    monkeypatch.setattr(facts, "_plain", lambda *_asked: everybody)
    assert [*map(str, counted())] == [*map(str, together)]


def test_each_ticket_comes_about_in_one_way_and_ends_in_one(clock):
    first, last = played(clock, 2)
    found = reported(first, last)
    ended = "served cancelled cancelled_by_staff moved left_over no_shows not_arrived still_open".split()
    assert found.tickets == sum(getattr(found, name) for name in ended) > 20
    assert found.tickets == Ticket.objects.filter(date__range=(first, last)).count()


def test_messages_are_counted_by_channel_and_state(clock, settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = "a-token"
    first, last = played(clock, 1)
    scope = figures.Scope(first, last)
    live = figures.messages(scope)
    stored.rebuild()
    assert figures.messages(scope) == live
    assert live == recount_messages(Rows(), first, last)
    assert live and MessageSummary.objects.exists()


def test_topics_outcomes_and_causes_agree_with_a_recount_stored_and_read_live(clock):
    first, last = played(clock, 3)
    make_varied()
    again = recount_tickets(Rows(), first, last)
    assert {what for what, _name, _topic in again} == {"topic", "outcome", "asked", "by_member", "by_staff"}

    scope = figures.Scope(first, last)
    assert figures.tickets(scope) == again
    stored.rebuild()
    assert figures.tickets(scope) == again
    by_part = [
        figures.tickets(figures.Scope(first, last, departments=frozenset([one.pk]), weekday=weekday))
        for one in Department.objects.all()
        for weekday in range(7)
    ]
    assert sum(by_part, CounterOf()) == again


def make_varied() -> None:
    """Every other ticket has a topic, every third was booked by staff, and causes and outcomes go round."""
    clerk, causes = User.objects.first(), [cause for cause in Cause if cause != Cause.DAY_OVER]
    with connection.cursor() as cursor:  # events are only ever added; these are changed instead of played anew
        cursor.execute("SET LOCAL session_replication_role = replica")
    for nth, ticket in enumerate(Ticket.objects.order_by("id")):
        if nth % 2:
            topic, _new = Topic.objects.get_or_create(department=ticket.department, name=f"เรื่อง {nth % 3}")
            Ticket.objects.filter(pk=ticket.pk).update(topic=topic)
        if nth % 3 == 0:
            ticket.events.filter(verb="book").update(by=clerk, asked=list(Asked)[nth % 2])
        if nth % 5 == 0 and ticket.state == "booked":
            TicketEvent.objects.create(ticket=ticket, verb="cancel", to_state="cancelled", at=ticket.due_at, by=clerk)
            Ticket.objects.filter(pk=ticket.pk).update(state="cancelled")
        ticket.events.filter(verb="cancel").exclude(cause=Cause.DAY_OVER).update(
            cause=causes[nth % len(causes)], by=clerk if nth % 2 else None
        )
        ticket.events.filter(verb="finish").update(outcome=list(Outcome)[nth % len(Outcome)])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_days_before_the_first_ticket_are_not_read_live(clock):
    first, last = played(clock, 1)
    assert figures.days(figures.Scope(first, last)) == (set(), {first})
    stored.rebuild()
    assert figures.days(figures.Scope(first - dt.timedelta(days=300), last)) == ({first}, set())


def test_a_day_counted_before_there_were_counts_of_tickets_is_counted_again(clock):
    first, last = played(clock, 1)
    stored.rebuild()
    whole = reported(first, last)
    SummarisedDay.objects.update(has_tickets=False)
    TicketSummary.objects.all().delete()
    assert reported(first, last).counts == whole.counts  # read live meanwhile, once
    assert stored.bring_up_to_date() > 0
    assert not SummarisedDay.objects.filter(has_tickets=False).exists()


def test_the_job_counts_each_day_once_and_again_what_changed(clock):
    first, last = played(clock, 1)
    clock.shift(dt.timedelta(minutes=5))
    assert stored.bring_up_to_date() > 0
    assert stored.bring_up_to_date() == 0
    before = HourSummary.objects.filter(date=last).count()
    clock.shift(dt.timedelta(hours=2))
    ticket = Ticket.objects.filter(date=last, state="served").first()
    TicketEvent.objects.create(
        ticket=ticket, verb="undo_finish", to_state="serving", at=MORNING + dt.timedelta(days=30)
    )
    assert stored.bring_up_to_date() == 1
    assert before
    assert reported(first, last).still_open == 1


def test_a_second_rebuild_makes_the_same_rows(clock):
    played(clock, 1)
    rows = [*facts.COUNTS, *facts.DURATIONS, "date", "hour", "department", "counter", "clerk"]
    stored.rebuild()
    made = sorted(map(str, HourSummary.objects.values_list(*rows)))
    stored.rebuild()
    assert sorted(map(str, HourSummary.objects.values_list(*rows))) == made


def test_the_queries_are_as_many_for_a_year_as_for_a_day(clock, django_assert_num_queries):
    first, last = played(clock, 1)
    for start in (last, last - dt.timedelta(days=365)):
        with django_assert_num_queries(7):
            figures.hours(figures.Scope(start, last))
    stored.rebuild()
    with django_assert_num_queries(3):
        figures.hours(figures.Scope(first, last))
