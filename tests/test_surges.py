"""When more is booked, or looked up in vain, than the office usually sees: from where it comes a proof is asked for."""

import datetime as dt

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from booking import errors, roles, verbs
from booking.models import Alarm, ProofAsked, Ticket, TicketEvent
from booking.verbs import alarms, surges
from booking.views import visitor
from members.codes import issue_code
from members.errors import NotRegistered
from members.identify import identify
from members.models import Member
from members.origins import origin_of
from tests.factories import make_member, make_open_department, make_slot, make_ticket, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

STRANGER, SCHOOL, HOME = "198.51.100.66", "203.0.113.30", "203.0.113.7"


@pytest.fixture(autouse=True)
def no_other_limit(settings):
    settings.BOOKING_LIMITS = dict.fromkeys(settings.BOOKING_LIMITS, 10_000)
    settings.LOOKUP_LIMITS = dict.fromkeys(settings.LOOKUP_LIMITS, "10000/900")


@pytest.fixture
def slot():
    return make_slot(quota=300, days_ahead=3)


def take(slot, address, *, device="", **how) -> str:
    try:
        verbs.book(
            member_id=make_member().pk,
            slot_id=slot.pk,
            key=f"{timezone.now()} {address} {make_member().pk}",
            origin=origin_of(address=address, device=device),
            **how,
        )
    except errors.BookingError as refusal:
        return refusal.code
    return "booked"


def miss(address, times):
    for nth in range(times):
        with pytest.raises(NotRegistered):
            identify(member_number=f"9{nth}", address=address)


def asked() -> set:
    return set(ProofAsked.objects.now().values_list("block", flat=True))


def block(address):
    return origin_of(address=address, device="").block


def test_bookings_above_the_usual_ask_the_block_they_come_from_and_no_other(slot):
    for _ in range(50):
        take(slot, STRANGER)
    take(slot, HOME)
    assert [surge.kind for surge in surges.watch()] == ["bookings"]

    assert asked() == {block(STRANGER)}
    assert take(slot, STRANGER) == "proof_needed"
    assert take(slot, STRANGER, is_proven=True) == "booked"
    assert take(slot, HOME) == "booked"


def test_one_stranger_cannot_switch_it_on_for_the_office(slot):
    """Whatever one does from one place, others go on: only staff ask everybody."""
    miss(STRANGER, 120)
    for _ in range(80):
        take(slot, STRANGER)
    surges.watch()
    assert asked() == {block(STRANGER)}
    for address in (HOME, SCHOOL, "2001:db8:1:2::"):
        assert take(slot, address) == "booked"


def look_up_on(client, page, member, address, **form):
    form = {"by": "member_number", "member_number": member.member_number} | form
    if page == "api":
        asked = {"member_number": member.member_number} | ({"proof": form["proof"]} if "proof" in form else {})
        return client.post("/api/v1/members/identify/", asked, content_type="application/json", REMOTE_ADDR=address)
    place = reverse("identify", args=[make_open_department().slug]) if page == "identify" else reverse(page)
    return client.post(place, form, REMOTE_ADDR=address)


@pytest.mark.parametrize("page", ["identify", "status", "api"])
def test_after_a_surge_of_misses_look_ups_from_that_block_take_a_proof_and_others_do_not(client, page):
    member = make_member(phone="0812345678")
    miss(STRANGER, 60)
    surges.watch()

    refused = look_up_on(client, page, member, STRANGER)
    unknown = look_up_on(client, page, Member(member_number="987654"), STRANGER)
    assert (refused.status_code, unknown.status_code) == ((403, 403) if page == "api" else (422, 422))
    if page == "api":
        assert refused.json() == unknown.json() and refused.json()["code"] == "proof_needed"
    else:
        assert 'name="proof"' in refused.text, "what to do about it stands on the same page"
        assert "เลขท้าย 4 ตัวของเบอร์โทรศัพท์" in text(refused)
    assert look_up_on(client, page, member, STRANGER, proof="5678").status_code in (200, 302)
    assert look_up_on(client, page, member, HOME).status_code in (200, 302)


def test_look_ups_that_take_a_proof_take_a_clerks_code_too_and_none_from_a_device_that_booked_before(client, slot):
    member, booked_before = make_member(phone=""), Client()
    page = reverse("identify", args=[make_open_department().slug])
    booked_before.get(page)
    assert take(slot, HOME, device=device_of(booked_before)) == "booked"
    with time_machine.travel(timezone.now() + dt.timedelta(days=2), tick=False):
        miss(STRANGER, 60)
        surges.watch()

        code = issue_code(member=member, by=make_user())
        assert look_up_on(client, "identify", member, STRANGER, proof="5678").status_code == 422
        assert look_up_on(client, "identify", member, STRANGER, proof=code).status_code == 302
        assert look_up_on(booked_before, "identify", member, STRANGER).status_code == 302


