"""What is told of a wait: from opening, over the break, from the ticket's due time, and only where a counter serves."""

import datetime as dt

import pytest
from django.urls import reverse

from booking import jobs, roles, verbs
from booking.calling import accuracy, forecast, waits
from booking.models import Pace, TicketEvent, WaitPrediction, WaitSpread
from booking.verbs import seats
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_user, make_walk_in
from tests.pages import text

pytestmark = pytest.mark.django_db

clock = standing_still(today_at("7.16"), autouse=True)


def office(**fields):
    """Open from 8.30 to 12 and from 13 to 15.30; ten minutes a ticket."""
    return make_open_department(
        break_starts=dt.time(12), break_ends=dt.time(13), max_days_ahead=1, usual_service_minutes=10, **fields
    )


def page(client, ticket):
    client.post(reverse("ticket_open", args=[ticket.public_id]), {"link": ticket.secret})
    return text(client.get(reverse("ticket", args=[ticket.public_id])))


def at_half_past_nine(department):
    return make_ticket(slot=make_slot(department=department, days_ahead=0, nth=2))


def test_a_booking_of_half_past_nine_is_not_next_at_sixteen_past_seven(client):
    ticket = at_half_past_nine(office())

    content = page(client, ticket)

    assert "ท่านเป็นคิวถัดไป" not in content
    assert "ขณะนี้ยังไม่มีผู้จองก่อนหน้าท่าน" in content


def test_before_opening_and_without_a_clerk_it_is_told_when_the_office_opens(client, clock):
    department = office()
    clock.move_to(today_at("7.38"))
    ticket = make_walk_in(department=department)

    told = waits.told(ticket)
    assert (told.low, told.opens_at, told.unserved_since) == (None, today_at("8.30"), None)
    content = page(client, ticket)
    assert "เปิดให้บริการ 08.30 น." in content
    assert "คาดว่าจะถึงคิว" not in content
    assert "ท่านเป็นคิวถัดไป" not in content


def test_a_wait_counts_from_opening(client, clock):
    department = office()
    make_counter(departments=[department])
    clock.move_to(today_at("8.00"))
    ticket = make_walk_in(department=department)

    told = waits.told(ticket)

    assert (told.low, told.high, told.expected) == (30, 35, 0)
    assert "เปิดให้บริการ 08.30 น. คาดว่าจะถึงคิวในอีก 30 ถึง 35 นาที" in page(client, ticket)


def test_a_wait_goes_over_the_break(clock):
    department = office()
    make_counter(departments=[department])
    clock.move_to(today_at("11.50"))
    tickets = [make_walk_in(department=department) for _ in range(4)]

    told = [waits.told(ticket) for ticket in tickets]

    assert (told[0].low, told[0].high) == (0, 5)
    # The second is called at 13.00, the fourth at 13.20: ten minutes before the break and twenty after it.
    assert told[3].expected == 30 * 60
    assert (told[3].low, told[3].high) == (70, 110)


def test_during_the_break_it_is_told_when_it_ends(clock):
    department = office()
    counter = make_counter(departments=[department])
    clock.move_to(today_at("12.20"))
    ticket = make_walk_in(department=department)
    assert (waits.told(ticket).low, waits.told(ticket).opens_at) == (40, today_at("13.00"))

    seats.sign_out(counter=counter, by=counter.clerk)
    assert (waits.told(ticket).low, waits.told(ticket).unserved_since) == (None, None)
    assert waits.told(ticket).in_words() == "เปิดให้บริการ 13.00 น."


def test_where_no_counter_serves_it_is_said_since_when(client, clock):
    department = office()
    other = office()
    make_counter(departments=[other])
    counter = make_counter(departments=[department])
    clock.move_to(today_at("9.00"))
    ticket = make_walk_in(department=department)
    assert waits.told(ticket).low == 0

    clock.move_to(today_at("10.15"))
    seats.sign_out(counter=counter, by=counter.clerk)
    clock.move_to(today_at("10.40"))

    assert waits.told(ticket).unserved_since == today_at("10.15")
    assert "ขณะนี้ไม่มีช่องบริการที่ให้บริการฝ่ายนี้ ตั้งแต่ 10.15 น." in page(client, ticket)
    client.force_login(make_user(group=roles.CLERK))
    assert "ไม่มีช่องบริการเปิด ตั้งแต่ 10.15 น." in text(client.get(reverse("kiosk")))


def test_a_department_that_opened_without_a_clerk_says_since_opening(clock):
    department = office()
    clock.move_to(today_at("9.00"))
    assert waits.told(make_walk_in(department=department)).unserved_since == today_at("8.30")


def test_nothing_is_kept_of_a_wait_that_was_not_told(clock):
    department = office()
    clock.move_to(today_at("9.00"))
    make_walk_in(department=department)
    assert not WaitPrediction.objects.exists()

    make_counter(departments=[department])
    make_walk_in(department=department)
    assert WaitPrediction.objects.get().expected == 600


def test_who_is_not_called_early_waits_for_the_time_on_the_ticket(clock):
    department = office(calls_early=False, check_in_minutes_before=120)
    make_counter(departments=[department])
    ticket = at_half_past_nine(department)
    clock.move_to(today_at("8.40"))
    verbs.check_in(ticket=ticket)

    told = waits.told(ticket)

    assert (told.low, told.high, told.can_be_called) == (50, 55, False)
    clock.move_to(ticket.due_at)
    assert waits.told(ticket).can_be_called


def test_where_the_office_calls_early_who_comes_early_may_be_next(client, clock):
    department = office(check_in_minutes_before=120)
    make_counter(departments=[department])
    ticket = at_half_past_nine(department)
    clock.move_to(today_at("8.40"))
    verbs.check_in(ticket=ticket)

    assert waits.told(ticket).high == 5
    assert "ท่านเป็นคิวถัดไป" in page(client, ticket)


