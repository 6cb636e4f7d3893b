"""Who looks after a member waits for them: puts them on the list, sees what is offered, takes or leaves it; as long as
the member consents."""

import datetime as dt
import time

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import roles, verbs
from booking.messages import offers
from booking.models import Ticket, WaitingEntry
from booking.verbs import waiting
from members import family
from members.errors import CareIsOver
from members.models import LineAccount
from queuesite.demo import fake_line, line_shapes
from tests.clock import standing_still, today_at
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket, make_user
from tests.pages import text
from tests.racing import race
from tests.test_family import FOR, PAGE, consent, signed_in

pytestmark = pytest.mark.django_db
clock = standing_still(today_at("8.00"))


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL = ""


def full_department():
    """Tomorrow is full, and its tickets."""
    department = make_open_department(
        quota=1, opens=dt.time(9), closes=dt.time(10), max_days_ahead=2, has_waiting_list=True
    )
    return department, [make_ticket(slot=make_slot(department=department, nth=nth)) for nth in range(2)]


@pytest.fixture
def full(clock):
    return full_department()


@pytest.fixture
def carer(client):
    carer = make_member(given_name="วิชัย")
    signed_in(client, carer)
    return carer


@pytest.fixture
def mother():
    return make_member(given_name="สมศรี", member_number="660066", email="")


@pytest.fixture
def care(carer, mother):
    return consent(carer, mother)


@pytest.fixture
def entry(full, mother):
    return waiting.join(member_id=mother.pk, department=full[0], date=in_days(1))


@pytest.fixture
def offered(full, entry):
    verbs.cancel(ticket=full[1][0])
    assert waiting.offer_free_places() == 1
    entry.refresh_from_db()
    return entry


def page_of(entry):
    return reverse("waiting", args=[entry.public_id])


def press(client, entry, what):
    return client.post(reverse(f"waiting_{what}", args=[entry.public_id]))


def joins(client, department):
    return client.post(reverse("wait", args=[department.slug, in_days(1)]))


def ends_just_then(monkeypatch, mother, care):
    """The consent ends between the page's look and the verb's."""
    real = family.lock

    def lock(**who):
        family.end(by=mother, care_id=care.pk)
        real(**who)

    monkeypatch.setattr(family, "lock", lock)


def test_a_carer_puts_the_other_on_the_list_and_sees_it_by_name(client, full, mother, care):
    client.post(FOR, {"member": mother.pk})

    answer = joins(client, full[0])

    entry = WaitingEntry.objects.get()
    assert (entry.member, answer["Location"]) == (mother, page_of(entry))
    assert "waiting" not in client.cookies
    for address in (page_of(entry), reverse("tickets")):
        assert mother.full_name in text(client.get(address))


def test_a_carer_takes_what_is_offered_to_the_other(client, mother, care, offered):
    assert "มีคิวว่างสำหรับท่าน" in text(client.get(page_of(offered)))

    answer = press(client, offered, "take")

    ticket = Ticket.objects.get(member=mother)
    assert answer["Location"] == f"{reverse('ticket', args=[ticket.public_id])}?booked=1"
    assert mother.full_name in text(client.get(answer["Location"]))


def test_a_carer_leaves_it_to_the_next(client, care, offered):
    press(client, offered, "leave")
    offered.refresh_from_db()
    assert offered.ending == "left"


def test_without_consent_nothing_is_seen_or_done(client, mother, care, offered):
    family.end(by=mother, care_id=care.pk)
    assert client.get(page_of(offered)).status_code == 404
    for what in ("take", "leave"):
        assert press(client, offered, what).status_code == 404
    assert mother.full_name not in text(client.get(reverse("tickets")))
    offered.refresh_from_db()
    assert offered.is_live and not Ticket.objects.filter(member=mother).exists()


@pytest.mark.parametrize("what", ["take", "leave"])
def test_consent_that_ends_meanwhile_answers_nothing(client, mother, care, offered, monkeypatch, what):
    ends_just_then(monkeypatch, mother, care)
    assert press(client, offered, what)["Location"] == f"{PAGE}?done=over"
    offered.refresh_from_db()
    assert offered.is_live and not Ticket.objects.filter(member=mother).exists()


def test_consent_that_ends_meanwhile_puts_nobody_on_the_list(client, full, mother, care, monkeypatch):
    client.post(FOR, {"member": mother.pk})
    ends_just_then(monkeypatch, mother, care)
    assert joins(client, full[0])["Location"] == f"{PAGE}?done=over"
    assert not WaitingEntry.objects.exists()


def test_the_member_s_own_device_needs_no_consent(client, full, mother, entry):
    signed_in(client, mother)
    press(client, entry, "leave")
    entry.refresh_from_db()
    assert entry.ending == "left"


# --- telling of it ---

HIS, HERS = fake_line.user_id(100001), fake_line.user_id(100002)


@pytest.fixture
def by_line(server, settings):
    settings.PUBLIC_URL = "https://queue.example"
    return server


def linked(member, user_id):
    LineAccount.objects.create(member=member, user_id=user_id, linked_at=timezone.now(), proved_by="code")


def made_offer(full, mother, nth=0) -> WaitingEntry:
    entry = waiting.join(member_id=mother.pk, department=full[0], date=in_days(1))
    verbs.cancel(ticket=full[1][nth])
    assert waiting.offer_free_places() == 1
    return entry


def told(entry) -> list[tuple[str, str, str]]:
    """To whom, what became of it, why."""
    found = entry.messages.values_list("carer__given_name", "state", "reason")
    return [(carer or "-", state, reason) for carer, state, reason in found]


