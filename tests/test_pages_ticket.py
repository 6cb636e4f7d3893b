"""A ticket's page: for whoever holds it, and for nobody else; and what its holder may do."""

import datetime as dt
import io
import re
import uuid

import pytest
from django.urls import reverse
from icalendar import Calendar
from PIL import Image

from booking import errors, thai, verbs
from booking.models import Counter, Slot, Ticket
from booking.models.tickets import State
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket
from tests.pages import book, chosen_slot, hold, key_of, text, ticket_at

pytestmark = pytest.mark.django_db

GUARDED = ["ticket", "ticket_live", "ticket_cancel", "ticket_move_days", "ticket_picture", "ticket_calendar"]


@pytest.fixture
def ticket(client):
    """A ticket that this client holds."""
    ticket = make_ticket(days_ahead=1, letter="A", bring="บัตรประชาชน\nสมุดบัญชี", arrive_minutes_before=15)
    hold(client, ticket)
    return ticket


def page_of(client, ticket):
    return client.get(reverse("ticket", args=[ticket.public_id]))


# --- who may see it ---


@pytest.mark.parametrize("name", GUARDED)
def test_a_stranger_sees_what_one_sees_of_a_ticket_that_does_not_exist(client, name):
    ticket = make_ticket()
    unknown = "x" * len(ticket.public_id)
    theirs = client.get(reverse(name, args=[ticket.public_id]))
    nobodys = client.get(reverse(name, args=[unknown]))
    assert theirs.status_code == nobodys.status_code == 404
    assert text(theirs) == text(nobodys)
    assert ticket.code not in text(theirs)


def test_opening_is_a_post(client):
    ticket = make_ticket()
    address = reverse("ticket_open", args=[ticket.public_id])
    assert client.get(address, {"link": ticket.secret}).status_code == 405


@pytest.mark.parametrize("name", ["ticket_cancel", "ticket_move"])
def test_a_stranger_changes_nothing(client, name):
    ticket = make_ticket()
    args = [ticket.public_id] + ([in_days(1)] if name == "ticket_move" else [])
    answer = client.post(reverse(name, args=args), {"slot": ticket.slot_id, "key": "x"})
    assert answer.status_code == 404
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_the_secret_opens_it_from_then_on(client):
    ticket = make_ticket()
    address = reverse("ticket", args=[ticket.public_id])
    answer = client.post(f"{address}open/", {"link": ticket.secret})
    assert answer["Location"] == address
    assert ticket.code in text(client.get(address))
    assert client.cookies["tickets"]["httponly"]


def test_a_pasted_link_opens_its_own_ticket(client):
    ticket, other = make_ticket(), make_ticket()
    link = f" https://queue.example.org/t/{ticket.public_id}/#{ticket.secret} "
    answer = client.post(reverse("ticket_open", args=[other.public_id]), {"link": link})
    assert answer["Location"] == reverse("ticket", args=[ticket.public_id])


@pytest.mark.parametrize("link", ["", "x", "0" * 64, "\x00" * 64, "#", "é" * 64, "f" * 10_000])
def test_a_wrong_secret_opens_nothing(client, link):
    ticket = make_ticket()
    answer = client.post(reverse("ticket_open", args=[ticket.public_id]), {"link": link})
    page = client.get(answer["Location"])
    assert page.status_code == 404
    assert "ลิงก์นี้เปิดบัตรคิวไม่ได้" in text(page)


def test_the_secret_of_another_ticket_opens_nothing(client):
    ticket, other = make_ticket(), make_ticket()
    client.post(reverse("ticket_open", args=[ticket.public_id]), {"link": other.secret})
    assert page_of(client, ticket).status_code == 404


def test_no_name_and_no_number_of_the_member_on_it(client):
    member = make_member(given_name="เพ็ญศรี", family_name="พูลสวัสดิ์", member_number="778899")
    ticket = make_ticket(member=member)
    hold(client, ticket)
    page = page_of(client, ticket).content.decode()
    assert not [fact for fact in ("เพ็", "พู", "778899") if fact in page]


# --- what stands on it ---


def test_what_it_says(client, ticket):
    said = text(page_of(client, ticket))
    assert f"{ticket.code} {thai.long_date(ticket.date)} เวลา 08.30 น. กรุณามาถึงก่อน 08.15 น." in said
    assert "สิ่งที่ต้องนำมา บัตรประชาชนสมุดบัญชี" in said
    assert "จองแล้ว" in said


