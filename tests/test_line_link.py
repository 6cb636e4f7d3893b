"""Linking a LINE account to a member: once, with the office's proof, and undone at once."""

import re

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.urls import reverse
from django.utils import timezone, translation
from django_q.models import OrmQ

from booking import verbs
from booking.models import Slot, Ticket
from members import codes, line, line_accounts
from members.errors import CodeNeeded, IdentityExpired, NotRegistered, TooManyAttempts, WrongCode
from members.models import LineAccount, LinkingCode
from queuesite.demo import fake_line
from tests.factories import in_days, make_member, make_open_department, make_ticket, make_user
from tests.pages import confirm_name, key_of, send_times, text, ticket_at, times_page

pytestmark = pytest.mark.django_db

SOMCHAI, MALEE = fake_line.user_id(100001), fake_line.user_id(100003)


@pytest.fixture(autouse=True)
def messages_on(settings):
    settings.LINE_LINK_PROOF = "none"
    settings.LINE_CHANNEL_ACCESS_TOKEN = "fake-access-token"


def claim(member, user_id=SOMCHAI, **asked):
    return line_accounts.claim(
        user_id=user_id, member_number=member.member_number, device="d", address="203.0.113.7", **asked
    )[1]


def link(member, user_id=SOMCHAI, *, code="", **asked) -> LineAccount:
    token = claim(member, user_id, **asked)
    return line_accounts.link(user_id=user_id, token=token, code=code, device="d", address="203.0.113.7")


def code_for(member) -> str:
    return codes.issue_code(member=member, by=make_user())


def links() -> set:
    return set(LineAccount.objects.values_list("member", "user_id"))


def told() -> list[tuple]:
    """To whom jobs are waiting to say that their link has ended."""
    return [job.task["args"][0] for job in OrmQ.objects.all() if job.task["func"].endswith("tell_former")]


# --- the first time -----------------------------------------------------------------------------------------------


def test_without_a_proof_the_number_and_the_name_link():
    member = make_member()
    link(member)
    assert links() == {(member.pk, SOMCHAI)}
    assert not told()


def test_linking_the_same_two_again_changes_nothing():
    member = make_member()
    first = link(member)
    assert link(member) == first
    assert links() == {(member.pk, SOMCHAI)}


def test_who_is_not_registered_is_not_linked():
    with pytest.raises(NotRegistered):
        claim(make_member(is_registered=False))


def test_a_claim_is_good_for_the_line_account_that_made_it_and_for_fifteen_minutes():
    member = make_member()
    token = claim(member)
    for user_id, later in [(MALEE, 0), (SOMCHAI, 16)]:
        with (
            time_machine.travel(timezone.now() + timezone.timedelta(minutes=later)),
            pytest.raises(IdentityExpired),
        ):
            line_accounts.link(user_id=user_id, token=token, address="203.0.113.7")
    with pytest.raises(IdentityExpired):
        line_accounts.link(user_id=SOMCHAI, token="forged:token", address="203.0.113.7")
    assert not links()


def test_the_members_telephone_as_proof(settings):
    settings.LINE_LINK_PROOF = "member_proof"
    member = make_member(phone="0812345678")
    for wrong in ("", "0000"):
        with pytest.raises(NotRegistered):
            claim(member, proof=wrong)
    link(member, proof="5678")
    assert links() == {(member.pk, SOMCHAI)}


def test_what_booking_asks_for_linking_asks_for_too(settings):
    settings.MEMBER_PROOF = "phone_last4"
    with pytest.raises(NotRegistered):
        claim(make_member(phone="0812345678"), proof="0000")


def test_an_unknown_proof_stops_the_start(settings):
    call_command("check", tags=["members"])
    settings.LINE_LINK_PROOF = "phone"
    with pytest.raises(SystemCheckError, match="LINE_LINK_PROOF"):
        call_command("check", tags=["members"])


# --- a clerk's code -----------------------------------------------------------------------------------------------