def test_who_has_no_channel_is_told_through_the_carer_by_name(full, by_line, carer, mother, care):
    linked(carer, HIS)
    entry = made_offer(full, mother)
    assert offers.to_telephone() == []

    while offers.send_owed():
        pass

    [push] = by_line.pushes
    card = str(push["messages"])
    assert push["to"] == HIS
    assert f"คิวของ {mother.full_name}" in card
    assert entry.secret not in card and "postback" not in card, "it would outlive the consent"
    assert f"https://queue.example/wait/{entry.public_id}/" in card
    assert line_shapes.faults_of_messages(push["messages"]) == []
    assert told(entry) == [("-", "dropped", "another_told"), ("วิชัย", "sent", "")]


def test_the_page_says_that_a_message_comes_where_it_comes_to_the_carer(client, full, by_line, carer, mother, care):
    entry = waiting.join(member_id=mother.pk, department=full[0], date=in_days(1))
    assert "เจ้าหน้าที่จะโทรหา" in text(client.get(page_of(entry)))
    linked(carer, HIS)
    assert "เราจะส่งข้อความทาง LINE หรืออีเมล" in text(client.get(page_of(entry)))


def test_who_has_a_channel_is_told_alone_unless_the_carer_wants_all(full, by_line, carer, mother, care):
    linked(carer, HIS)
    linked(mother, HERS)
    made_offer(full, mother)
    while offers.send_owed():
        pass
    assert [push["to"] for push in by_line.pushes] == [HERS]
    family.choose_messages(carer=carer, care_id=care.pk, always=True)
    other, tickets = full_department()

    made_offer((other, tickets), mother)
    while offers.send_owed():
        pass

    assert sorted(push["to"] for push in by_line.pushes[1:]) == sorted([HIS, HERS])
    assert len({push["retry_key"] for push in by_line.pushes}) == 3


def test_where_consent_ended_before_it_is_sent_the_member_is_telephoned(full, by_line, carer, mother, care):
    linked(carer, HIS)
    entry = made_offer(full, mother)
    assert offers.send_owed(most=1) == 1  # the member's own, given up
    family.end(by=mother, care_id=care.pk)

    offers.send_owed()

    assert by_line.pushes == []
    assert told(entry) == [("-", "dropped", "another_told"), ("วิชัย", "to_telephone", "consent_ended")]


def test_where_the_carer_is_not_reached_either_it_is_telephoned_once(full, by_line, carer, mother, care):
    linked(carer, HIS)
    entry = made_offer(full, mother)
    by_line.fail(400)
    while offers.send_owed():
        pass
    assert told(entry) == [("-", "dropped", "another_told"), ("วิชัย", "to_telephone", "line_refused")]
    assert [message.entry for message in offers.to_telephone()] == [entry]


def test_staff_see_to_whom_it_went_and_why_not(client, full, by_line, carer, mother, care):
    linked(carer, HIS)
    made_offer(full, mother)
    while offers.send_owed():
        pass
    client.force_login(make_user(group=roles.CLERK))
    page = text(client.get(reverse("admin:booking_ticket_waiting")))
    assert "ไม่ส่ง แจ้งสมาชิกหรือผู้ดูแลแล้ว" in page
    assert f"ผู้ดูแล {carer.full_name} ส่งแล้ว LINE" in page


def test_all_messages_of_offers_stay_in_a_list_with_masked_names(client, full, by_line, carer, mother, care):
    linked(carer, HIS)
    entry = made_offer(full, mother)
    while offers.send_owed():
        pass
    waiting.leave(entry=entry)
    client.force_login(make_user(group=roles.MANAGER))
    page = text(client.get(reverse("admin:booking_offermessage_changelist")))
    assert f"ผู้ดูแล {carer}" in page and str(mother) in page and "แจ้งสมาชิกหรือผู้ดูแลแล้ว" in page
    assert mother.full_name not in page
    client.force_login(make_user(group=roles.CLERK))
    assert client.get(reverse("admin:booking_offermessage_changelist")).status_code == 403


# --- at the same moment ---


def booked_after_the_end(monkeypatch) -> int:
    """How many tickets appear after the end of consent has been said, where an offer is being accepted just then."""
    department, tickets = full_department()
    carer, mother = make_member(), make_member()
    care = consent(carer, mother)
    entry = waiting.join(member_id=mother.pk, department=department, date=in_days(1))
    verbs.cancel(ticket=tickets[0])
    waiting.offer_free_places()
    real = waiting.book

    def slowly(**booking):
        time.sleep(0.3)
        return real(**booking)

    monkeypatch.setattr(waiting, "book", slowly)

    def accepts(_round):
        waiting.accept(entry=entry, carer_id=carer.pk)
        return "booked"

    def ends(_round):
        time.sleep(0.1)
        family.end(by=mother, care_id=care.pk)
        return Ticket.objects.filter(member=mother).count()

    [[_booked, seen_at_the_end]] = race(accepts, ends)
    return Ticket.objects.filter(member=mother).count() - seen_at_the_end


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_nothing_is_accepted_after_consent_has_ended(monkeypatch):
    assert booked_after_the_end(monkeypatch) == 0


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_control_that_only_looks_accepts_after_it(monkeypatch):
    monkeypatch.setattr(family, "lock", lambda *, carer_id, member_id: family.consented().get(carer_id=carer_id))
    assert booked_after_the_end(monkeypatch) == 1


def test_a_stranger_is_no_carer(full, entry):
    for verb in (waiting.accept, waiting.leave):
        with pytest.raises(CareIsOver):
            verb(entry=entry, carer_id=make_member().pk)
