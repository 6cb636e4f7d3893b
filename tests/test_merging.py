"""Members who are there twice: shown to staff, merged by them one pair at a time, and never by itself."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import errors
from booking.models.tickets import State
from booking.verbs import merging
from members.models import LineAccount, LinkingCode, Member
from tests.factories import make_member, make_ticket, make_user

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:members_member_duplicates")


@pytest.fixture
def pair():
    return make_member(member_number="004501", phone=""), make_member(member_number="4501", phone="0899999999")


def linked(member, user_id="U1"):
    return LineAccount.objects.create(member=member, user_id=user_id, linked_at=timezone.now())


def test_tickets_line_account_and_what_was_missing_go_to_the_one_that_is_kept(pair):
    kept, dropped = pair
    ticket, account = make_ticket(member=dropped), linked(dropped)
    Member.objects.filter(pk=kept.pk).update(citizen_id_hmac=None)
    by, hmac = make_user(), dropped.citizen_id_hmac

    merging.merge_members(kept=kept, dropped=dropped, by=by)

    kept.refresh_from_db()
    ticket.refresh_from_db()
    account.refresh_from_db()
    assert ticket.member == account.member == kept
    assert (kept.phone, kept.citizen_id_hmac) == ("0899999999", hmac)
    assert not Member.objects.filter(pk=dropped.pk).exists()
    last = Member.history.filter(id=dropped.pk).latest()
    assert (last.history_type, last.history_user, last.history_change_reason) == ("-", by, "รวมเข้ากับ 004501")
    assert kept.history.latest().history_change_reason == "รวม 4501 เข้ามา"


def test_the_codes_of_one_go_to_the_other_and_nobody_else_s_do(pair):
    kept, dropped = pair
    stranger = make_member()
    later = timezone.now() + dt.timedelta(minutes=15)
    LinkingCode.objects.create(member=dropped, code_hmac="of the dropped", expires_at=later)
    LinkingCode.objects.create(member=stranger, code_hmac="of a stranger", expires_at=later)

    merging.merge_members(kept=kept, dropped=dropped, by=make_user())

    owners = dict(LinkingCode.objects.values_list("code_hmac", "member"))
    assert owners == {"of the dropped": kept.pk, "of a stranger": stranger.pk}


def test_two_live_tickets_of_one_day_are_refused(pair):
    kept, dropped = pair
    mine = make_ticket(member=kept)
    theirs = make_ticket(member=dropped, slot=mine.slot)

    with pytest.raises(errors.TwoTicketsOfOneDay) as refusal:
        merging.merge_members(kept=kept, dropped=dropped, by=make_user())

    assert refusal.value.ticket == theirs
    assert Member.objects.count() == 2
    type(theirs).objects.filter(pk=theirs.pk).update(state=State.CANCELLED)
    merging.merge_members(kept=kept, dropped=dropped, by=make_user())
    assert kept.tickets.count() == 2


def test_two_line_accounts_are_refused(pair):
    kept, dropped = pair
    linked(kept), linked(dropped, "U2")
    with pytest.raises(errors.TwoLineAccounts):
        merging.merge_members(kept=kept, dropped=dropped, by=make_user())
    assert LineAccount.objects.count() == 2


def test_members_whose_numbers_are_not_alike_are_not_merged(pair):
    with pytest.raises(errors.NoSuchMember):
        merging.merge_members(kept=pair[0], dropped=make_member(member_number="4502"), by=make_user())


def test_staff_see_them_and_merge_one_pair(client, manager, pair):
    kept, dropped = pair
    make_member(member_number="777")
    page = client.get(PAGE)
    assert [(first, others) for first, others in page.context["rows"]] == [(kept, [dropped])]

    page = client.post(PAGE, {"kept": kept.pk, "dropped": dropped.pk}, follow=True)

    assert "รวม 4501 เข้ากับ 004501 แล้ว" in page.content.decode()
    assert not list(page.context["rows"])
    assert kept.history.latest().history_user == manager


@pytest.mark.parametrize("sent", [{}, {"kept": "x", "dropped": "9" * 30}, {"kept": "same", "dropped": "same"}])
def test_what_is_no_pair_is_told(client, manager, pair, sent):
    sent = {name: pair[0].pk if value == "same" else value for name, value in sent.items()}
    page = client.post(PAGE, sent, follow=True)
    assert str(errors.NoSuchMember()) in page.content.decode()
    assert Member.objects.count() == 2


def test_a_clerk_does_not(client, clerk):
    assert client.get(PAGE).status_code == 403


@pytest.mark.parametrize(
    ("kept_left", "dropped_left", "has_left"), [(True, False, False), (True, True, True), (False, True, False)]
)
def test_who_is_there_twice_has_left_only_if_both_have(pair, kept_left, dropped_left, has_left):
    for member, left in zip(pair, (kept_left, dropped_left), strict=True):
        member.left_at = timezone.now() if left else None
        member.save()

    kept = merging.merge_members(kept=pair[0], dropped=pair[1], by=make_user())

    kept.refresh_from_db()
    assert (kept.left_at is not None) == has_left
