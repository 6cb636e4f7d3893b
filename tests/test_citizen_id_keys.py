"""CITIZEN_ID_KEY is changed with the old key beside it: nobody is lost, and each look-up or import moves a member."""

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from booking import sign_in
from members.citizen_id import citizen_id_hmac
from members.directory import comparing
from members.errors import NotRegistered
from members.files import importing
from members.identify import identify
from members.models import Member
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
    row = {"member_number": "004501", "citizen_id": CITIZEN_ID, "given_name": changed.given_name}
    file = importing.take_in(csv_file(row), name="members.csv", by=make_user())
    importing.check(file.pk)
    importing.confirm(file=file, marks_missing=False, by=file.uploaded_by)
    importing.bring_in(file.pk)
    assert Member.objects.get() == changed
    assert stored(changed) == citizen_id_hmac(CITIZEN_ID)


def test_a_night_of_i_members_moves_all_of_its_members(changed, settings):
    with fake_directory.running() as service:
        settings.MEMBER_DIRECTORY, settings.DIRECTORY_URL = "http", service.url
        settings.DIRECTORY_TOKEN = fake_directory.TOKEN
        service.people = [
            {"member_number": "4501", "citizen_id": CITIZEN_ID, "given_name": "สมศรี", "registered": True},
            {"member_number": "4502", "citizen_id": make_citizen_id(), "given_name": "สมชาย", "registered": True},
        ]
        comparing.compare()
    assert stored(changed) == citizen_id_hmac(CITIZEN_ID)


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
