"""Passkeys: what opens i-member without a password, and all that does not."""

import datetime as dt

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from booking import jobs, verbs
from members import accounts, passkeys
from members.codes import issue_code
from members.models import MemberSession, Passkey, UsedChallenge
from tests.authenticator import PRESENT, Telephone
from tests.factories import make_citizen_id, make_member, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

ENTRY, MINE, NEW = reverse("member"), reverse("member_passkeys"), reverse("member_passkey_new")
BEGIN, IN, REMOVE = reverse("member_passkey_begin"), reverse("member_passkey_sign_in"), reverse("member_passkey_remove")
SECRET = "ดอกไม้ริมรั้วบ้าน"
HERE = "https://queue.example.org"


@pytest.fixture(autouse=True)
def here(settings):
    settings.IMEMBER_LOGIN_URL, settings.PUBLIC_URL = "", HERE


def signed_in(client, **fields):
    member = make_member(**fields)
    accounts._set(member, SECRET)
    client.post(ENTRY, {"member_number": member.member_number, "password": SECRET})
    return member


def make(client, telephone, **wrong):
    answer = telephone.make(client.post(NEW).json(), **wrong)
    return client.post(MINE, {"answer": answer, "name": "โทรศัพท์ของฉัน"})


def sign_in(client, telephone, **wrong):
    return client.post(IN, {"answer": telephone.get(client.post(BEGIN).json(), **wrong)})


@pytest.fixture
def telephone(client):
    """Of a member who is signed in on `client`."""
    telephone = Telephone(HERE)
    telephone.member = signed_in(client)
    assert make(client, telephone)["Location"] == f"{MINE}?done=made"
    return telephone


def is_in(client) -> bool:
    return "ไอเมมเบอร์ของฉัน" in text(client.get(ENTRY))


def refused(answer) -> bool:
    return answer.status_code == 422 and "ใช้พาสคีย์นี้ไม่ได้" in text(answer)


# --- the way in ---


def test_it_opens_i_member_on_another_device_with_nothing_typed(telephone):
    other = Client(headers={"user-agent": "Android"})

    assert sign_in(other, telephone)["Location"] == ENTRY

    assert is_in(other)
    assert MemberSession.objects.filter(member=telephone.member, device="Android").count() == 1
    one = Passkey.objects.get()
    assert (one.name, one.sign_count, one.used_at is not None) == ("โทรศัพท์ของฉัน", 1, True)


def test_it_leads_on_to_where_one_wanted_to_go(telephone):
    other = Client()
    answer = telephone.get(other.post(BEGIN).json())
    assert other.post(IN, {"answer": answer, "next": reverse("held")})["Location"] == reverse("held")
    answer = telephone.get(other.post(BEGIN).json())
    assert other.post(IN, {"answer": answer, "next": "https://elsewhere.example/"})["Location"] == ENTRY


def test_the_telephone_is_told_no_number_and_asked_to_know_its_owner(client):
    member = signed_in(client, member_number="712345")

    options = client.post(NEW).json()

    assert options["rp"]["id"] == "queue.example.org"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert member.member_number not in str(options)
    assert "allowCredentials" not in str({k: v for k, v in client.post(BEGIN).json().items() if v})


# --- what does not open it ---


def test_an_answer_counts_once(telephone):
    other = Client()
    answer = telephone.get(other.post(BEGIN).json())
    cookie = other.cookies["passkey"].value
    other.post(IN, {"answer": answer})
    Passkey.objects.update(sign_count=0)  # not the counter, but the challenge, is what this test is about
    replay = Client()
    replay.cookies["passkey"] = cookie

    assert refused(replay.post(IN, {"answer": answer}))
    assert not is_in(replay)


def test_a_challenge_is_one_browsers_and_ends(telephone):
    one, other = Client(), Client()
    answer = telephone.get(one.post(BEGIN).json())
    other.post(BEGIN)

    assert refused(other.post(IN, {"answer": answer}))
    assert refused(Client().post(IN, {"answer": answer}))
    answer = telephone.get(one.post(BEGIN).json())
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=5, seconds=1), tick=False):
        assert refused(one.post(IN, {"answer": answer}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"challenge": "AAAA"},
        {"origin": "https://queue.example.com"},
        {"origin": "http://queue.example.org"},
        {"rp_id": "example.org"},
        {"handle": b"somebody"},
        {"handle": b""},
    ],
    ids=str,
)
def test_an_answer_to_another_question_opens_nothing(telephone, wrong):
    other = Client()

    assert refused(sign_in(other, telephone, **wrong))
    assert not is_in(other)
    assert sign_in(other, telephone).status_code == 302


def test_another_members_passkey_does_not_open_mine(telephone):
    """Somebody registers their own telephone, and answers with my passkey's name, or my handle."""
    stranger, theirs = Client(), Telephone(HERE)
    signed_in(stranger)
    make(stranger, theirs)
    away = Client()

    theirs.handle = telephone.handle
    assert refused(sign_in(away, theirs))
    theirs.credential_id = telephone.credential_id
    assert refused(sign_in(away, theirs))
    assert not is_in(away)


def test_nobody_takes_over_a_passkey_that_is_there(telephone):
    stranger, theirs = Client(), Telephone(HERE)
    signed_in(stranger)
    theirs.credential_id = telephone.credential_id

    assert refused(make(stranger, theirs))
    assert Passkey.objects.get().member == telephone.member


def test_a_copy_whose_counter_runs_back_is_refused(telephone):
    sign_in(Client(), telephone)
    sign_in(Client(), telephone)
    telephone.count = 0

    assert refused(sign_in(Client(), telephone))


def test_who_is_not_known_to_the_telephone_is_refused(telephone):
    telephone.flags = PRESENT

    assert refused(sign_in(Client(), telephone))