def device_of(client) -> str:
    request = RequestFactory().get("/")
    request.COOKIES = {name: cookie.value for name, cookie in client.cookies.items()}
    return visitor.device(request)


@pytest.mark.parametrize("has_line", [True, False])
def test_line_is_offered_where_the_office_has_it(client, settings, has_line):
    settings.LINE_LOGIN_CHANNEL_ID = "1234" if has_line else ""
    assert ("LINE" in str(errors.ProofNeeded())) == ("LINE" in str(errors.ProofNeeded.message)) == has_line
    page = reverse("identify", args=[make_open_department().slug])
    assert ("หรือเข้าใช้ด้วย LINE" in text(client.get(f"{page}?why=proof_needed"))) == has_line


def test_fifty_are_no_surge(slot):
    miss(STRANGER, 50)
    for _ in range(50):
        take(slot, STRANGER)
    assert surges.watch() == []


def test_look_ups_that_miss_count_apart_and_those_that_hit_do_not(slot):
    for _ in range(60):
        identify(member_number=make_member().member_number, address=HOME)
    assert surges.watch() == []
    miss(STRANGER, 51)
    assert [(surge.kind, surge.count) for surge in surges.watch()] == [("missed", 51)]
    assert take(slot, STRANGER) == "proof_needed"


def test_what_the_office_usually_sees_at_that_hour_is_no_surge():
    """Monday morning, when the days open: five times as much as on the four Mondays before is still usual."""
    ticket = make_ticket()
    verbs.book(
        member_id=make_member().pk, slot_id=ticket.slot_id, key="of a member", origin=origin_of(address=HOME, device="")
    )
    now = timezone.now()
    own = TicketEvent.objects.filter(verb="book", ticket__origin_address__isnull=False).get()
    TicketEvent.objects.bulk_create(
        TicketEvent(
            ticket=own.ticket, verb="book", to_state="booked", at=now - dt.timedelta(weeks=week, minutes=nth % 50)
        )
        for week in range(1, 5)
        for nth in range(30)
    )
    TicketEvent.objects.bulk_create(
        TicketEvent(ticket=own.ticket, verb="book", to_state="booked", at=now) for _ in range(149)
    )
    assert surges.found(now) == [], "150 in all, and 30 an hour are usual"
    TicketEvent.objects.bulk_create([TicketEvent(ticket=own.ticket, verb="book", to_state="booked", at=now)])
    assert [(surge.count, surge.most) for surge in surges.found(now)] == [(151, 150)]


def test_the_blocks_with_the_most_are_asked_until_the_rest_is_no_surge(slot):
    for address, count in [(STRANGER, 40), (SCHOOL, 30), (HOME, 6)]:
        for _ in range(count):
            take(slot, address)
    surges.watch()
    assert asked() == {block(STRANGER)}, "without the largest 36 are left"


def test_networks_of_ipv6_are_blocks(slot):
    for nth in range(51):
        take(slot, f"2001:db8:1:{nth:x}::")
    surges.watch()
    assert take(slot, "2001:db8:1:ffff::") == "proof_needed"


def test_a_device_that_held_a_ticket_before_is_not_asked(slot):
    with time_machine.travel(timezone.now() - dt.timedelta(days=2)):
        assert take(slot, HOME, device="of old") == "booked"
    assert take(slot, HOME, device="of this morning") == "booked"
    for _ in range(51):
        take(slot, STRANGER)
    surges.watch()
    assert take(slot, STRANGER, device="of old") == "booked"
    assert take(slot, STRANGER, device="of this morning") == "proof_needed"
    assert take(slot, STRANGER, device="of today") == "proof_needed"


def test_it_ends_an_hour_after_the_surge(slot):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(51):
            take(slot, STRANGER)
        surges.watch()
        clock.shift(dt.timedelta(minutes=59))
        assert take(slot, STRANGER) == "proof_needed"
        clock.shift(dt.timedelta(minutes=2))
        assert surges.watch() == []
        assert take(slot, STRANGER) == "booked"


def test_while_it_goes_on_the_block_is_asked_for_another_hour(slot):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(51):
            take(slot, STRANGER)
        surges.watch()
        clock.shift(dt.timedelta(minutes=40))
        surges.watch()
        clock.shift(dt.timedelta(minutes=40))
        assert asked() == {block(STRANGER)}


# --- departments ---


