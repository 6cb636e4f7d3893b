"""A member of staff sees and changes the tickets of the departments that are theirs; of others, number and state."""

import uuid

import pytest
from django.urls import reverse

from booking import errors, roles, verbs
from booking.models import StaffDepartment, Ticket
from booking.models.staff import departments_of
from booking.models.tickets import State
from booking.models.tokens import issue_token
from booking.verbs import seats
from members.origins import origin_of
from tests.factories import (
    make_counter,
    make_holiday,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours():
    return make_open_department(name="ฝ่ายสินเชื่อ")


@pytest.fixture
def others():
    return make_open_department(name="ฝ่ายการเงิน")


@pytest.fixture
def clerk(ours):
    user = make_user(group=roles.HEAD)
    StaffDepartment.objects.create(user=user, department=ours)
    return user


@pytest.fixture
def theirs(others):
    return make_ticket(department=others, member=make_member(given_name="มะลิวัลย์", family_name="ใจกว้าง"))


@pytest.mark.parametrize(
    ("group", "chosen", "all_of_them"),
    [(roles.CLERK, False, True), (roles.CLERK, True, False), (roles.MANAGER, True, True), (roles.AUDITOR, True, True)],
)
def test_who_has_which(ours, group, chosen, all_of_them):
    user = make_user(group=group)
    if chosen:
        StaffDepartment.objects.create(user=user, department=ours)
    assert departments_of(user) == (None if all_of_them else {ours.pk})


def test_the_back_office_shows_number_and_state_alone(client, clerk, ours, theirs):
    own = make_ticket(department=ours, member=make_member(given_name="สมศักดิ์"))
    client.force_login(clerk)

    listed = client.get(reverse("admin:booking_ticket_changelist")).text
    assert own.member.full_name in listed
    assert theirs.code in listed
    page = client.get(reverse("admin:booking_ticket_change", args=[theirs.pk])).text
    assert theirs.code in page
    for shown in (listed, page):
        assert theirs.member.given_name not in shown
        assert theirs.member.member_number not in shown
    for text in (theirs.member.given_name, theirs.member.member_number):
        found = client.get(reverse("admin:booking_ticket_changelist"), {"q": text}).text
        assert f">{theirs.code}<" not in found
    assert own.member.full_name in client.get(reverse("admin:booking_ticket_change", args=[own.pk])).text


@pytest.mark.parametrize("page", ["cancel", "move"])
def test_the_back_office_changes_none_of_others(client, clerk, theirs, page):
    client.force_login(clerk)
    address = reverse(f"admin:booking_ticket_{page}", args=[theirs.pk])
    assert client.get(address).status_code == 403
    assert client.post(address, {"reason": "ลองดู"}).status_code == 403
    theirs.refresh_from_db()
    assert theirs.state == State.BOOKED


def test_closed_times_and_the_end_of_the_day_are_those_of_their_departments(client, clerk, others, theirs):
    make_holiday(date=theirs.date, name="หยุด", is_confirmed=True)
    client.force_login(clerk)

    page = client.get(reverse("admin:booking_ticket_closed"))
    assert theirs.member.given_name not in page.text
    client.post(reverse("admin:booking_ticket_closed"), {"ticket": [theirs.pk], "choice": "cancel", "reason": "ปิด"})
    theirs.refresh_from_db()
    assert theirs.state == State.BOOKED
    client.post(reverse("admin:booking_ticket_close_day"), {"do": "close", "department": [others.pk]})
    assert others.title not in client.get(reverse("admin:booking_ticket_close_day")).context["departments"].values_list(
        "name"
    )


def test_they_sit_at_counters_of_their_departments_alone(client, clerk, ours, others):
    both = make_counter(departments=[ours, others])
    seats.sign_out(counter=both, by=both.clerk)
    with pytest.raises(errors.NotYourCounter):
        seats.sign_in(counter=both, by=clerk)
    assert make_counter(departments=[ours], clerk=clerk).clerk == clerk
    client.force_login(clerk)
    answer = client.post(reverse("counter_sit", args=[both.number]), follow=True)
    assert "ฝ่ายที่ไม่ใช่ของท่าน" in answer.text


def test_the_kiosk_of_a_department_receives_for_that_one_alone(client, ours, others):
    tablet = make_user(group=roles.KIOSK)
    StaffDepartment.objects.create(user=tablet, department=ours)
    client.force_login(tablet)
    page = client.get(reverse("kiosk"))
    assert [choice["department"] for choice in page.context["choices"]] == [ours]
    for method in (client.get, client.post):
        assert method(reverse("kiosk_issue", args=[others.slug])).status_code == 404
    assert client.post(reverse("kiosk_issue", args=[ours.slug]), {"key": uuid.uuid4()}).status_code == 302

    elsewhere = make_ticket(department=others, days_ahead=0)
    refused = client.post(reverse("kiosk_check_in"), {"ticket": elsewhere.code})
    assert refused.status_code == 422 and "เป็นของฝ่ายอื่น" in refused.text
    elsewhere.refresh_from_db()
    assert elsewhere.state == State.BOOKED


def test_a_token_issues_walk_ins_of_its_departments_alone(client, clerk, ours, others):
    answers = [
        client.post(
            "/api/v1/walk-ins/",
            {"department": department.slug},
            content_type="application/json",
            headers={"Authorization": f"Token {issue_token(clerk)}"},
        )
        for department in (ours, others)
    ]
    assert [answer.status_code for answer in answers] == [201, 403]
    assert answers[1].json()["code"] == "not_permitted"


def test_tickets_from_one_place_are_counted_and_cancelled_in_their_departments_alone(client, clerk, ours, others):
    where = origin_of(address="198.51.100.66", device="")
    for department, count in ((ours, 11), (others, 2)):
        for nth in range(count):
            slot = make_slot(department=department, days_ahead=2, nth=nth // 4)
            verbs.book(
                member_id=make_member().pk, slot_id=slot.pk, key=f"{department} {nth}", origin=where, is_proven=True
            )
    client.force_login(clerk)
    places = client.get(reverse("admin:booking_ticket_origins")).context["places"]
    assert [place["count"] for place in places] == [11]
    page = reverse("admin:booking_ticket_origin", args=["address", where.address])
    assert len(client.get(page).context["tickets"].object_list) == 11
    every = list(Ticket.objects.values_list("pk", flat=True))
    client.post(page, {"ticket": every, "reason": "จองโดยบุคคลอื่น"})
    assert Ticket.objects.filter(department=ours, state=State.CANCELLED).count() == 11
    assert Ticket.objects.filter(department=others, state=State.BOOKED).count() == 2


def test_the_counter_shows_number_and_state_of_others(client, clerk, ours, others):
    counter = make_counter(departments=[ours], clerk=clerk)
    other = make_walk_in(department=others, by=clerk, member_id=make_member(given_name="มะลิวัลย์").pk)
    client.force_login(clerk)

    page = client.post(reverse("counter_find", args=[counter.number]), {"text": other.code}, follow=True).text
    assert other.code in page
    assert "บัตรคิวนี้เป็นของฝ่ายอื่น" in page
    assert "มะ" not in page.split("บัตรคิวนี้เป็นของฝ่ายอื่น")[1].split("</section>")[0]
    answer = client.post(reverse("counter_press_for", args=[counter.number, other.public_id, "cancel"]))
    assert answer.status_code == 422
    other.refresh_from_db()
    assert other.state == State.WAITING


def test_a_ticket_passed_on_to_them_is_theirs(client, clerk, ours, others):
    colleague = make_user(group=roles.CLERK)
    at_others = make_counter(departments=[others], clerk=colleague)
    ticket = make_walk_in(department=others, by=colleague)
    verbs.call_next(counter=at_others, by=colleague)
    verbs.start(counter=at_others, by=colleague)
    verbs.transfer(counter=at_others, to=ours, by=colleague)

    client.force_login(clerk)
    assert client.get(reverse("admin:booking_ticket_cancel", args=[ticket.pk])).status_code == 200


def test_the_api_changes_none_of_others(client, clerk, others):
    other = make_walk_in(department=others, by=clerk)
    counter = make_counter(departments=[others])
    seats.sign_out(counter=counter, by=counter.clerk)
    header = {"Authorization": f"Token {issue_token(clerk)}"}

    taken_back = client.post(f"/api/v1/tickets/{other.public_id}/undo-check-in/", headers=header)
    called = client.post(f"/api/v1/counters/{counter.number}/call-next/", headers=header)

    assert (taken_back.status_code, taken_back.json()["code"]) == (403, "not_permitted")
    assert (called.status_code, called.json()["code"]) == (409, "not_your_counter")