def test_the_qr_code_is_of_the_secret_link(client, ticket):
    import segno

    page = page_of(client, ticket).content.decode()
    link = f"http://testserver/t/{ticket.public_id}/#{ticket.secret}"
    masked = (segno.make(link, error="m", mask=mask).svg_inline(border=1) for mask in range(8))
    assert any(re.search(r'class="qrline"[^>]* d="([^"]+)"', drawn)[1] in page for drawn in masked)
    assert ticket.secret not in page


def test_how_many_are_ahead_on_the_day(client):
    department = make_open_department(min_days_ahead=0, closes_minutes_before=0)
    slot = make_slot(department=department, days_ahead=1)
    for _ in range(2):
        make_ticket(slot=slot)
    ticket = make_ticket(slot=slot)
    hold(client, ticket)
    assert "ขณะนี้มีผู้จองก่อนหน้าท่าน 2 คิว" in text(page_of(client, ticket))
    Slot.objects.filter(pk=slot.pk).update(date=in_days(0))
    Ticket.objects.update(date=in_days(0))
    assert "วันนี้ ก่อนหน้าท่านมี 2 คิว" in text(page_of(client, ticket))
    for earlier in Ticket.objects.exclude(pk=ticket.pk):
        verbs.cancel(ticket=earlier)
    assert "วันนี้ ขณะนี้ยังไม่มีผู้จองก่อนหน้าท่าน" in text(page_of(client, ticket))


@pytest.mark.parametrize("state", State.values)
def test_every_state_has_a_page(client, ticket, state):
    Ticket.objects.filter(pk=ticket.pk).update(state=state, counter=Counter.objects.create(number=3))
    ticket.refresh_from_db()
    page = page_of(client, ticket)
    assert page.status_code == 200
    assert ("ยกเลิกบัตรคิว" in text(page)) == ticket.can_cancel
    assert ("เปลี่ยนวันหรือเวลา" in text(page)) == ticket.can_move


def test_a_called_ticket_says_where_to_go(client, ticket):
    Ticket.objects.filter(pk=ticket.pk).update(state=State.CALLED, counter=Counter.objects.create(number=3))
    assert f"{ticket.code} ถึงคิวของท่าน ช่องบริการ 3" in text(page_of(client, ticket))


def test_a_walk_in_has_no_time_and_no_calendar_entry(client):
    department = make_open_department(letter="A", name="ฝ่ายสินเชื่อ")
    ticket = make_ticket(department=department)
    Ticket.objects.filter(pk=ticket.pk).update(slot=None, state=State.WAITING, date=in_days(0), number=501)
    hold(client, ticket)
    for page in (page_of(client, ticket), client.get("/"), client.get(reverse("tickets"))):
        assert "A501" in text(page)
        assert "เวลา" not in text(page)
    assert client.get(reverse("ticket_picture", args=[ticket.public_id])).status_code == 200
    assert client.get(reverse("ticket_calendar", args=[ticket.public_id])).status_code == 404


# --- looking again ---


def look(client, page, **headers):
    """Ask the way the page itself does."""
    address = re.search(r'data-look="([^"]+)"', page.content.decode())[1]
    return client.get(address, headers=headers)


def test_a_ticket_of_another_day_is_made_anew_each_time(client):
    """Its queue's version says nothing of it: that counts for one day."""
    slot = make_slot()
    earlier, ticket = make_ticket(slot=slot), make_ticket(slot=slot)
    hold(client, ticket)
    page = page_of(client, ticket)
    first = look(client, page)
    assert first.status_code == 200
    assert "ETag" not in first
    verbs.cancel(ticket=earlier)
    assert "ยังไม่มีผู้จองก่อนหน้าท่าน" in text(look(client, page))


def test_another_state_loads_the_page_anew(client, ticket):
    page = page_of(client, ticket)
    verbs.cancel(ticket=ticket)
    assert look(client, page)["HX-Refresh"] == "true"


# --- cancelling ---


def test_cancelling_is_asked_once_more(client, ticket):
    answer = client.get(reverse("ticket_cancel", args=[ticket.public_id]))
    assert "ยกเลิกบัตรคิวนี้ใช่หรือไม่" in text(answer)
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_cancelling_frees_the_place_and_the_page_says_so(client, ticket):
    address = reverse("ticket_cancel", args=[ticket.public_id])
    answer = client.post(address)
    page = client.get(answer["Location"])
    assert "บัตรคิวนี้ยกเลิกแล้ว" in text(page)
    assert reverse("identify", args=[ticket.department.slug]) in page.content.decode()
    assert make_ticket(slot=ticket.slot).number == ticket.number


