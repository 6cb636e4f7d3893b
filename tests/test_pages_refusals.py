"""Each refusal comes with the next thing to do, and nothing chosen is lost."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from booking import errors, thai, verbs
from booking.models import Place, Slot, Ticket
from booking.views import refusals
from members.codes import issue_code
from tests.factories import (
    in_days,
    make_exception,
    make_holiday,
    make_member,
    make_open_department,
    make_ticket,
    make_user,
)
from tests.pages import chosen_slot, confirm_name, hold, key_of, send_times, text, ticket_at, times_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    return make_open_department(quota=1)


@pytest.fixture
def slots(department):
    return list(Slot.objects.of_day(department, in_days(1)))


@pytest.fixture
def ready(client, department):
    """A member with the name confirmed and the times before them; gives the form's key."""
    member, _ = confirm_name(client, department)
    return member, key_of(times_page(client, department))


def test_full_meanwhile_the_same_day_again_with_the_nearest_free_time_chosen(client, department, slots, ready):
    for slot in (slots[2], slots[3]):
        make_ticket(slot=slot)
    answer = send_times(client, department, slots[2], key=ready[1])
    page = client.get(answer["Location"])
    assert str(errors.SlotFull.message) in text(page)
    assert "เวลาว่างที่ใกล้ที่สุดคือ 09.00 น." in text(page)
    assert chosen_slot(page) == slots[1].pk
    assert "วันนี้" not in answer["Location"]


def test_full_meanwhile_on_a_day_that_has_nothing_left(client, department, slots, ready):
    for slot in slots:
        make_ticket(slot=slot)
    answer = send_times(client, department, slots[2], key=ready[1])
    page = client.get(answer["Location"], follow=True)
    assert page.redirect_chain[-1][0].startswith(reverse("days", args=[department.slug]))
    assert str(errors.DayFull.message) in text(page)


def test_already_booked_on_this_device_opens_that_ticket(client, department, slots, ready):
    ticket = make_ticket(member=ready[0], slot=slots[0])
    hold(client, ticket)
    answer = send_times(client, department, slots[1], key=ready[1])
    assert ticket_at(answer["Location"]) == ticket
    assert str(errors.AlreadyBooked.message) in text(client.get(answer["Location"]))


def test_already_booked_elsewhere_says_how_to_find_it_and_nothing_of_it(client, department, slots, ready):
    ticket = make_ticket(member=ready[0], slot=slots[0])
    answer = send_times(client, department, slots[1], key=ready[1])
    page = client.get(answer["Location"])
    assert answer["Location"].startswith(reverse("days", args=[department.slug]))
    assert str(errors.AlreadyBooked.message) in text(page)
    assert "เปิดบัตรคิวใบเดิมได้จากเครื่องที่ใช้จอง" in text(page)
    for secret in (ticket.public_id, ticket.code, ticket.secret):
        assert secret not in page.content.decode()


@pytest.mark.parametrize("proof", ["code", "phone"])
def test_already_booked_elsewhere_opens_for_a_clerks_code_and_not_for_a_telephone(
    client, department, slots, settings, proof
):
    settings.MEMBER_PROOF = "phone_last4"
    member = make_member(phone="0812345678")
    ticket = make_ticket(member=member, slot=slots[0])
    given = issue_code(member=member, by=make_user()) if proof == "code" else "5678"
    confirm_name(client, department, member=member, proof=given)

    answer = send_times(client, department, slots[1], key=key_of(times_page(client, department)))

    page = client.get(answer["Location"])
    assert str(errors.AlreadyBooked.message) in text(page)
    is_theirs = proof == "code"
    assert (ticket.code in text(page)) is is_theirs
    assert (thai.long_date(ticket.date) in text(page) and "ยกเลิก" in text(page)) is is_theirs
    assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == (200 if is_theirs else 404)


def test_the_page_of_a_ticket_sent_again_for_another_time_opens_that_ticket(client, department, slots, ready):
    booked = ticket_at(send_times(client, department, slots[0], key=ready[1])["Location"])
    answer = send_times(client, department, slots[1], key=ready[1])
    assert ticket_at(answer["Location"]) == booked
    assert str(errors.AlreadyBooked.message) in text(client.get(answer["Location"]))


def test_a_used_form_is_renewed_with_the_time_still_chosen(client, department, slots, ready):
    booked = ticket_at(send_times(client, department, slots[0], key=ready[1])["Location"])
    verbs.cancel(ticket=booked)
    page = client.get(send_times(client, department, slots[1], key=ready[1])["Location"])
    assert chosen_slot(page) == slots[1].pk
    assert key_of(page) != ready[1]
    asked = send_times(client, department, slots[1], key=key_of(page))["Location"]
    assert asked == f"{reverse('identify', args=[department.slug])}?why=identity_used&slot={slots[1].pk}"