def test_a_challenge_for_signing_in_makes_no_passkey(client):
    signed_in(client)
    options = client.post(NEW).json()
    client.post(BEGIN)

    assert refused(client.post(MINE, {"answer": Telephone(HERE).make(options), "name": ""}))
    assert not Passkey.objects.exists()


def test_who_has_left_is_refused(telephone):
    type(telephone.member).objects.update(left_at=timezone.now())

    assert refused(sign_in(Client(), telephone))


@pytest.mark.parametrize(
    "answer", ["", "{", "[]", "1", "{}", '{"id": 5, "response": 7}', "x" * 30_000], ids=lambda one: one[:9]
)
def test_nonsense_is_refused_in_a_sentence(telephone, answer):
    other = Client()
    other.post(BEGIN)
    assert refused(other.post(IN, {"answer": answer}))
    client = Client()
    signed_in(client)
    client.post(NEW)
    assert refused(client.post(MINE, {"answer": answer, "name": ""}))


def test_tries_are_counted_like_those_of_passwords(telephone, settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "3/600", "device": "100/600"}
    other = Client()
    for _ in range(3):
        assert refused(sign_in(other, telephone, challenge="AAAA"))

    assert sign_in(other, telephone).status_code == 429
    assert not is_in(other)


# --- one's own ---


def test_they_are_listed_and_removed_by_their_member_alone(client, telephone):
    assert "โทรศัพท์ของฉัน" in text(client.get(MINE))
    assert "โทรศัพท์ของฉัน" in [one["name"] for one in client.get(reverse("held_file")).json()["passkeys"]]
    pk = Passkey.objects.get().pk
    stranger = Client()
    signed_in(stranger)
    assert "โทรศัพท์ของฉัน" not in text(stranger.get(MINE))
    stranger.post(REMOVE, {"passkey": pk})
    assert Passkey.objects.exists()

    client.post(REMOVE, {"passkey": pk})

    assert not Passkey.objects.exists()
    assert refused(sign_in(Client(), telephone))


def test_ten_are_enough(client, telephone):
    for nth in range(9):
        Passkey.objects.create(
            member=telephone.member,
            credential_id=f"AAA{nth}",
            public_key=b"",
            sign_count=0,
            name="x",
            made_at=timezone.now(),
        )

    assert "ครบ 10 รายการ" in text(make(client, Telephone(HERE)))


def test_the_member_is_told_of_a_new_one(settings, client):
    settings.EMAIL_HOST = "mail.example.org"
    telephone = Telephone(HERE)
    signed_in(client, email="one@example.org")
    OrmQ.objects.all().delete()
    make(client, telephone)

    for row in OrmQ.objects.all():
        task = SignedPackage.loads(row.payload)
        assert task["func"] == "members.accounts.tell_of_passkey"
        accounts.tell_of_passkey(*task["args"])

    assert "เพิ่มพาสคีย์" in mail.outbox[0].body


def test_signing_out_everywhere_says_that_passkeys_stay(client, telephone):
    answer = client.post(reverse("member_leave"), {"all": "yes"}, follow=True)

    assert "พาสคีย์หรือ LINE ที่ผูกไว้ยังใช้เข้าสู่ระบบได้" in text(answer)
    assert sign_in(client, telephone).status_code == 302


def test_a_forgotten_password_ends_them_and_erasing_too(client, telephone):
    member = telephone.member
    claim = accounts.Claim(member.member_number, [member.citizen_id_hmac])
    code = issue_code(member=member, by=make_user())
    accounts.set_password(claim=claim, code=code, password="อีกคำหนึ่งยาวพอ", device="", address="", agent="")
    assert not Passkey.objects.exists()

    fresh = Client()
    fresh.post(ENTRY, {"member_number": member.member_number, "password": "อีกคำหนึ่งยาวพอ"})
    make(fresh, Telephone(HERE))
    assert Passkey.objects.exists()
    verbs.erase_member(member=member, by=make_user())
    assert not Passkey.objects.exists()


# --- where they are ---


@pytest.mark.parametrize("address", ["", "http://queue.example.org"])
def test_without_an_address_that_browsers_trust_there_are_none(client, settings, address):
    settings.PUBLIC_URL = address
    signed_in(client)

    assert "passkeys.js" not in client.get(ENTRY).content.decode()
    assert client.get(MINE).status_code == 404
    assert client.post(BEGIN).status_code == 404
    assert client.post(IN).status_code == 404


def test_without_a_script_nothing_is_offered(client):
    page = client.get(ENTRY).content.decode()
    assert "data-passkeys hidden>" in page
    signed_in(client)
    assert "data-passkeys hidden>" in client.get(ENTRY).content.decode()
    assert "data-passkeys hidden>" in client.get(MINE).content.decode()


@pytest.mark.parametrize("address", [BEGIN, IN, NEW, REMOVE])
def test_what_changes_something_takes_a_form(client, address):
    signed_in(client)
    assert client.get(address).status_code == 405


@pytest.mark.parametrize("address", [MINE, NEW, REMOVE])
def test_strangers_are_led_to_the_door(client, address):
    assert client.post(address)["Location"] == ENTRY


def test_used_challenges_are_forgotten_when_they_have_ended(telephone):
    sign_in(Client(), telephone)
    assert UsedChallenge.objects.count() == 2
    with time_machine.travel(timezone.now() + passkeys.CHALLENGE_LASTS + dt.timedelta(seconds=1), tick=False):
        jobs.forget_challenges()
    assert not UsedChallenge.objects.exists()


def test_no_number_stands_where_a_passkey_is_kept(telephone):
    assert make_citizen_id() not in str(vars(Passkey.objects.get()))
