"""CITIZEN_ID_KEY is changed with the old key beside it: nobody is lost, and each look-up or import moves a member."""

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from booking import sign_in, verbs
from members import directory
from members.citizen_id import citizen_id_hmac
from members.directory import comparing
from members.erased import number_hmacs
from members.errors import NotRegistered
from members.files import importing
from members.files.importing import Outcome
from members.identify import identify
from members.models import ErasedMember, Member
from queuesite import secret_keys
from tests import fake_directory
from tests.factories import make_citizen_id, make_member, make_user
from tests.test_member_import import csv_file

pytestmark = pytest.mark.django_db
OLD, NEW = "the-citizen-id-key-of-before-" * 2, "the-citizen-id-key-of-now-" * 2
ADDRESS = "203.0.113.7"
CITIZEN_ID = "1234567890121"


@pytest.fixture
def changed(settings):
    """Makes one member under the old key, then changes it."""
    settings.CITIZEN_ID_KEY = OLD
    secret_keys.keep(accepts=True)
    member = make_member(citizen_id=CITIZEN_ID, member_number="004501")
    settings.CITIZEN_ID_KEY, settings.CITIZEN_ID_KEY_FALLBACKS = NEW, [OLD]
    return member


@pytest.fixture
def service(settings):
    with fake_directory.running() as service:
        settings.MEMBER_DIRECTORY, settings.DIRECTORY_URL = "http", service.url
        settings.DIRECTORY_TOKEN = fake_directory.TOKEN
        yield service


def brought_in(*rows) -> importing.MemberFile:
    file = importing.take_in(csv_file(*rows), name="members.csv", by=make_user())
    importing.check(file.pk)
    importing.confirm(file=file, marks_missing=False, by=file.uploaded_by)
    importing.bring_in(file.pk)
    file.refresh_from_db()
    return file


def stored(member) -> str:
    return Member.objects.values_list("citizen_id_hmac", flat=True).get(pk=member.pk)


def test_who_is_looked_up_moves_to_the_new_key(changed, settings):
    assert stored(changed) != citizen_id_hmac(CITIZEN_ID)
    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == changed
    assert stored(changed) == citizen_id_hmac(CITIZEN_ID)
    settings.CITIZEN_ID_KEY_FALLBACKS = []
    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == changed


def test_without_the_old_key_who_was_not_seen_is_not_found(changed, settings):
    settings.CITIZEN_ID_KEY_FALLBACKS = []
    with pytest.raises(NotRegistered):
        identify(citizen_id=CITIZEN_ID, address=ADDRESS)
    assert identify(member_number="004501", address=ADDRESS) == changed


def test_an_import_moves_all_of_its_members(changed):
    brought_in({"member_number": "004501", "citizen_id": CITIZEN_ID, "given_name": changed.given_name})
    assert Member.objects.get() == changed
    assert stored(changed) == citizen_id_hmac(CITIZEN_ID)


def test_a_night_of_i_members_moves_all_of_its_members(changed, service):
    service.people = [
        {"member_number": "4501", "citizen_id": CITIZEN_ID, "given_name": "สมศรี", "registered": True},
        {"member_number": "4502", "citizen_id": make_citizen_id(), "given_name": "สมชาย", "registered": True},
    ]
    comparing.compare()
    assert stored(changed) == citizen_id_hmac(CITIZEN_ID)


def test_whose_number_changed_there_is_the_same_member(changed, service):
    service.people = [{"member_number": "777777", "citizen_id": CITIZEN_ID, "given_name": "สมศรี", "registered": True}]
    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == changed
    assert Member.objects.get().member_number == "777777"
    assert stored(changed) == citizen_id_hmac(CITIZEN_ID)


def test_an_import_gives_nobodys_citizen_id_to_another_number(changed):
    file = brought_in({"member_number": "777777", "citizen_id": CITIZEN_ID, "given_name": "สมศรี"})
    assert [fault[0][:2] for _line, _typed, fault in file.faults] == [["citizen_id", "citizen_id_of_another"]]
    assert Member.objects.get() == changed


