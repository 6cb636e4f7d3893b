"""A member who looks after others: consent, by whom and how; what it opens, and that it ends at once."""

import datetime as dt
import time
from unittest.mock import Mock

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from booking import retention, verbs
from booking.models import Slot, Ticket
from booking.verbs import family as family_verbs
from booking.verbs.merging import merge_members
from booking.views import visitor
from members import accounts, family
from members.codes import issue_code
from members.errors import CareIsOver, TooManyCared, WrongCode
from members.models import Care, LineAccount, LinkingCode
from tests.factories import make_member, make_open_department, make_slot, make_ticket, make_user
from tests.pages import hold, key_of, send_times, text, ticket_at, times_page
from tests.racing import race

pytestmark = pytest.mark.django_db

PAGE, ADD, ACCEPT, END, FOR = (reverse(f"family{name}") for name in ("", "_add", "_accept", "_end", "_for"))
SECRET = "ดอกไม้ริมรั้วบ้าน"
HERE = {"device": "", "address": "203.0.113.7"}


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL = ""


def signed_in(client, member):
    accounts._set(member, SECRET)
    client.post(reverse("member"), {"member_number": member.member_number, "password": SECRET})
    return client


def asks(client, member):
    """Ask on the page, and let the worker do its work."""
    answer = client.post(ADD, {"member_number": member.member_number, "code": ""})
    run_jobs()
    return answer


def run_jobs() -> None:
    for row in OrmQ.objects.all():
        task = SignedPackage.loads(row.payload)
        if task["func"] == "members.family.write_down":
            family.write_down(*task["args"])
        row.delete()


def consent(carer, member, proved_by="password") -> Care:
    now = timezone.now()
    return Care.objects.create(carer=carer, member=member, asked_at=now, began_at=now, proved_by=proved_by)


def by_line(member) -> Client:
    """A device on which LINE has signed the member in."""
    account = LineAccount.objects.create(member=member, user_id="U1", linked_at=timezone.now(), proved_by="code")
    answer, device = HttpResponse(), Client()
    visitor.remember_line(answer, account)
    device.cookies.update(answer.cookies)
    return device


@pytest.fixture
def carer(client):
    """Signed in on `client`."""
    carer = make_member(given_name="วิชัย")
    signed_in(client, carer)
    return carer


@pytest.fixture
def mother():
    return make_member(given_name="สมศรี", member_number="660066")


# --- consent ---


def test_the_other_signs_in_and_consents(client, carer, mother):
    answer = client.get(asks(client, mother)["Location"])
    assert "ขอแล้ว" in text(answer)
    assert mother.full_name not in text(answer)
    theirs = signed_in(Client(), mother)
    assert "มีผู้ขอดูแลคิวของท่าน" in text(theirs.get(reverse("member")))
    assert carer.full_name in text(theirs.get(PAGE))
    care = Care.objects.get()

    assert "ยินยอมแล้ว" in text(theirs.post(ACCEPT, {"care": care.pk}, follow=True))

    care.refresh_from_db()
    assert (care.carer, care.member, care.proved_by) == (carer, mother, "password")
    assert mother.full_name in text(client.get(PAGE))
    assert carer.full_name in text(theirs.get(PAGE))


@pytest.mark.parametrize(("way", "kept"), [("line", "line"), ("password", "password"), ("both", "password")])
def test_what_proved_who_consented_is_kept(client, carer, mother, way, kept):
    asks(client, mother)
    theirs = by_line(mother) if way in ("line", "both") else Client()
    if way != "line":
        signed_in(theirs, mother)
    assert carer.full_name in text(theirs.get(PAGE))

    assert theirs.post(ACCEPT, {"care": Care.objects.get().pk})["Location"] == f"{PAGE}?done=accepted"

    assert Care.objects.get().proved_by == kept
    assert theirs.get(reverse("held_file")).json()["family"][0]["proved_by"] == kept


def test_a_clerks_code_does_it_at_once_and_is_used_up(client, carer, mother):
    code = issue_code(member=mother, by=make_user())

    answer = client.post(ADD, {"member_number": mother.member_number, "code": code}, follow=True)

    assert mother.full_name in text(answer)
    assert Care.objects.get().proved_by == "code"
    assert LinkingCode.objects.get().used_at is not None
    with pytest.raises(WrongCode):
        family.begin_by_code(carer=make_member(), member_number=mother.member_number, code=code, **HERE)


def test_nothing_tells_whether_there_is_such_a_member(client, carer, mother):
    def says(number, code=""):
        answer = client.post(ADD, {"member_number": number, "code": code})
        run_jobs()
        page = client.get(answer["Location"]) if answer.status_code == 302 else answer
        kept = text(client.get(PAGE)) + str(client.get(reverse("held_file")).json()["family"])
        return answer.status_code, text(page).replace(number, ""), kept

    assert says(mother.member_number) == says("999888")
    assert says(mother.member_number, "12345678") == says("999888", "12345678")
    assert says(carer.member_number)[0] == 302
    assert Care.objects.count() == 1


