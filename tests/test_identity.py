"""An identity books one ticket; after that, and only then, somebody has to say again who they are."""

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from booking import errors, verbs
from booking.errors import IdentityUsed
from booking.models import Slot, Ticket
from members.identify import issue_identity, read_identity
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket
from tests.pages import book, confirm_name, key_of, send_times, text, ticket_at, times_page

pytestmark = pytest.mark.django_db


def api_book(client, token, slot, *, key):
    body = {"identity": token, "slot": slot.pk}
    return client.post("/api/v1/tickets/", body, content_type="application/json", headers={"Idempotency-Key": key})


def test_an_identity_books_once_and_the_same_key_gives_the_same_ticket(client):
    token, _ends = issue_identity(make_member())
    slot, elsewhere = make_slot(), make_slot()

    first = api_book(client, token, slot, key="one")
    again = api_book(client, token, slot, key="one")
    another = api_book(client, token, elsewhere, key="two")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert (another.status_code, another.json()["code"]) == (401, "identity_expired")
    assert "15" not in another.json()["message"], "time is not the cause"
    assert Ticket.objects.count() == 1


def test_a_refusal_does_not_use_it_up(client):
    token, _ends = issue_identity(make_member())
    full = make_slot(quota=1)
    make_ticket(slot=full)

    assert api_book(client, token, full, key="one").json()["code"] == "slot_full"
    assert api_book(client, token, make_slot(), key="two").status_code == 201


def test_it_stays_used_when_its_ticket_is_cancelled():
    member, slot = make_member(), make_slot()
    mark = read_identity(issue_identity(member)[0]).mark
    booking = verbs.book(member_id=member.pk, slot_id=slot.pk, key="one", identity_mark=mark)
    verbs.cancel(ticket=Ticket.objects.get(pk=booking.ticket_id))

    with pytest.raises(IdentityUsed):
        verbs.book(member_id=member.pk, slot_id=slot.pk, key="two", identity_mark=mark)


def test_a_ticket_keeps_nothing_from_which_the_identity_could_be_made():
    token, _ends = issue_identity(make_member())
    assert read_identity(token).mark not in token


def test_an_identity_of_before_this_rule_asks_again():
    from django.core import signing

    from members.errors import IdentityExpired

    with pytest.raises(IdentityExpired):
        read_identity(signing.dumps(make_member().pk, salt="members.identity"))


# --- the pages ----------------------------------------------------------------------------------------------------


def test_after_a_ticket_another_department_asks_who_again_and_keeps_the_time(client):
    member, other = make_member(), make_open_department()
    book(client, make_open_department(), member=member)
    slot = Slot.objects.of_day(other, in_days(1))[2]

    page = times_page(client, other)
    assert 'name="for"' not in page.content.decode(), "nobody is booked for any more"
    answer = send_times(client, other, slot, key=key_of(page))
    asked = client.get(answer["Location"])

    assert answer["Location"].startswith(reverse("identify", args=[other.slug]))
    assert str(IdentityUsed.message) in text(asked) and "15 นาที" not in text(asked)
    _member, after_yes = confirm_name(client, other, member=member, slot=slot)
    page = client.get(after_yes["Location"])
    assert ticket_at(send_times(client, other, slot, key=key_of(page))["Location"]).slot == slot


def page_for(client, department, member):
    """The page of times as it is shown for a member, with what its form sends."""
    confirm_name(client, department, member=member)
    page = times_page(client, department)
    slot = Slot.objects.of_day(department, in_days(1))[0]
    shown_for = page.context["booked_for"]
    return {"slot": slot.pk, "key": key_of(page), "for": shown_for}


def sent(client, department, form):
    answer = client.post(reverse("take", args=[department.slug, in_days(1)]), form)
    return text(client.get(answer["Location"]))


def test_who_begins_for_another_person_meanwhile_is_told_so(client):
    department = make_open_department()
    form = page_for(client, department, make_member())
    confirm_name(client, department, member=make_member())
    assert str(errors.AnotherBegun.message) in sent(client, department, form)
    assert not Ticket.objects.exists()


def test_so_is_who_has_not_confirmed_the_other_name_yet(client):
    department = make_open_department()
    form = page_for(client, department, make_member())
    client.post(
        reverse("identify", args=[department.slug]),
        {"by": "member_number", "member_number": make_member().member_number},
    )
    assert str(errors.AnotherBegun.message) in sent(client, department, form)


def test_time_is_named_only_where_it_is_the_cause(client):
    department = make_open_department()
    form = page_for(client, department, make_member())
    with time_machine.travel(timezone.now() + timezone.timedelta(minutes=16)):
        client.cookies.pop("identity")  # as a browser drops it
        assert str(errors.WhoAgain.message) in sent(client, department, form)
    assert str(errors.WhoFirst.message) in sent(client, department, {"slot": form["slot"], "key": form["key"]})