def test_cancelling_twice_is_the_same(client, ticket):
    address = reverse("ticket_cancel", args=[ticket.public_id])
    client.post(address)
    again = client.post(address)
    assert again["Location"] == reverse("ticket", args=[ticket.public_id])
    assert ticket.events.filter(verb="cancel").count() == 1


def test_back_to_the_question_after_cancelling_leads_on_without_a_warning(client, ticket):
    address = reverse("ticket_cancel", args=[ticket.public_id])
    client.post(address)
    assert client.get(address)["Location"] == reverse("ticket", args=[ticket.public_id])


def test_what_has_been_called_is_not_cancelled(client, ticket):
    Ticket.objects.filter(pk=ticket.pk).update(state=State.SERVING, counter=Counter.objects.create(number=3))
    for answer in (
        client.post(reverse("ticket_cancel", args=[ticket.public_id])),
        client.get(reverse("ticket_cancel", args=[ticket.public_id])),
        client.get(reverse("ticket_move_days", args=[ticket.public_id])),
    ):
        assert str(errors.WrongState.message) in text(client.get(answer["Location"]))


# --- moving ---


def move_address(ticket, days_ahead=1):
    return reverse("ticket_move", args=[ticket.public_id, in_days(days_ahead)])


def test_moving_with_the_same_days_and_times(client, ticket):
    days = client.get(reverse("ticket_move_days", args=[ticket.public_id])).content.decode()
    assert move_address(ticket, 2) in days
    slot = Slot.objects.of_day(ticket.department, in_days(2))[3]
    times = client.get(move_address(ticket, 2))
    answer = client.post(move_address(ticket, 2), {"slot": slot.pk, "key": key_of(times)})

    moved = ticket_at(answer["Location"])
    assert moved.slot == slot
    assert moved.moved_from == ticket
    said = text(client.get(answer["Location"]))
    # A number alone would not do: it may be the same on another day.
    was = f"{ticket.code} {thai.short_date(ticket.date)} เวลา {thai.clock(ticket.slot)}"
    assert f"ย้ายแล้ว ใช้บัตรใบนี้แทนบัตรเดิม {was}" in said
    assert moved.code in said


def test_the_old_tickets_page_leads_to_the_new_one(client, ticket):
    slot = Slot.objects.of_day(ticket.department, in_days(2))[0]
    moved = verbs.reschedule(ticket=ticket, slot_id=slot.pk, key="k")
    answer = page_of(client, ticket)
    assert ticket_at(answer["Location"]).pk == moved.ticket_id
    assert "ย้ายแล้ว" in text(client.get(answer["Location"]))


def test_a_move_sent_twice_is_one_move(client, ticket):
    slot = Slot.objects.of_day(ticket.department, in_days(2))[0]
    form = {"slot": slot.pk, "key": key_of(client.get(move_address(ticket, 2)))}
    first = client.post(move_address(ticket, 2), form)
    again = client.post(move_address(ticket, 2), form)
    assert again["Location"].startswith(reverse("ticket", args=[ticket.public_id]))
    assert client.get(again["Location"])["Location"] == first["Location"]
    assert Ticket.objects.live().count() == 1


def test_a_full_time_leaves_the_old_ticket_as_it_was(client):
    department = make_open_department(quota=1)
    ticket = book(client, department)
    taken = make_ticket(department=department, days_ahead=2).slot
    form = {"slot": taken.pk, "key": key_of(client.get(move_address(ticket, 2)))}
    page = client.get(client.post(move_address(ticket, 2), form)["Location"])
    assert str(errors.SlotFull.message) in text(page)
    assert chosen_slot(page) == Slot.objects.of_day(department, in_days(2))[1].pk
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_moving_to_a_day_on_which_the_member_has_another_ticket(client):
    department = make_open_department()
    member = make_member()
    ticket = book(client, department, member=member)
    make_ticket(member=member, department=department, days_ahead=2)
    slot = Slot.objects.of_day(department, in_days(2))[0]
    answer = client.post(move_address(ticket, 2), {"slot": slot.pk, "key": "x"})
    page = client.get(answer["Location"])
    assert answer["Location"].startswith(reverse("ticket_move_days", args=[ticket.public_id]))
    assert str(errors.AlreadyBooked.message) in text(page)
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_moving_without_a_time(client, ticket):
    page = client.get(client.post(move_address(ticket, 2), {"key": "x"})["Location"])
    assert "กรุณาเลือกเวลาก่อน" in text(page)


# --- to take along ---