def test_only_who_was_asked_consents(client, carer, mother):
    asks(client, mother)
    care = Care.objects.get()

    for who in (client, signed_in(Client(), make_member())):
        assert who.post(ACCEPT, {"care": care.pk})["Location"] == f"{PAGE}?done=over"
    assert Client().post(ACCEPT, {"care": care.pk})["Location"] == reverse("privacy")

    care.refresh_from_db()
    assert care.began_at is None
    with time_machine.travel(timezone.now() + dt.timedelta(days=8), tick=False), pytest.raises(CareIsOver):
        family.accept(member=mother, care_id=care.pk, proved_by="password")


def test_refusing_ends_it(client, carer, mother):
    family.ask(carer=carer, member_number=mother.member_number, **HERE)
    run_jobs()
    theirs = signed_in(Client(), mother)

    theirs.post(END, {"care": Care.objects.get().pk})

    assert not family.asked_of(mother).exists()
    assert carer.full_name not in text(theirs.get(PAGE))


def test_six_at_most(client, carer, mother):
    for _ in range(family.MOST):
        consent(carer, make_member())

    answer = client.post(ADD, {"member_number": mother.member_number, "code": ""})

    assert answer.status_code == 422
    assert "ไม่เกิน 6 ท่าน" in text(answer)
    care = Care.objects.create(carer=carer, member=mother, asked_at=timezone.now())
    with pytest.raises(TooManyCared):
        family.accept(member=mother, care_id=care.pk, proved_by="line")
    with pytest.raises(TooManyCared):
        family.begin_by_code(carer=carer, member_number="1", code="1", **HERE)


def test_after_ten_wrong_codes_a_day_a_clerks_alone_counts(carer, mother):
    sent, of_a_clerk = (issue_code(member=mother, by=by) for by in (None, make_user()))
    for nth in range(10):
        with pytest.raises(WrongCode):
            family.begin_by_code(carer=carer, member_number=mother.member_number, code="00000000", device="",
                                 address=f"198.51.100.{nth}")  # fmt: skip
    with pytest.raises(WrongCode):
        family.begin_by_code(carer=carer, member_number=mother.member_number, code=sent, **HERE)
    family.begin_by_code(carer=carer, member_number=mother.member_number, code=of_a_clerk, **HERE)
    assert Care.objects.get().began_at


def test_a_right_code_that_finds_no_room_is_no_wrong_one(carer, mother, monkeypatch):
    code = issue_code(member=mother, by=make_user())
    monkeypatch.setattr(family, "_lock_and_require_room", Mock(side_effect=TooManyCared))
    for nth in range(12):
        with pytest.raises(TooManyCared):
            family.begin_by_code(carer=carer, member_number=mother.member_number, code=code, device="",
                                 address=f"198.51.100.{nth}")  # fmt: skip
    monkeypatch.undo()
    family.begin_by_code(carer=carer, member_number=mother.member_number, code=code, **HERE)


# --- what it opens ---


def test_one_telephone_books_for_the_other_by_name(client, carer, mother):
    department = make_open_department()
    consent(carer, mother)
    days = reverse("days", args=[department.slug])
    assert f"จองให้ {mother.full_name}" in text(client.get(days))

    answer = client.post(FOR, {"member": mother.pk, "next": days})

    assert answer["Location"] == days
    page = client.get(days)
    assert f"จองในชื่อ {mother.full_name}" in text(page)
    assert f"จองให้ {carer.full_name}" in text(page)
    page = times_page(client, department)
    booked = send_times(client, department, make_slot(department=department), key=key_of(page))["Location"]
    ticket = ticket_at(booked)
    assert ticket.member == mother
    assert "เมื่อท่านเข้าสู่ระบบ" in text(client.get(booked)), "nothing of it is kept on this device"
    assert "อยู่ในโทรศัพท์เครื่องนี้" not in text(client.get(booked))
    client.post(FOR, {"member": carer.pk, "next": days})
    assert f"จองในชื่อ {carer.full_name}" in text(client.get(days))


def test_one_telephone_sees_moves_and_cancels_for_the_other(client, carer, mother):
    ticket = make_ticket(member=mother)
    assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 404
    consent(carer, mother)

    for address in (reverse("tickets"), reverse("member"), reverse("ticket", args=[ticket.public_id])):
        assert mother.full_name in text(client.get(address))
    assert client.get(reverse("ticket_move_days", args=[ticket.public_id])).status_code == 200
    client.post(reverse("ticket_cancel", args=[ticket.public_id]))

    ticket.refresh_from_db()
    assert ticket.state == "cancelled"