# --- who was forgotten under the old key ---

WITH_THAT_ID = {"member_number": "999111", "citizen_id": CITIZEN_ID, "given_name": "ใคร", "registered": True}


@pytest.fixture
def forgotten(changed, settings):
    """The same member, forgotten before the key was changed."""
    settings.CITIZEN_ID_KEY, settings.CITIZEN_ID_KEY_FALLBACKS = OLD, []
    verbs.erase_member(member=changed, by=make_user())
    settings.CITIZEN_ID_KEY, settings.CITIZEN_ID_KEY_FALLBACKS = NEW, [OLD]


def test_no_import_brings_them_in_by_their_citizen_id(forgotten, settings):
    for _again in "with the old key beside", "and then without":
        assert brought_in(WITH_THAT_ID).counts[Outcome.ERASED] == 1
        assert not Member.objects.exists()
        settings.CITIZEN_ID_KEY_FALLBACKS = []


def test_no_answer_of_i_members_brings_them_in_by_their_citizen_id(forgotten, settings, service):
    service.people = [WITH_THAT_ID]
    for _again in "with the old key beside", "and then without":
        assert directory.find(member_number="999111") is None
        assert comparing.compare().counts[Outcome.ERASED] == 1
        assert not Member.objects.exists()
        settings.CITIZEN_ID_KEY_FALLBACKS = []


@pytest.mark.parametrize("way", ["file", "look-up"])
def test_a_tombstone_whose_number_is_met_moves_to_the_new_key(forgotten, settings, request, way):
    assert ErasedMember.objects.get().number_hmac == number_hmacs("4501")[1]
    if way == "file":
        brought_in({"member_number": "4501", "given_name": "ใคร"})
    else:
        service = request.getfixturevalue("service")
        service.people = [WITH_THAT_ID | {"member_number": "004501", "citizen_id": None}]
        assert directory.find(member_number="4501") is None
    assert ErasedMember.objects.get().number_hmac == number_hmacs("4501")[0]
    settings.CITIZEN_ID_KEY_FALLBACKS = []
    assert brought_in({"member_number": "4501", "given_name": "ใคร"}).counts[Outcome.ERASED] == 1


def test_who_comes_back_with_another_number_is_entered_by_hand(forgotten, client, manager, service):
    page = "/admin/members/member/add/"
    client.post(page, {"member_number": "999111", "given_name": "ใคร", "citizen_id": CITIZEN_ID})
    service.people = [WITH_THAT_ID]
    assert directory.find(citizen_id=CITIZEN_ID, citizen_id_hmac=citizen_id_hmac(CITIZEN_ID)) == Member.objects.get()


# --- and the rest ---


def test_the_same_person_cannot_be_added_twice_under_two_keys(changed, client):
    client.force_login(get_user_model().objects.create_superuser("root"))
    page = "/admin/members/member/add/"
    answer = client.post(page, {"member_number": "77", "given_name": "ก", "citizen_id": CITIZEN_ID})
    assert answer.status_code == 200 and Member.objects.count() == 1


def test_a_start_goes_on_with_the_old_key_beside_and_stops_without(changed, settings):
    assert secret_keys.check_keys(databases=["default"]) == []
    settings.CITIZEN_ID_KEY_FALLBACKS = []
    assert [fault.msg.split()[0] for fault in secret_keys.check_keys(databases=["default"])] == ["CITIZEN_ID_KEY"]
    call_command("accept_keys")
    assert secret_keys.check_keys(databases=["default"]) == []


def test_recovery_codes_of_before_stay_good(settings):
    settings.CITIZEN_ID_KEY = OLD
    user = make_user()
    device = sign_in.begun_device(user)
    code, other = sign_in.confirm_device(device)[:2]
    settings.CITIZEN_ID_KEY, settings.CITIZEN_ID_KEY_FALLBACKS = NEW, [OLD]
    prove = sign_in.proved
    assert prove(user, code)
    assert not prove(user, code), "it is used up"
    settings.CITIZEN_ID_KEY_FALLBACKS = []
    assert not prove(user, other)