@pytest.mark.parametrize(
    ("close", "said"),
    [
        ("holiday", "ปิด: วันหยุดพิเศษ"),
        ("closure", "ปิด กรุณาเลือกวันอื่น"),
        ("retired", str(errors.DayClosed.message)),
    ],
)
def test_closed_meanwhile_the_days_with_the_reason(client, department, slots, ready, close, said):
    if close == "holiday":
        make_holiday(date=in_days(1), name="วันหยุดพิเศษ")
    elif close == "closure":
        make_exception(department, date=in_days(1), quota=0)
    Place.objects.filter(slot__date=in_days(1)).delete()
    if close == "retired":
        Slot.objects.filter(date=in_days(1)).delete()
    else:
        Slot.objects.filter(date=in_days(1)).update(quota=0)
    answer = send_times(client, department, slots[0], key=ready[1])
    page = client.get(answer["Location"])
    assert answer["Location"].startswith(reverse("days", args=[department.slug]))
    assert said in text(page)


def test_window_passed_the_times_that_are_left(client, department, slots, ready):
    at = slots[2].bookable_until + dt.timedelta(seconds=1)
    member, key = ready
    with time_machine.travel(at):
        confirm_name(client, department, member=member)
        answer = send_times(client, department, slots[2], key=key, days_ahead=0)
        page = client.get(answer["Location"])
    assert str(errors.WindowPassed.message) in text(page)
    assert chosen_slot(page) == slots[3].pk


def test_window_passed_for_the_whole_day(client, department, slots, ready):
    with time_machine.travel(slots[-1].bookable_until + dt.timedelta(seconds=1)):
        confirm_name(client, department, member=ready[0])
        answer = send_times(client, department, slots[0], key=ready[1], days_ahead=0)
        page = client.get(answer["Location"], follow=True)
    assert page.redirect_chain[-1][0].startswith(reverse("days", args=[department.slug]))
    assert str(errors.DayClosed.message) in text(page)


def test_not_yet_open(client, department, slots, ready):
    Slot.objects.update(bookable_from=timezone.now() + dt.timedelta(hours=1))
    answer = send_times(client, department, slots[0], key=ready[1])
    assert str(errors.NotYetOpen.message) in text(client.get(answer["Location"]))


def test_no_longer_a_member(client, department, slots, ready):
    ready[0].is_registered = False
    ready[0].save(update_fields=["is_registered"])
    page = client.get(send_times(client, department, slots[0], key=ready[1])["Location"])
    assert str(errors.NotRegistered.message) in text(page)
    assert reverse("status") in page.content.decode()


def test_identity_expired_leads_back_to_the_chosen_time(client, department, slots, ready):
    member, key = ready
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=16)):
        answer = send_times(client, department, slots[4], key=key)
        page = client.get(answer["Location"])
        assert str(errors.WhoAgain.message) in text(page)
        assert f'name="slot" value="{slots[4].pk}"' in page.content.decode()
        assert not Ticket.objects.exists()

        _, after_yes = confirm_name(client, department, member=member, slot=slots[4])
        page = client.get(after_yes["Location"])
        assert chosen_slot(page) == slots[4].pk
        answer = send_times(client, department, slots[4], key=key_of(page))
        assert ticket_at(answer["Location"]).slot == slots[4]


def test_the_slot_is_kept_when_the_first_name_was_somebody_elses(client, department, slots):
    member = make_member()
    answer = client.post(
        reverse("identify", args=[department.slug]),
        {"by": "member_number", "member_number": member.member_number, "slot": slots[4].pk},
    )
    answer = client.post(answer["Location"], {"answer": "no", "slot": slots[4].pk})
    assert f'name="slot" value="{slots[4].pk}"' in client.get(answer["Location"]).content.decode()


def test_a_slot_of_another_department_is_not_led_back_to(client, department):
    other = make_open_department()
    slot = Slot.objects.of_day(other, in_days(1))[0]
    _, after_yes = confirm_name(client, department, slot=slot)
    assert after_yes["Location"] == reverse("days", args=[department.slug])


def test_nothing_chosen(client, department, ready):
    answer = send_times(client, department, None, key=ready[1])
    page = client.get(answer["Location"])
    assert str(errors.NoTimeChosen.message) in text(page)
    assert times_page(client, department).status_code == 200


def test_a_made_up_reason_is_not_shown(client, department):
    page = client.get(reverse("days", args=[department.slug]), {"why": "<script>alert(1)</script>"})
    assert "note-refused" not in page.content.decode()


@pytest.mark.parametrize("kind", errors.REFUSALS, ids=lambda kind: kind.code)
def test_every_refusal_has_a_sentence_that_a_page_can_show(rf, kind):
    request = rf.get("/", {"why": kind.code})
    assert str(refusals.why(request)["message"])
