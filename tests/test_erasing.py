"""A member who asks to be forgotten: what goes, what stays, and that no file and no look-up brings them in again."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from booking import errors, roles, verbs
from booking.models import Ticket, TicketEvent
from members import accounts, directory
from members.citizen_id import citizen_id_hmac
from members.directory import keeping
from members.directory.answers import Person
from members.erased import number_hmacs
from members.files import importing
from members.files.importing import Outcome
from members.models import ErasedMember, LineAccount, Member, MemberFile
from tests.factories import make_citizen_id, make_member, make_ticket, make_user

pytestmark = pytest.mark.django_db


def page_of(member) -> str:
    return reverse("admin:members_member_erase", args=[member.pk])


@pytest.fixture
def member():
    """With all that can be kept of one: a ticket that is over, LINE, a password, a history."""
    member = make_member(
        member_number="004711", given_name="เอกลักษณ์", phone="0812345678", email="one@example.org",
        citizen_id=make_citizen_id(7),
    )  # fmt: skip
    ticket = make_ticket(member=member)
    verbs.cancel(ticket=ticket, by=None)
    LineAccount.objects.create(member=member, user_id="U1", linked_at=timezone.now(), proved_by="code")
    accounts._set(member, "ดอกไม้ริมรั้วบ้าน")
    member.phone = "0899999999"
    member.save()
    return member


def import_row(**cells) -> MemberFile:
    """What a file with this one row, and one of somebody else, comes to once it is brought in."""
    rows = "member_number,given_name,citizen_id\n" + ",".join(
        [cells["member_number"], "ใครสักคน", cells.get("citizen_id", "")]
    )
    file = importing.take_in(f"{rows}\n700700,ผู้อื่น,\n".encode(), name="x.csv", by=make_user())
    importing.check(file.pk)
    file.refresh_from_db()
    importing.confirm(file=file, marks_missing=False, by=make_user())
    importing.bring_in(file.pk)
    file.refresh_from_db()
    return file


def test_nothing_of_them_is_left_anywhere(client, manager, member):
    pk = member.pk
    client.post(reverse("admin:members_member_change", args=[pk]), {"member_number": "004711", "given_name": "เอกลักษณ์"})

    answer = client.post(page_of(member))

    assert answer["Location"] == reverse("admin:members_member_changelist")
    assert not Member.objects.filter(pk=pk).exists()
    assert not Member.history.filter(id=pk).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
        tables = [row[0] for row in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t')
            said = cursor.fetchone()[0] or ""
            found += [(table, word) for word in ("004711", "เอกลักษณ์", "0812345678", "one@example.org") if word in said]
    assert found == []


def test_the_ticket_and_what_happened_to_it_stay(member):
    ticket = Ticket.objects.get(member=member)
    events = ticket.events.count()

    assert verbs.erase_member(member=member, by=make_user()) == 1

    ticket.refresh_from_db()
    assert (ticket.member, ticket.state, ticket.origin_device) == (None, "cancelled", None)
    assert TicketEvent.objects.filter(ticket=ticket).count() == events


def test_it_is_written_down_by_whom_and_of_whom_not(client, manager, member):
    client.post(page_of(member))

    tombstone = ErasedMember.objects.get()
    assert tombstone.erased_by == manager
    assert "4711" not in str(vars(tombstone).values())
    assert all(entry.object_repr == "-" for entry in LogEntry.objects.filter(object_id=str(member.pk)))


def test_a_turn_that_is_still_to_come_is_cancelled_first(client, manager, member):
    make_ticket(member=member)

    with pytest.raises(errors.MemberHasTickets):
        verbs.erase_member(member=member, by=manager)
    page = client.get(page_of(member)).content.decode()
    assert "ยังมีบัตรคิวที่ไม่สิ้นสุด 1 ใบ" in page
    assert 'type="submit">ลบข้อมูล' not in page
    assert client.post(page_of(member))["Location"] == page_of(member)
    assert Member.objects.filter(pk=member.pk).exists()


@pytest.mark.parametrize("cells", [{"member_number": "4711"}, {"member_number": "999111", "citizen_id": "theirs"}])
def test_no_file_brings_them_in_again(member, cells):
    verbs.erase_member(member=member, by=make_user())
    if "citizen_id" in cells:
        cells = cells | {"citizen_id": make_citizen_id(7)}

    file = import_row(**cells)

    assert file.state == MemberFile.State.DONE
    assert (file.counts[Outcome.ERASED], file.counts[Outcome.NEW], file.counts[Outcome.FAULTY]) == (1, 1, 0)
    assert [one.member_number for one in Member.objects.all()] == ["700700"]


def test_nor_after_the_key_of_citizen_ids_was_changed(settings, member):
    verbs.erase_member(member=member, by=make_user())
    settings.CITIZEN_ID_KEY_FALLBACKS, settings.CITIZEN_ID_KEY = [settings.CITIZEN_ID_KEY], "another-key-" * 5

    assert import_row(member_number="4711").counts[Outcome.ERASED] == 1
    settings.CITIZEN_ID_KEY_FALLBACKS = []
    assert import_row(member_number="4711").counts[Outcome.ERASED] == 1, "the tombstone was met under both keys"


def test_no_look_up_brings_them_in_again(settings, member):
    verbs.erase_member(member=member, by=make_user())

    for number, citizen_id in (("004711", None), ("555555", citizen_id_hmac(make_citizen_id(7)))):
        values = {"member_number": number, "citizen_id_hmac": citizen_id, "given_name": "x", "is_registered": True}
        person = Person(**{name: values.get(name, "") for name in Person._fields})
        assert keeping.keep(person) is None
    assert directory.find(member_number="4711") is None
    assert not Member.objects.exists()


def test_who_comes_back_is_entered_by_hand_and_then_files_may_know_them(client, manager, member):
    verbs.erase_member(member=member, by=manager)
    client.post(
        reverse("admin:members_member_add"), {"member_number": "004711", "given_name": "เอกลักษณ์", "family_name": "ใจดี"}
    )

    assert not ErasedMember.objects.filter(number_hmac=number_hmacs("4711")[0]).exists()
    assert import_row(member_number="4711").counts[Outcome.CHANGED] == 1


@pytest.mark.parametrize("group", [roles.CLERK, roles.HEAD, roles.AUDITOR])
def test_only_managers_do_it(client, member, group):
    client.force_login(make_user(group=group))

    assert client.get(page_of(member)).status_code == 403
    assert client.post(page_of(member)).status_code == 403
    assert Member.objects.filter(pk=member.pk).exists()


def test_the_page_of_deleting_leads_there(client, manager, member):
    page = client.get(reverse("admin:members_member_delete", args=[member.pk])).content.decode()

    assert "ลบข้อมูลตามคำขอ" in page