@pytest.mark.parametrize("side", ["carer", "member"])
def test_either_side_ends_it_at_once(client, carer, mother, side):
    department = make_open_department()
    care = consent(carer, mother)
    days = reverse("days", args=[department.slug])
    client.post(FOR, {"member": mother.pk, "next": days})
    key = key_of(times_page(client, department))
    slot = make_slot(department=department)
    ticket = ticket_at(send_times(client, department, slot, key=key)["Location"])
    page = reverse("ticket", args=[ticket.public_id])
    assert client.get(page).status_code == 200
    by = client if side == "carer" else signed_in(Client(), mother)

    by.post(END, {"care": care.pk})

    care.refresh_from_db()
    assert (care.ended_by, care.ended_at is not None) == (side, True)
    assert client.get(page).status_code == 404
    assert mother.full_name not in text(client.get(reverse("tickets"))) + text(client.get(PAGE))
    assert f"จองในชื่อ {carer.full_name}" in text(client.get(days))
    assert by.post(END, {"care": care.pk})["Location"] == f"{PAGE}?done=over"


def moves(client, ticket) -> Ticket:
    """Move a ticket to the next time of its day, on its page."""
    later = Slot.objects.of_day(ticket.department, ticket.date)[1]
    key = {"slot": later.pk, "key": "00000000-0000-4000-8000-000000000001"}
    return ticket_at(client.post(reverse("ticket_move", args=[ticket.public_id, ticket.date]), key)["Location"])


@pytest.mark.parametrize("who", ["carer", "mother", "staff"])
def test_what_was_moved_is_on_no_device_after_the_end(client, carer, mother, who):
    ticket, care = make_ticket(member=mother), consent(carer, mother)
    if who == "staff":
        later = Slot.objects.of_day(ticket.department, ticket.date)[1]
        moved = verbs.reschedule(ticket=ticket, slot_id=later.pk, key="k", by=make_user())
        moved = Ticket.objects.get(pk=moved.ticket_id)
    else:
        moved = moves(client if who == "carer" else signed_in(Client(), mother), ticket)
    for one in (ticket, moved):
        client.get(reverse("ticket", args=[one.public_id]))  # the old one leads to the new one
    assert client.get(reverse("ticket", args=[moved.public_id])).status_code == 200

    family.end(by=mother, care_id=care.pk)

    for one in (ticket, moved):
        assert client.get(reverse("ticket", args=[one.public_id])).status_code == 404
    client.post(reverse("ticket_cancel", args=[moved.public_id]))
    moved.refresh_from_db()
    assert moved.state == "booked"
    assert moved.code not in text(client.get(reverse("tickets")))


def test_what_a_device_opened_by_its_secret_it_keeps_through_a_move(client, carer, mother):
    ticket = make_ticket(member=mother)
    hold(client, ticket)
    care = consent(carer, mother)

    moved = moves(client, ticket)
    family.end(by=mother, care_id=care.pk)

    assert client.get(reverse("ticket", args=[moved.public_id])).status_code == 200


def test_by_line_one_books_for_both_and_again_for_the_other(carer, mother):
    """The form's key tells the bookings apart, though the device keeps none of the family's tickets."""
    phone = by_line(carer)
    department = make_open_department()
    slot = make_slot(department=department)
    consent(carer, mother)

    def books(member):
        phone.post(FOR, {"member": member.pk})
        key = key_of(times_page(phone, department))
        return ticket_at(send_times(phone, department, slot, key=key)["Location"])

    hers, his = books(mother), books(carer)
    verbs.cancel(ticket=hers)
    again = books(mother)

    assert [one.member for one in (hers, his, again)] == [mother, carer, mother]
    assert again != hers


def test_six_at_most_also_when_two_consent_at_once(carer):
    """The carer's row is locked: told by the statement, since a race of two would seldom meet."""
    member = make_member()
    care = Care.objects.create(carer=carer, member=member, asked_at=timezone.now())
    with CaptureQueriesContext(connection) as captured:
        family.accept(member=member, care_id=care.pk, proved_by="line")
    statements = [one["sql"] for one in captured.captured_queries]
    locks = [nth for nth, sql in enumerate(statements) if "FOR NO KEY UPDATE" in sql and "members_member" in sql]
    counts = [nth for nth, sql in enumerate(statements) if "COUNT" in sql]
    assert locks[0] < counts[0]


def test_a_stranger_chooses_nobody(client, carer, mother):
    department = make_open_department()
    consent(mother, make_member())
    days = reverse("days", args=[department.slug])

    client.post(FOR, {"member": mother.pk, "next": "https://elsewhere.example/"})

    assert f"จองในชื่อ {carer.full_name}" in text(client.get(days))
    assert client.post(FOR, {"next": "https://elsewhere.example/"})["Location"] == reverse("home")


