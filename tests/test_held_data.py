"""What is held of a member, shown to that member alone, whole, and never a citizen ID."""

import pytest
from django.apps import apps
from django.db.models import ForeignKey
from django.urls import reverse
from django.utils import timezone

from booking import verbs
from members import accounts, codes
from members.models import LineAccount, Member
from tests.factories import (
    make_citizen_id,
    make_member,
    make_open_department,
    make_ticket,
    make_user,
    make_walk_in,
)
from tests.pages import text

pytestmark = pytest.mark.django_db

PAGE, FILE, PRIVACY = reverse("held"), reverse("held_file"), reverse("privacy")
SECRET = "ดอกไม้ริมรั้วบ้าน"


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL = ""


@pytest.fixture
def member(client):
    """Signed in on `client`."""
    member = make_member(
        phone="0812345678", email="one@example.org", citizen_id=make_citizen_id(3), given_name="สมใจ"
    )  # fmt: skip
    accounts._set(member, SECRET)
    client.post(reverse("member"), {"member_number": member.member_number, "password": SECRET})
    return member


def test_all_of_it_is_there(client, member):
    ticket = make_ticket(member=member)
    verbs.cancel(ticket=ticket, by=None)
    LineAccount.objects.create(member=member, user_id="U1", linked_at=timezone.now(), proved_by="code")
    member.phone = "0899999999"
    member.save()

    answer = client.get(FILE)
    held = answer.json()

    assert held["member"]["name"] == member.full_name
    assert held["member"]["line_linked_at"].startswith("2026-11-23T07:30")
    [one] = held["tickets"]
    assert (one["number"], [event["what"] for event in one["events"]]) == (ticket.code, ["book", "cancel"])
    assert [change["phone"] for change in held["changes"]] == ["0812345678", "0899999999"]
    assert len(held["devices"]) == 1
    assert "attachment" in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    page = text(client.get(PAGE))
    for shown in (member.full_name, "0899999999", "0812345678", ticket.code):
        assert shown in page


def test_what_others_wrote_of_them_is_there(client, member):
    ticket = make_walk_in(
        department=make_open_department(), member_id=member.pk, priority="elderly", reason="ใช้ไม้เท้า", by=make_user()
    )
    verbs.cancel(ticket=ticket, by=make_user(), reason="กลับบ้านก่อน")
    member.family_name, member.is_registered = "ใจงาม", False
    member._change_reason = "แจ้งที่สำนักงาน"
    member.save()

    held, page = client.get(FILE).json(), text(client.get(PAGE))

    [one] = held["tickets"]
    assert (one["priority"], one["priority_reason"]) == ("ผู้สูงอายุมาก", "ใช้ไม้เท้า")
    assert one["events"][-1]["why"] == "กลับบ้านก่อน"
    before, after = held["changes"]
    assert (before["registered"], after["registered"]) == (True, False)
    assert (after["name"], after["reason"]) == (member.full_name, "แจ้งที่สำนักงาน")
    assert before["name"] != after["name"]
    for shown in ("ผู้สูงอายุมาก: ใช้ไม้เท้า", "กลับบ้านก่อน", "แจ้งที่สำนักงาน", before["name"], after["name"]):
        assert shown in page


def test_no_citizen_id_and_no_secret_is_among_it(client, member):
    ticket = make_ticket(member=member)
    said = client.get(FILE).content.decode() + client.get(PAGE).content.decode()

    for secret in (make_citizen_id(3), member.citizen_id_hmac, ticket.secret, member.account.password):
        assert secret not in said


def test_nothing_of_others(client, member):
    other = make_ticket()

    said = client.get(FILE).content.decode()

    assert other.code not in [one["number"] for one in client.get(FILE).json()["tickets"]]
    assert other.member.member_number not in said


def test_it_takes_as_many_queries_for_many_tickets_as_for_one(client, member, django_assert_max_num_queries):
    for _ in range(6):
        verbs.cancel(ticket=make_ticket(member=member), by=None)

    with django_assert_max_num_queries(14):
        client.get(FILE)


@pytest.mark.parametrize("address", [PAGE, FILE])
def test_a_stranger_is_led_to_the_page_that_says_how(client, address):
    make_member()

    assert client.get(address)["Location"] == PRIVACY
    assert client.post(address).status_code == 405


def test_the_page_on_privacy_leads_there(client, member):
    assert f'href="{PAGE}"' in client.get(PRIVACY).content.decode()
    assert f"?next={PAGE}" in client.__class__().get(PRIVACY).content.decode()


# Under which name of what is held each model that points at a member stands, or why it does not.
RELATED = {
    "members.LineAccount.member": "member",
    "members.MemberAccount.member": "member",
    "members.MemberSession.member": "devices",
    "members.Passkey.member": "passkeys",
    "members.LinkingCode.member": "codes",
    "members.Care.carer": "family",
    "members.Care.member": "family",
    "members.MemberRequest.member": "requests",
    "booking.Ticket.member": "tickets",
    "booking.WaitingEntry.member": "waiting",
    "booking.ForgivenNoShows.member": "forgiven",
}
LEFT_OUT = {
    "booking.Notice.carer": "a message about another's ticket: it stands among that member's",
    "booking.OfferMessage.carer": "an offer to another: it stands among that member's",
}
FIELDS = {
    "member_number": "member_number",
    "title": "name",
    "given_name": "name",
    "family_name": "name",
    "phone": "phone",
    "email": "email",
    "is_registered": "is_registered",
    "created_at": "since",
    "imported_at": "imported_at",
    "left_at": "left_at",
    "sign_outs": "signed_out_everywhere",
    "citizen_id_hmac": "has_citizen_id_code",  # that there is one: the code itself is nothing a person can read
}


def test_every_model_that_points_at_a_member_is_held_or_says_why_not(client, member):
    held = client.get(FILE).json()
    pointing = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if not model.__name__.startswith("Historical")
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey) and field.related_model is Member
    }

    assert pointing == RELATED.keys() | LEFT_OUT.keys()
    assert set(RELATED.values()) <= held.keys()


def test_every_field_of_a_member_is_held(client, member):
    names = {field.name for field in Member._meta.concrete_fields if not field.primary_key}

    assert names == FIELDS.keys()
    assert set(FIELDS.values()) <= client.get(FILE).json()["member"].keys()


def test_codes_devices_and_how_line_was_linked_are_there_in_words(client, member):
    codes.issue_code(member=member, by=make_user())
    LineAccount.objects.create(
        member=member, user_id="U1", linked_at=timezone.now(), proved_by="code", unfollowed_at=timezone.now()
    )

    held, page = client.get(FILE).json(), text(client.get(PAGE))

    assert (held["member"]["line_proved_by"], held["member"]["line_blocked_at"]) == (
        "code",
        "2026-11-23T07:30:00+07:00",
    )
    assert held["member"]["password_set_at"] == "2026-11-23T07:30:00+07:00"
    [code] = held["codes"]
    assert (code["by_staff"], code["used_at"]) == (True, None)
    assert page.count("จ. 23 พ.ย. 2569 07.30 น.") >= 5
    assert "เลิกติดตามบัญชีของสหกรณ์เมื่อ" in page and "โดยเจ้าหน้าที่" in page
    assert "2026-11-23" not in page
