"""What is offered to who waits, in LINE's chat: seen, taken and left by the account it is for, and by who looks after
its member; by nobody else."""

import datetime as dt

import pytest

from booking import verbs
from booking.messages import offers
from booking.models import Ticket, WaitingEntry
from booking.verbs import waiting
from members import family
from queuesite.demo import fake_line, line_shapes
from tests.clock import standing_still, today_at
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket
from tests.test_family import consent
from tests.test_family_chat import linked
from tests.test_webhook import buttons, say, tap

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("server")]
clock = standing_still(today_at("8.00"), autouse=True)
HERS, HIS, OTHERS, NOBODYS = (fake_line.user_id(100000 + nth) for nth in range(1, 5))


@pytest.fixture(autouse=True)
def public_url(settings):
    settings.PUBLIC_URL = "https://queue.example"


@pytest.fixture
def somsri():
    return linked(make_member(given_name="สมศรี", email=""), HERS)


@pytest.fixture
def department():
    return make_open_department(
        quota=1, opens=dt.time(9), closes=dt.time(9, 30), max_days_ahead=2, has_waiting_list=True, name="ฝ่ายสินเชื่อ"
    )


@pytest.fixture
def full(department):
    return make_ticket(slot=make_slot(department=department))


@pytest.fixture
def entry(department, full, somsri):
    return waiting.join(member_id=somsri.pk, department=department, date=in_days(1))


@pytest.fixture
def offered(entry, full):
    verbs.cancel(ticket=full)
    assert waiting.offer_free_places() == 1
    return entry


def ending(entry) -> str:
    return WaitingEntry.objects.get(pk=entry.pk).ending


def test_the_message_of_an_offer_takes_it_by_one_tap(client, server, somsri, offered):
    offers.send_owed()
    [push] = server.pushes
    assert line_shapes.faults_of_messages(push["messages"]) == []
    shown = buttons(push)
    assert list(shown) == ["รับคิวนี้", "ไม่รับคิวนี้", "เปิดดูคิวนี้"]

    answer = tap(client, server, shown["รับคิวนี้"], user=HERS)

    ticket = Ticket.objects.get(member=somsri)
    assert "จองคิวแล้ว" in answer and ticket.code in answer and "9.00 น." in answer
    assert ending(offered) == "booked"
    assert line_shapes.faults_of_messages(server.replies[-1]["messages"]) == []
    assert ticket.code in tap(client, server, shown["รับคิวนี้"], user=HERS), "tapped twice it is one ticket"
    assert Ticket.objects.filter(member=somsri).count() == 1


def test_who_asks_for_their_tickets_sees_what_is_offered_first(client, server, somsri, offered):
    ticket = make_ticket(member=somsri, slot=make_slot(days_ahead=2))

    answer = say(client, server, "คิว", user=HERS)

    assert answer.index("มีคิวว่างสำหรับท่าน") < answer.index(ticket.code)
    assert "เก็บไว้ให้ท่านถึง 08.10 น." in answer
    assert line_shapes.faults_of_messages(server.replies[-1]["messages"]) == []


def test_it_is_left_after_being_asked_and_goes_to_the_next(client, server, department, offered):
    second = waiting.join(member_id=make_member().pk, department=department, date=in_days(1))
    say(client, server, "คิว", user=HERS)
    asked = tap(client, server, buttons(server.replies[-1])["ไม่รับคิวนี้"], user=HERS)
    assert "ออกจากรายการรอหรือไม่" in asked
    assert ending(offered) == ""

    done = tap(client, server, buttons(server.replies[-1])["ยืนยันไม่รับ"], user=HERS)

    assert "ออกจากรายการรอแล้ว" in done
    assert ending(offered) == "left"
    assert waiting.offer_free_places() == 1
    second.refresh_from_db()
    assert second.offered_at