def test_a_choice_is_of_who_made_it(client, carer, mother):
    """Husband and wife on one telephone, who both look after her mother."""
    wife, department = make_member(given_name="วันดี"), make_open_department()
    for one in (carer, wife):
        consent(one, mother)
    client.post(FOR, {"member": mother.pk})
    client.post(reverse("member_leave"))
    signed_in(client, wife)

    assert f"จองในชื่อ {wife.full_name}" in text(client.get(reverse("days", args=[department.slug])))


def test_the_other_way_round_it_opens_nothing(client, carer, mother):
    consent(mother, carer)  # she looks after him
    ticket = make_ticket(member=mother)

    assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 404
    assert ticket.code not in text(client.get(reverse("tickets")))


def test_a_booking_whose_consent_has_ended_meanwhile_is_none(client, carer, mother, monkeypatch):
    department = make_open_department()
    care = consent(carer, mother)
    client.post(FOR, {"member": mother.pk})
    key = key_of(times_page(client, department))
    real = family.lock

    def just_then(**who):
        family.end(by=mother, care_id=care.pk)
        real(**who)

    monkeypatch.setattr(family, "lock", just_then)
    answer = send_times(client, department, make_slot(department=department), key=key)

    assert answer["Location"] == f"{PAGE}?done=over"
    assert not Ticket.objects.exists()


# --- where it ends besides ---


def test_erasing_and_merging_end_it_and_leaving_pauses_it(carer, mother):
    consent(carer, mother)
    twin = make_member(member_number="0660066")
    consent(carer, twin)
    merge_members(kept=mother, dropped=twin, by=make_user())
    assert [care.member for care in family.of_carer(carer)] == [mother]
    type(mother).objects.filter(pk=mother.pk).update(left_at=timezone.now())
    assert not family.of_carer(carer).exists()
    type(mother).objects.filter(pk=mother.pk).update(left_at=None)

    verbs.erase_member(member=mother, by=make_user())

    assert not Care.objects.exists()


def test_both_find_it_in_what_is_held_of_them(client, carer, mother):
    consent(carer, mother, "line")

    [mine] = client.get(reverse("held_file")).json()["family"]
    [hers] = signed_in(Client(), mother).get(reverse("held_file")).json()["family"]

    assert (mine["who"], mine["name"], mine["proved_by"]) == ("ท่านดูแล", mother.full_name, "line")
    assert (hers["who"], hers["name"]) == ("ผู้ดูแลท่าน", carer.full_name)


def test_what_a_device_opened_by_its_secret_stays(client, carer, mother):
    ticket = make_ticket(member=mother)
    hold(client, ticket)
    family.end(by=mother, care_id=consent(carer, mother).pk)

    assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 200


# --- at the same moment ---


def booked_after_the_end(monkeypatch) -> int:
    """How many tickets appear after the end of consent has been said, where a booking is under way at that moment."""
    department = make_open_department()
    slot, carer, mother = make_slot(department=department), make_member(), make_member()
    care = consent(carer, mother)
    real = family_verbs.book

    def slowly(**booking):
        time.sleep(0.3)
        return real(**booking)

    monkeypatch.setattr(family_verbs, "book", slowly)

    def books(_round):
        family_verbs.book_for(carer_id=carer.pk, member_id=mother.pk, slot_id=slot.pk, key="k")
        return "booked"

    def ends(_round):
        time.sleep(0.1)
        family.end(by=mother, care_id=care.pk)
        return Ticket.objects.filter(member=mother).count()

    [[_booked, seen_at_the_end]] = race(books, ends)
    return Ticket.objects.filter(member=mother).count() - seen_at_the_end


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_nothing_is_booked_after_consent_has_ended(monkeypatch):
    assert booked_after_the_end(monkeypatch) == 0


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_control_that_only_looks_books_after_it(monkeypatch):
    monkeypatch.setattr(family, "lock", lambda *, carer_id, member_id: family.consented().get(carer_id=carer_id))
    assert booked_after_the_end(monkeypatch) == 1


def test_what_is_over_is_kept_as_long_as_changes_and_what_nobody_answered_for_a_week(settings):
    settings.KEEP_HISTORY_DAYS = 100
    ago = lambda days: timezone.now() - dt.timedelta(days=days)  # noqa: E731
    rows = {"asked long ago": (8, None, None), "asked": (6, None, None), "ended long ago": (300, 300, 101)}
    rows |= {"ended": (300, 300, 99), "goes on": (300, 300, None)}
    for asked, began, ended in rows.values():
        Care.objects.create(carer=make_member(), member=make_member(), asked_at=ago(asked),
                            began_at=began and ago(began), ended_at=ended and ago(ended))  # fmt: skip

    assert "ครอบครัว 2 " in retention.forget_old()

    assert Care.objects.count() == 3