@pytest.fixture
def by_code(settings):
    settings.LINE_LINK_PROOF = "code"


def test_the_code_of_a_clerk_links(by_code):
    member = make_member()
    code = code_for(member)
    assert re.fullmatch("[0-9]{8}", code)
    link(member, code=f"{code[:4]} {code[4:]}".translate({ord(str(n)): chr(0x0E50 + n) for n in range(10)}))
    assert links() == {(member.pk, SOMCHAI)}
    assert code not in str(LinkingCode.objects.values())


def test_without_the_code_nothing_is_linked(by_code):
    member = make_member()
    code_for(member)
    with pytest.raises(CodeNeeded):
        link(member)
    assert not links()


def test_wrong_codes(by_code):
    member, other = make_member(), make_member()
    replaced, of_another = code_for(member), code_for(other)
    code = code_for(member)
    wrong = f"{(int(code) + 1) % 10**8:08}"
    for refused in (wrong, of_another, replaced, "0", "กขค", code[:7]):
        with pytest.raises(WrongCode):
            link(member, code=refused)
    assert not links()
    link(member, code=code)


def test_a_code_is_good_once(by_code):
    member = make_member()
    code = code_for(member)
    link(member, code=code)
    with pytest.raises(WrongCode):
        link(member, MALEE, code=code)
    assert links() == {(member.pk, SOMCHAI)}


def test_a_code_ends_after_fifteen_minutes(by_code):
    member = make_member()
    code = code_for(member)
    with time_machine.travel(timezone.now() + timezone.timedelta(minutes=15, seconds=1)), pytest.raises(WrongCode):
        link(member, code=code)