def test_a_counter_that_serves_several_is_shared(clock):
    first, second = office(), office()
    make_counter(departments=[first, second])
    clock.move_to(today_at("9.00"))
    for _ in range(3):
        make_walk_in(department=first)
    clock.move_to(today_at("10.30"))

    told = waits.told(make_walk_in(department=second))

    assert told.expected == 30 * 60  # the counter's own department comes first


def test_as_many_walk_ins_are_expected_as_came_within_the_last_hour(clock):
    department = office(check_in_minutes_before=120, calls_early=False)
    make_counter(departments=[department])
    clock.move_to(today_at("8.25"))
    left = [make_walk_in(department=department) for _ in range(6)]
    clock.move_to(today_at("8.35"))
    left += [make_walk_in(department=department) for _ in range(3)]
    for ticket in left:
        verbs.cancel(ticket=ticket, by=make_user())
    clock.move_to(today_at("8.40"))
    ticket = at_half_past_nine(department)
    verbs.check_in(ticket=ticket)
    clock.move_to(today_at("9.20"))

    # Nine within the hour, so one each 400 seconds: those of 9.23.20 and 9.30 come first, until 9.43.20.
    assert waits.told(ticket).expected == 800
    clock.move_to(today_at("9.26"))  # three within the hour, so one each twenty minutes: the first comes at 9.36
    assert waits.told(ticket).expected == 0


def test_who_is_being_served_takes_the_rest_of_the_usual_time(clock):
    department = office()
    counter = make_counter(departments=[department])
    clock.move_to(today_at("9.00"))
    make_walk_in(department=department)
    verbs.call_next(counter=counter, by=counter.clerk)
    clock.shift(4 * 60)

    assert waits.told(make_walk_in(department=department)).expected == 6 * 60
    clock.shift(60 * 60)
    assert waits.told(make_walk_in(department=department)).expected >= 3 * 60 + 10 * 60  # it cannot be over yet


def test_the_kiosk_asks_the_same_number_of_times_for_many_departments(client, clock, django_assert_max_num_queries):
    clock.move_to(today_at("9.00"))
    departments = [office() for _ in range(8)]
    for department in departments:
        make_counter(departments=[department])
        make_walk_in(department=department)
    client.force_login(make_user(group=roles.CLERK))
    client.get(reverse("kiosk"))

    with django_assert_max_num_queries(24):
        answer = client.get(reverse("kiosk"))

    assert text(answer).count("รอราว") + text(answer).count("รอไม่เกิน") == 8


def test_the_api_looks_at_the_queue_once(client, clock, django_assert_max_num_queries):
    clock.move_to(today_at("9.00"))
    ticket = make_walk_in(department=office())
    headers = {"Authorization": f"Ticket {ticket.secret}"}

    with django_assert_max_num_queries(14):
        client.get(f"/api/v1/tickets/{ticket.public_id}/", headers=headers)


# --- what an office learns ---


def waited(department, *, expected, actual, times, is_early=False, hour="9.00"):
    """Waits that are over: expected and actual in minutes."""
    for _ in range(times):
        ticket = make_walk_in(department=department)
        at = today_at(hour)
        WaitPrediction.objects.update_or_create(
            ticket=ticket,
            defaults={"at": at, "low": 0, "high": 5, "expected": expected * 60, "is_early": is_early},
        )
        TicketEvent.objects.create(
            ticket=ticket, verb="call", to_state="called", at=at + dt.timedelta(minutes=actual), queue=department
        )


def test_a_department_tells_by_its_own_waits_at_that_time_of_day(clock):
    department = office()
    make_counter(departments=[department])
    clock.move_to(today_at("9.00"))
    Pace.objects.create(department=department, seconds=600, spread=0, measured_at=today_at("8.30"))
    waited(department, expected=20, actual=40, times=accuracy.OWN_FROM)
    jobs.measure_waits()

    rows = {(row.part_of_day, row.is_early): round(row.high, 2) for row in WaitSpread.objects.all()}
    twice = round((40 * 60 + forecast.STEADY) / (20 * 60 + forecast.STEADY), 2)
    assert rows == {("", False): twice, ("morning", False): twice}
    own = waits.outlook(department.pk).spreads
    assert own[False].high == pytest.approx(twice, abs=0.01)
    assert own[True] == forecast.USUAL[True]
    assert waits.outlook(office().pk).spreads == forecast.USUAL


def test_too_few_waits_teach_nothing(clock):
    department = office()
    clock.move_to(today_at("9.00"))
    waited(department, expected=20, actual=40, times=accuracy.OWN_FROM - 1)
    jobs.measure_waits()
    assert not WaitSpread.objects.exists()


def test_a_wait_over_the_break_counts_in_serving_time(clock):
    department = office()
    clock.move_to(today_at("9.00"))
    waited(department, expected=20, actual=80, times=accuracy.OWN_FROM, hour="11.50")  # called at 13.10
    jobs.measure_waits()
    assert {(row.part_of_day, row.low, row.high) for row in WaitSpread.objects.all()} == {("", 1, 1), ("noon", 1, 1)}


def test_staff_are_warned_where_too_few_waits_lie_within_their_ranges(client, clock):
    department = office()
    clock.move_to(today_at("9.00"))
    waited(department, expected=20, actual=40, times=accuracy.ENOUGH)
    client.force_login(make_user(group=roles.MANAGER))

    content = text(client.get(reverse("admin:booking_waitprediction_changelist")))

    assert "ต่ำกว่าเป้าหมาย" in content