def test_an_offer_that_is_over_is_told_in_a_sentence(client, server, somsri, department, offered, clock):
    waiting.join(member_id=make_member().pk, department=department, date=in_days(1))
    clock.shift(dt.timedelta(minutes=10))
    waiting.offer_free_places()
    for verb in ("offer-take", "offer-leave", "offer-leave-now"):
        assert "เลยเวลาที่เก็บคิวนี้ไว้" in tap(client, server, f"{verb}:{offered.public_id}", user=HERS)
    assert "ท่านไม่มีคิวที่จองไว้" in say(client, server, "คิว", user=HERS)
    assert (ending(offered), Ticket.objects.filter(member=somsri).count()) == ("lapsed", 0)


@pytest.mark.parametrize("verb", ["offer-take", "offer-leave", "offer-leave-now"])
def test_a_stranger_s_tap_is_refused_with_a_sentence(client, server, somsri, offered, verb):
    linked(make_member(), OTHERS)
    unknown = tap(client, server, f"{verb}:no-such", user=OTHERS)
    assert "คิวนี้ไม่ได้เสนอให้บัญชีนี้" in unknown
    assert tap(client, server, f"{verb}:{offered.public_id}", user=OTHERS) == unknown
    assert "ยังไม่ได้ผูกบัญชี" in tap(client, server, f"{verb}:{offered.public_id}", user=NOBODYS)
    assert "ท่านไม่มีคิวที่จองไว้" in say(client, server, "คิว", user=OTHERS)
    assert (ending(offered), Ticket.objects.filter(member=somsri).exists()) == ("", False)


def test_an_account_that_nothing_proved_answers_nothing(client, server, somsri, offered):
    somsri.line_account.proved_by = ""
    somsri.line_account.save()
    assert "ยังไม่ได้ผูกบัญชี" in tap(client, server, f"offer-take:{offered.public_id}", user=HERS)
    assert not Ticket.objects.filter(member=somsri).exists()


# --- who looks after the member ---


@pytest.fixture
def care(somsri):
    return consent(linked(make_member(given_name="วิชัย"), HIS), somsri)


def test_a_carer_sees_it_by_name_and_takes_it(client, server, somsri, care, offered):
    answer = say(client, server, "คิว", user=HIS)
    assert f"คิวของ {somsri.full_name}" in answer and "มีคิวว่างสำหรับท่าน" in answer
    assert offered.secret not in str(server.replies[-1]), "a link with the secret would outlive the consent"

    done = tap(client, server, buttons(server.replies[-1])["รับคิวนี้"], user=HIS)

    ticket = Ticket.objects.get(member=somsri)
    assert ticket.code in done and f"คิวของ {somsri.full_name}" in done
    assert ticket.secret not in str(server.replies[-1])


def test_a_carer_leaves_it(client, server, care, somsri, offered):
    assert f"คิวของ {somsri.full_name}" in tap(client, server, f"offer-leave:{offered.public_id}", user=HIS)
    tap(client, server, f"offer-leave-now:{offered.public_id}", user=HIS)
    assert ending(offered) == "left"


def test_once_consent_has_ended_old_cards_do_nothing(client, server, somsri, care, offered):
    say(client, server, "คิว", user=HIS)
    family.end(by=somsri, care_id=care.pk)
    for verb in ("offer-take", "offer-leave", "offer-leave-now"):
        assert "คิวนี้ไม่ได้เสนอให้บัญชีนี้" in tap(client, server, f"{verb}:{offered.public_id}", user=HIS)
    assert (ending(offered), Ticket.objects.filter(member=somsri).exists()) == ("", False)


@pytest.mark.parametrize("verb", ["offer-take", "offer-leave-now"])
def test_consent_that_ends_at_the_tap_does_nothing_either(client, server, somsri, care, offered, monkeypatch, verb):
    real = family.lock

    def lock(**who):
        family.end(by=somsri, care_id=care.pk)
        real(**who)

    monkeypatch.setattr(family, "lock", lock)
    tap(client, server, f"{verb}:{offered.public_id}", user=HIS)
    assert (ending(offered), Ticket.objects.filter(member=somsri).exists()) == ("", False)


def test_an_entry_that_waits_is_no_offer(client, server, entry):
    assert "ท่านไม่มีคิวที่จองไว้" in say(client, server, "คิว", user=HERS)
    assert "เลยเวลาที่เก็บคิวนี้ไว้" in tap(client, server, f"offer-take:{entry.public_id}", user=HERS)
    assert ending(entry) == ""