@pytest.mark.parametrize("language", ["th", "en"])
def test_the_picture(client, ticket, language):
    client.cookies["django_language"] = language
    answer = client.get(reverse("ticket_picture", args=[ticket.public_id]))
    image = Image.open(io.BytesIO(answer.content))
    assert answer["Content-Type"] == "image/png"
    assert image.width == 1080
    assert len(answer.content) < 100_000
    assert ticket.code in answer["Content-Disposition"]


# --- the QR code of a message's card, which LINE's servers fetch ---


def drawn_of(link: str) -> bytes:
    import segno

    file = io.BytesIO()
    segno.make(link, error="m").save(file, kind="png", scale=8, border=2)
    return file.getvalue()


def test_the_qr_picture_leads_to_the_ticket_without_its_secret(client):
    ticket = make_ticket()

    answer = client.get(reverse("ticket_qr", args=[ticket.public_id]))

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer.content == drawn_of(f"http://testserver/t/{ticket.public_id}/")
    assert answer.content != drawn_of(f"http://testserver/t/{ticket.public_id}/#{ticket.secret}")
    assert not answer.cookies


def test_the_qr_picture_is_within_line_s_limits(client):
    answer = client.get(reverse("ticket_qr", args=[make_ticket().public_id]))

    image = Image.open(io.BytesIO(answer.content))
    assert max(image.size) <= 1024
    assert len(answer.content) < 10_000
    assert "max-age" in answer["Cache-Control"]


def test_the_qr_picture_does_not_tell_whether_there_is_such_a_ticket(client, django_assert_num_queries):
    ticket = make_ticket()
    nobodys = "x" * len(ticket.public_id)
    with django_assert_num_queries(0):
        answers = [client.get(reverse("ticket_qr", args=[public_id])) for public_id in (ticket.public_id, nobodys)]

    theirs, nobodys_answer = answers
    assert theirs.status_code == nobodys_answer.status_code == 200
    assert nobodys_answer.content == drawn_of(f"http://testserver/t/{nobodys}/")
    assert theirs.headers.keys() == nobodys_answer.headers.keys()


@pytest.mark.parametrize("public_id", ["x", "x" * 33, "x" * 5000])
def test_what_cannot_be_a_ticket_s_has_no_qr_picture(client, public_id):
    assert client.get(reverse("ticket_qr", args=[public_id])).status_code == 404


def test_the_qr_picture_is_only_read(client):
    address = reverse("ticket_qr", args=[make_ticket().public_id])

    assert client.head(address).status_code == 200
    assert client.post(address).status_code == 405


def test_the_calendar_entry(client, ticket):
    answer = client.get(reverse("ticket_calendar", args=[ticket.public_id]))
    assert answer["Content-Type"] == "text/calendar"
    event = Calendar.from_ical(answer.content).walk("VEVENT")[0]
    assert event.decoded("dtstart") == ticket.slot.starts_at
    assert event.decoded("dtend") == ticket.slot.ends_at
    assert ticket.code in event["summary"]
    assert "กรุณามาถึงก่อน 08.15 น." in event["description"]
    assert "- สมุดบัญชี" in event["description"]
    assert ticket.public_id in event["url"]
    assert ticket.secret not in answer.content.decode()
    assert event.walk("VALARM")[0].decoded("trigger") == dt.timedelta(hours=-1)
    assert event["location"]
    assert event["status"] == "CONFIRMED"


def test_the_entry_of_a_moved_ticket_replaces_the_one_before_and_a_cancelled_one_ends_it(client, ticket):
    before = _entry(client, ticket)
    later = Slot.objects.of_day(ticket.department, ticket.date)[1]
    moved = client.post(
        reverse("ticket_move", args=[ticket.public_id, ticket.date]), {"slot": later.pk, "key": str(uuid.uuid4())}
    )
    became = Ticket.objects.get(moved_from=ticket)
    assert moved["Location"] == reverse("ticket", args=[became.public_id])
    after = _entry(client, became)
    assert after["uid"] == before["uid"]
    assert int(after["sequence"]) > int(before["sequence"])
    assert after.decoded("dtstart") == later.starts_at

    client.post(reverse("ticket_cancel", args=[became.public_id]))
    ended = _entry(client, became)
    assert (ended["uid"], ended["status"]) == (before["uid"], "CANCELLED")
    assert int(ended["sequence"]) > int(after["sequence"])
    assert not ended.walk("VALARM")


def _entry(client, ticket):
    answer = client.get(reverse("ticket_calendar", args=[ticket.public_id]))
    calendar = Calendar.from_ical(answer.content)
    [event] = calendar.walk("VEVENT")
    assert calendar["method"] == ("CANCEL" if event["status"] == "CANCELLED" else "PUBLISH")
    return event