def booked(department, count, *, weeks_ago=0):
    """So many events of members' bookings, at this hour of an earlier week."""
    ticket = make_ticket(slot=make_slot(department=department, quota=1, days_ahead=4, nth=weeks_ago))
    Ticket.objects.filter(pk=ticket.pk).update(origin_address="x")
    at = timezone.now() - dt.timedelta(weeks=weeks_ago, minutes=5)
    TicketEvent.objects.bulk_create(
        [TicketEvent(ticket=ticket, verb="book", to_state="booked", at=at) for _ in range(count)]
    )


def alarmed() -> set:
    alarms.watch()
    return set(Alarm.objects.open().filter(kind=Alarm.Kind.SURGE).values_list("department", flat=True))


@pytest.mark.parametrize(("times", "is_raised"), [(5, False), (4, True), (0, False)])
def test_how_many_times_the_usual_is_a_surge_is_the_departments(times, is_raised):
    loans, money = (make_open_department(alarm_surge_times=times, max_days_ahead=10) for _ in range(2))
    for week in range(1, 5):
        booked(loans, 19, weeks_ago=week)
        booked(money, 60, weeks_ago=week)
    booked(loans, 88)
    booked(money, 88)
    assert alarmed() == ({loans.pk} if is_raised else set())


def test_a_quiet_department_is_no_surge_below_fifty():
    loans = make_open_department(alarm_surge_times=1, max_days_ahead=10)
    booked(loans, 40)
    assert alarmed() == set()


def test_the_office_has_its_alarm_where_no_department_has_one():
    departments = [make_open_department(max_days_ahead=10) for _ in range(2)]
    for one in departments:
        booked(one, 40)
    assert alarmed() == {None}
    booked(departments[0], 20, weeks_ago=0)
    assert alarmed() == {departments[0].pk}


# --- staff --------------------------------------------------------------------------------------------------------


@pytest.fixture
def manager(client):
    client.force_login(make_user(group=roles.MANAGER))
    return client


def test_staff_see_the_alarm_and_decide_whether_everybody_is_asked(manager, slot):
    for _ in range(51):
        take(slot, STRANGER)
    surges.watch()
    assert "จองมากผิดปกติ 51 ใบใน 1 ชั่วโมง" in text(manager.get(reverse("admin:index")))
    page = reverse("admin:booking_ticket_origins")
    assert "1 แห่งแล้ว" in text(manager.get(page))
    assert take(slot, HOME) == "booked"

    manager.post(page, {"do": "ask"})
    assert take(slot, HOME) == "proof_needed"
    assert ProofAsked.objects.get(block="").by is not None
    manager.post(page, {"do": "stop"})
    assert take(slot, HOME) == take(slot, STRANGER) == "booked"


def test_a_clerk_sees_it_and_may_not_decide(client, slot):
    client.force_login(make_user(group=roles.CLERK))
    page = reverse("admin:booking_ticket_origins")
    assert "ขอหลักฐานจากทุกคน 2 ชั่วโมง" not in text(client.get(page))
    assert client.post(page, {"do": "ask"}).status_code == 403


def test_all_from_one_place_are_cancelled_together_and_their_members_told(manager, slot, settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = "on"
    for _ in range(12):
        take(slot, STRANGER, device="one telephone")
    take(slot, HOME)
    assert "มีบัตรคิวที่จองจากที่เดียวกันเกิน 10 ใบ มากที่สุด 12 ใบ" in text(manager.get(reverse("admin:index")))
    listed = manager.get(reverse("admin:booking_ticket_origins"))
    assert [(place["kind"], place["count"], place["members"]) for place in listed.context["places"]] == [
        ("address", 12, 12),
        ("device", 12, 12),
    ]
    address = reverse("admin:booking_ticket_origin", args=["address", origin_of(address=STRANGER, device="").address])
    tickets = list(manager.get(address).context["tickets"])
    assert len(tickets) == 12

    form = {"ticket": [ticket.pk for ticket in tickets[1:]]}
    assert manager.post(address, form).status_code == 200, "a reason is asked for"
    manager.post(address, form | {"reason": "จองโดยบุคคลอื่น"})

    states = {ticket.pk: type(ticket).objects.get(pk=ticket.pk).state for ticket in tickets}
    assert list(states.values()).count("cancelled") == 11 and states[tickets[0].pk] == "booked"
    assert tickets[1].notices.filter(kind="cancelled").exists()
    assert "มากที่สุด" not in text(manager.get(reverse("admin:index")))


def test_ten_from_one_place_are_not_many(manager, slot):
    for _ in range(10):
        take(slot, SCHOOL)
    assert manager.get(reverse("admin:booking_ticket_origins")).context["places"] == []