def test_a_link_that_fails_leaves_the_code_good(by_code, monkeypatch):
    member = make_member()
    code = code_for(member)
    with monkeypatch.context() as patched:
        patched.setattr(LineAccount.objects, "create", lambda **fields: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            link(member, code=code)
    link(member, code=code)


def test_tries_at_codes_are_counted(by_code, settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "3/900"}
    member = make_member()
    code = code_for(member)
    token = claim(member)

    def attempt(code):
        line_accounts.link(user_id=SOMCHAI, token=token, code=code, device="d", address="203.0.113.7")

    for wrong in ("1", "2", "3"):
        with pytest.raises(WrongCode):
            attempt(wrong)
    with pytest.raises(TooManyAttempts):
        attempt(code)
    assert not links()


# --- again, and another -------------------------------------------------------------------------------------------


def test_another_line_account_needs_a_proof_and_the_old_one_is_told_by_a_job(settings):
    member = make_member()
    link(member)
    with pytest.raises(CodeNeeded):
        link(member, MALEE)
    assert links() == {(member.pk, SOMCHAI)}

    with fake_line.running() as server:
        settings.LINE_API_BASE = server.url
        link(member, MALEE, code=code_for(member))
        assert not server.requests, "never in the request"
        assert links() == {(member.pk, MALEE)}
        assert told() == [SOMCHAI]

        task = OrmQ.objects.get().task
        server.fail(500)
        with pytest.raises(line.LineFault):
            line_accounts.tell_former(*task["args"])
        line_accounts.tell_former(*task["args"])
        line_accounts.tell_former(*task["args"])
    assert [push["to"] for push in server.pushes] == [SOMCHAI], "tried again, told once"
    assert "เลิกผูก" in server.pushes[0]["messages"][0]["text"]


def test_the_old_one_is_told_in_the_language_of_the_page_as_well(settings):
    member = make_member()
    link(member)
    with translation.override("en"):
        link(member, MALEE, code=code_for(member))

    with fake_line.running() as server:
        settings.LINE_API_BASE = server.url
        line_accounts.tell_former(*OrmQ.objects.get().task["args"])

    told = server.pushes[0]["messages"][0]["text"]
    assert "เลิกผูก" in told and "no longer linked" in told


def test_the_old_account_is_told_with_the_members_own_proof_too(settings):
    settings.LINE_LINK_PROOF = "member_proof"
    member = make_member(phone="0812345678")
    link(member, proof="5678")
    link(member, MALEE, proof="5678")
    assert links() == {(member.pk, MALEE)}
    assert told() == [SOMCHAI]


def test_a_line_account_moves_to_another_member_only_with_proof():
    first, second = make_member(), make_member()
    link(first)
    with pytest.raises(CodeNeeded):
        link(second)
    link(second, code=code_for(second))
    assert links() == {(second.pk, SOMCHAI)}
    assert not told(), "nobody lost it to another account"


def test_both_links_end_that_a_new_one_replaces():
    first, second = make_member(), make_member()
    link(first, SOMCHAI)
    link(second, MALEE)
    link(second, SOMCHAI, code=code_for(second))
    assert links() == {(second.pk, SOMCHAI)}
    assert told() == [MALEE]


def test_without_a_channel_nobody_is_told(settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = ""
    member = make_member()
    link(member)
    link(member, MALEE, code=code_for(member))
    assert not OrmQ.objects.exists()


def test_unlinked_and_linked_anew_to_another_account_only_with_a_code():
    member = make_member()
    link(member)
    assert line_accounts.unlink(member=member, by=None)
    assert not line_accounts.unlink(member=member, by=None)
    with pytest.raises(CodeNeeded):
        link(member, MALEE)
    link(member)
    assert links() == {(member.pk, SOMCHAI)}


# --- what a link is good for --------------------------------------------------------------------------------------


@pytest.fixture
def linked(client):
    """A client signed in by a linked LINE account; gives its member."""
    member = make_member(title="นาง", given_name="สมศรี", family_name="ใจดี")
    sign_in(client, link(member, code=code_for(member)))
    return member


def sign_in(client, account):
    from django.http import HttpResponse

    from booking.views import visitor

    response = HttpResponse()
    visitor.remember_line(response, account)
    client.cookies["line"] = response.cookies["line"].value


def test_a_ticket_booked_elsewhere_is_among_those_to_come_in_with(client, linked):
    ticket = make_ticket(member=linked)
    with time_machine.travel(ticket.slot.starts_at):
        assert ticket.code in text(client.get(reverse("arrive")))


def test_choosing_a_department_leads_straight_to_the_days_with_the_own_full_name(client, linked):
    department = make_open_department()
    answer = client.get(reverse("identify", args=[department.slug]))
    assert answer["Location"] == reverse("days", args=[department.slug])
    assert "จองในชื่อ นางสมศรี ใจดี" in text(client.get(answer["Location"]))


def test_booking_moving_and_cancelling_without_typing_a_number(client, linked):
    department = make_open_department()
    slots = Slot.objects.of_day(department, in_days(1))
    ticket = ticket_at(send_times(client, department, slots[0], key=key_of(times_page(client, department)))["Location"])
    assert ticket.member == linked

    del client.cookies["tickets"]
    assert ticket.code in text(client.get(reverse("tickets")))
    assert ticket.code in text(client.get(reverse("home")))
    moved = client.post(reverse("ticket_move", args=[ticket.public_id, slots[1].date]), {"slot": slots[1].pk})
    moved = ticket_at(moved["Location"])
    assert "tickets" not in client.cookies  # what signing in shows, the device does not keep
    client.post(reverse("ticket_cancel", args=[moved.public_id]))
    moved.refresh_from_db()
    assert moved.state == "cancelled"


def test_own_tickets_that_were_booked_elsewhere(client, linked):
    ticket, of_another = make_ticket(member=linked), make_ticket()
    assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 200
    said = text(client.get(reverse("tickets")))
    assert ticket.code in said
    assert of_another.code not in said


STRANGERS = ["nobody", "another member", "an ended link", "a forged cookie"]


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("page", ["ticket", "ticket_live", "ticket_cancel", "ticket_move_days", "ticket_picture"])
def test_a_ticket_is_closed_to_everyone_else(client, who, page):
    owner = make_member()
    account = link(owner)
    ticket = make_ticket(member=owner)
    match who:
        case "another member":
            sign_in(client, link(make_member(), MALEE))
        case "an ended link":
            sign_in(client, account)
            line_accounts.unlink(member=owner, by=make_user())
            link(owner)
        case "a forged cookie":
            sign_in(client, account)
            client.cookies["line"] = client.cookies["line"].value[:-2] + "xx"
    address = reverse(page, args=[ticket.public_id])
    assert client.get(address).status_code == 404
    assert client.post(address).status_code in (404, 405)
    ticket.refresh_from_db()
    assert ticket.state == "booked"


def test_unlinking_ends_the_cookie_on_every_device_at_once(client, linked):
    ticket = make_ticket(member=linked)
    assert client.get(reverse("line_unlink")).status_code == 200
    assert links(), "looking at the page ends nothing"
    other_device = type(client)()
    sign_in(other_device, LineAccount.objects.get())

    answer = client.post(reverse("line_unlink"))
    assert answer["Clear-Site-Data"] == '"cache", "storage"'

    assert answer["Location"] == reverse("line") + "?done=unlinked"
    assert not links()
    assert other_device.get(reverse("ticket", args=[ticket.public_id])).status_code == 404
    assert other_device.get(reverse("line_unlink"))["Location"] == reverse("line")


def test_the_cookie_ends_after_thirty_days(client, linked):
    ticket = make_ticket(member=linked)
    with time_machine.travel(timezone.now() + timezone.timedelta(days=29)):
        assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 200
    with time_machine.travel(timezone.now() + timezone.timedelta(days=30, minutes=1)):
        assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 404


def test_leaving_a_device_forgets_the_member_and_the_tickets(client, linked):
    ticket = make_ticket(member=linked)
    client.get(reverse("ticket", args=[ticket.public_id]))
    assert client.get(reverse("line_leave")).status_code == 405
    client.post(reverse("line_leave"))
    assert ticket.code not in text(client.get(reverse("tickets")))
    assert links(), "the link stays"


def test_a_confirmed_name_goes_before_the_own_one_and_never_gives_way_to_it_unseen(client, linked):
    department = make_open_department()
    assert client.get(reverse("identify", args=[department.slug]) + "?who").status_code == 200
    mother, _ = confirm_name(client, department)
    page = times_page(client, department)
    assert mother.masked_name in text(client.get(reverse("days", args=[department.slug])))
    sent_for = re.search(r'name="for" value="([^"]+)"', page.content.decode())[1]
    slot = Slot.objects.of_day(department, in_days(1))[0]
    form = {"slot": slot.pk, "key": key_of(page), "for": sent_for}
    take = reverse("take", args=[department.slug, slot.date])

    identity = client.cookies.pop("identity")
    answer = client.post(take, form)
    assert answer["Location"].startswith(reverse("identify", args=[department.slug]) + "?why=identity_expired")
    assert client.get(answer["Location"]).status_code == 200
    assert not Ticket.objects.exists()

    client.cookies["identity"] = identity.value
    assert ticket_at(client.post(take, form)["Location"]).member == mother


def test_booked_already_leads_to_the_own_ticket(client, linked):
    department = make_open_department()
    slots = Slot.objects.of_day(department, in_days(1))
    ticket = make_ticket(member=linked, slot=slots[0])
    answer = send_times(client, department, slots[1], key=key_of(times_page(client, department)))
    assert ticket_at(answer["Location"]) == ticket


def test_a_lost_reply_is_the_same_ticket(client, linked):
    department = make_open_department()
    slot = Slot.objects.of_day(department, in_days(1))[0]
    key = key_of(times_page(client, department))
    booking = verbs.book(member_id=linked.pk, slot_id=slot.pk, key=key)
    assert key_of(times_page(client, department)) == key
    assert ticket_at(send_times(client, department, slot, key=key)["Location"]).pk == booking.ticket_id
