"""However many try at once, and whatever they say of themselves, no more are looked up than the limits allow."""

import datetime as dt
from functools import partial

import pytest
import time_machine
from django.db import connection, transaction
from django.test import RequestFactory
from django.utils import timezone

from members import throttle
from members.errors import NotRegistered, TooManyAttempts
from members.identify import identify
from members.models import LookupCount, LookupLog
from members.throttle import client_address, count_attempt, purge_lookups
from office.settings import office
from tests.factories import make_member
from tests.racing import race

NOON = dt.datetime(2026, 11, 23, 5, 0, tzinfo=dt.UTC)


@pytest.fixture
def limits(settings):
    def set_limits(*, seconds=10**9, **tries):
        """By default for so long that no test lives to see the end of it."""
        tries = dict.fromkeys(throttle.SCOPES, 1000) | tries
        settings.LOOKUP_LIMITS = {scope: f"{limit}/{seconds}" for scope, limit in tries.items()}

    set_limits()
    return set_limits


def passes(*, identifier="100001", device="", address="203.0.113.7") -> bool:
    try:
        count_attempt(identifier=identifier, device=device, address=address)
    except TooManyAttempts:
        return False
    return True


def counts() -> dict[str, int]:
    return {row.scope: len(row.tried_at) for row in LookupLog.objects.all()}


@pytest.mark.django_db
@pytest.mark.parametrize("scope", ["identifier", "device", "address"])
def test_each_scope_has_its_own_limit(limits, scope):
    limits(**{scope: 3})
    same = {scope: "192.0.2.1" if scope == "address" else "same"}
    others = [{"identifier": f"number {n}", "device": f"device {n}", "address": f"198.51.100.{n}"} for n in range(6)]
    assert [passes(**other | same) for other in others] == [True, True, True, False, False, False]
    assert passes(**others[5]), "only the one named is stopped"


@pytest.mark.django_db
def test_without_a_device_the_other_two_count(limits):
    limits(device=1)
    assert [passes(device="") for _ in range(3)] == [True, True, True]
    assert counts() == {"identifier": 3, "address": 3}


@pytest.mark.django_db
def test_a_stopped_address_uses_up_nobody_elses_tries_and_fills_no_table(limits):
    limits(address=2)
    for n in range(50):
        passes(identifier=f"number {n}", device=f"device {n}")
    assert LookupLog.objects.count() == 1 + 2 + 2
    limits(address=1000, device=2)
    LookupLog.objects.all().delete()
    for n in range(50):
        passes(identifier=f"number {n}", device="one device")
    assert LookupLog.objects.count() == 1 + 1 + 2


@pytest.mark.django_db
def test_the_refusal_says_when_and_then_there_is_one_more_try(limits):
    limits(identifier=2, seconds=900)
    with time_machine.travel(NOON, tick=False) as clock:
        assert passes()
        clock.shift(dt.timedelta(seconds=300, milliseconds=400))
        assert passes()
        with pytest.raises(TooManyAttempts) as refusal:
            count_attempt(identifier="100001", device="", address="203.0.113.7")
        assert refusal.value.retry_after == 600
        assert "10 นาที" in str(refusal.value)
        clock.move_to(NOON + dt.timedelta(seconds=899))
        with pytest.raises(TooManyAttempts) as refusal:
            count_attempt(identifier="100001", device="", address="203.0.113.7")
        assert refusal.value.retry_after == 1
        clock.shift(dt.timedelta(seconds=1))
        assert [passes(), passes()] == [True, False], "the first try counts no more, the second does"


@pytest.mark.django_db
def test_the_wait_is_that_of_this_number_and_of_the_scope_that_refused(limits):
    limits(identifier=1, seconds=900)
    with time_machine.travel(NOON, tick=False) as clock:
        assert passes(identifier="another number", address="198.51.100.1")
        clock.shift(dt.timedelta(seconds=100))
        assert passes(identifier="100001", address="203.0.113.7")
        clock.shift(dt.timedelta(seconds=100))
        with pytest.raises(TooManyAttempts) as refusal:
            count_attempt(identifier="100001", device="", address="198.51.100.1")
        assert refusal.value.retry_after == 800


@pytest.mark.django_db
def test_where_there_is_room_again_by_then_the_wait_is_a_second():
    assert throttle._seconds_until_free("identifier", "100001", throttle.Limit(5, 900)) == 1


@pytest.mark.django_db
def test_after_ten_wrong_proofs_of_a_member_none_counts_for_a_day_but_a_clerks_code():
    with time_machine.travel(NOON, tick=False) as clock:
        assert [throttle.count_proof_or_code(7) for _ in range(11)] == ["proof"] * 10 + ["code"]
        assert throttle.count_proof_or_code(8) == "proof", "another member's are counted apart"
        clock.shift(dt.timedelta(hours=24, seconds=-1))
        assert throttle.count_proof_or_code(7) == "code"
        clock.shift(dt.timedelta(seconds=1))
        assert throttle.count_proof_or_code(7) == "proof"


@pytest.mark.django_db
def test_guesses_at_codes_end_for_a_quarter_of_an_hour_and_then_for_the_day(monkeypatch):
    monkeypatch.setitem(
        throttle.OF_A_MEMBER, "code", {"code": throttle.Limit(2, 900), "code_day": throttle.Limit(3, 86400)}
    )
    with time_machine.travel(NOON, tick=False) as clock:
        assert [throttle.count_proof_or_code(7) for _ in range(13)][10:] == ["code", "code", ""]
        throttle.give_back_proof(7, "code")
        assert [throttle.count_proof_or_code(7) for _ in range(2)] == ["code", ""]
        clock.shift(dt.timedelta(minutes=15))
        assert [throttle.count_proof_or_code(7) for _ in range(2)] == ["code", ""]
        clock.shift(dt.timedelta(minutes=15))
        assert throttle.count_proof_or_code(7) == "", "three in a day"
        assert throttle.count_proof_or_code(8) == "proof"


@pytest.mark.django_db
def test_after_a_hundred_wrong_passwords_of_a_member_none_counts_for_a_day():
    with time_machine.travel(NOON, tick=False) as clock:
        assert [throttle.count_proof(7, "password") for _ in range(101)] == [True] * 100 + [False]
        assert throttle.count_proof(7, "proof"), "of another kind one does"
        clock.shift(dt.timedelta(hours=24, seconds=-1))
        assert not throttle.count_proof(7, "password")
        clock.shift(dt.timedelta(seconds=1))
        assert throttle.count_proof(7, "password")


@pytest.mark.django_db
def test_a_right_proof_is_given_back_and_a_new_password_forgets_them_all():
    for _ in range(10):
        throttle.count_proof(7, "proof")
    throttle.give_back_proof(7, "proof")
    assert [throttle.count_proof(7, "proof"), throttle.count_proof(7, "proof")] == [True, False]
    throttle.forget_proofs(7, "proof")
    assert throttle.count_proof(7, "proof")


@pytest.mark.django_db
def test_a_proof_that_cannot_be_counted_is_refused():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE members_lookuplog RENAME TO gone")
    assert throttle.count_proof(7, "proof") is False


def test_tries_are_kept_until_none_counts_and_the_hourly_job_has_run(limits):
    limits(seconds=900)
    assert throttle.longest_kept() == dt.timedelta(hours=25)
    limits(seconds=2 * 24 * 60 * 60)
    assert throttle.longest_kept() == dt.timedelta(hours=49)


def test_a_limit_is_at_least_one_try_in_one_second(settings):
    settings.LOOKUP_LIMITS = {"identifier": "1/1", "device": "0/900", "address": "5/0"}
    assert throttle.limit("identifier") == (1, 1)
    for scope in ("device", "address"):
        with pytest.raises(ValueError):
            throttle.limit(scope)


@pytest.mark.django_db
def test_a_number_is_kept_as_an_hmac_of_sha256(limits):
    passes(identifier="100001")
    assert {len(row.key_hmac) for row in LookupLog.objects.all()} == {64}


@pytest.mark.django_db
def test_misses_are_kept_as_long_as_the_office_says_and_counted_when_they_are_purged(limits):
    with time_machine.travel(NOON, tick=False) as clock:
        throttle.count_miss("203.0.113.7")
        clock.shift(dt.timedelta(hours=1, days=office.keeps_lookup_counts_days))
        throttle.count_miss("203.0.113.7")
        assert purge_lookups() == 0, "what ended just then is kept"
        clock.shift(dt.timedelta(seconds=1))
        assert purge_lookups() == 1
        assert LookupCount.objects.count() == 1


@pytest.mark.django_db
def test_misses_of_an_hour_are_one_row_which_ends_with_the_hour():
    with time_machine.travel(NOON + dt.timedelta(minutes=10, microseconds=3), tick=False) as clock:
        throttle.count_miss("203.0.113.7")
        clock.shift(dt.timedelta(minutes=20, seconds=7, microseconds=5))
        throttle.count_miss("203.0.113.7")
        assert [(row.count, row.ends_at) for row in LookupCount.objects.all()] == [(2, NOON + dt.timedelta(hours=1))]
        clock.move_to(NOON + dt.timedelta(hours=1))
        throttle.count_miss("203.0.113.7")
        throttle.count_miss("198.51.100.1")
    assert sorted(row.count for row in LookupCount.objects.all()) == [1, 1, 2]


@pytest.mark.django_db
@pytest.mark.parametrize("begins_at", range(0, 900, 75))
def test_wherever_a_stretch_begins_the_limit_holds_for_it(limits, begins_at):
    """With windows that follow each other, five late in one and five early in the next would make ten."""
    limits(identifier=5, seconds=900)
    let_through = []
    with time_machine.travel(NOON + dt.timedelta(seconds=begins_at), tick=False) as clock:
        for _ in range(120):
            if passes():
                let_through.append(timezone.now())
            clock.shift(dt.timedelta(seconds=20))
    assert len(let_through) >= 10
    for at in let_through:
        assert sum(at <= other < at + dt.timedelta(seconds=900) for other in let_through) <= 5


@pytest.mark.django_db
def test_tries_that_were_refused_do_not_lengthen_the_wait(limits):
    limits(identifier=1, seconds=900)
    with time_machine.travel(NOON, tick=False) as clock:
        assert passes()
        for _ in range(9):
            clock.shift(dt.timedelta(seconds=99))
            assert not passes()
        clock.shift(dt.timedelta(seconds=9))
        assert passes()


@pytest.mark.django_db
def test_the_scopes_may_look_back_differently_far(settings, limits):
    limits(seconds=900)
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "1/60"}
    with time_machine.travel(NOON, tick=False) as clock:
        assert [passes(), passes()] == [True, False]
        clock.shift(dt.timedelta(seconds=60))
        assert passes()
        assert counts() == {"address": 3, "identifier": 1}


@pytest.mark.django_db
def test_a_confirmed_name_gives_its_try_back_to_the_number_alone(limits):
    limits(identifier=2)
    assert [passes(), passes(), passes()] == [True, True, False]
    throttle.give_back(identifier="100001")
    assert [passes(), passes()] == [True, False]
    assert counts() == {"address": 5, "identifier": 2}
    for _ in range(5):
        throttle.give_back(identifier="100001")
    assert counts() == {"address": 5, "identifier": 0}


@pytest.mark.django_db
def test_addresses_of_one_network_count_together_and_of_ipv4_none_do(limits):
    limits(network=3)
    assert [passes(address=f"2001:db8:1:{n}::") for n in range(5)] == [True, True, True, False, False]
    assert passes(address="2001:db8:2:1::")
    assert all(passes(address=f"203.0.113.{n}") for n in range(5))


@pytest.mark.django_db
def test_what_has_ended_is_purged_and_what_counts_is_kept(limits):
    limits(identifier=1, seconds=900)
    with time_machine.travel(NOON, tick=False) as clock:
        passes(identifier="earlier", address="192.0.2.1")
        clock.shift(dt.timedelta(minutes=20))
        passes(identifier="now")
        assert purge_lookups() == 2
        assert counts() == {"identifier": 1, "address": 1}
        assert not passes(identifier="now")


@pytest.mark.django_db
def test_what_cannot_be_counted_is_refused(limits):
    member = make_member(member_number="100001")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE members_lookuplog RENAME TO gone")
    with pytest.raises(TooManyAttempts) as refusal:
        identify(member_number="100001", address="203.0.113.7")
    assert 0 < refusal.value.retry_after <= 60
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gone RENAME TO members_lookuplog")
    assert identify(member_number="100001", address="203.0.113.7") == member


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_be_part_of_a_transaction_that_could_forget_the_try(limits):
    with transaction.atomic(), pytest.raises(RuntimeError):
        count_attempt(identifier="100001", device="", address="203.0.113.7")
    assert passes()


# --- races --------------------------------------------------------------------------------------------------------


def look_up(number, *, count=count_attempt):
    """One try at one member number from an address of its own, so that only the number's limit can stop it."""
    count(identifier="100001", device="", address=f"198.51.100.{number}")
    return "looked up"


def read_then_write(*, identifier, device, address):
    """The obvious way, which lets a crowd through: what was read is no longer true when it is written."""
    row, _ = LookupLog.objects.get_or_create(
        scope="identifier",
        key_hmac=throttle._key_hmac("identifier", identifier),
        defaults={"tried_at": [], "ends_at": timezone.now() + dt.timedelta(days=1)},
    )
    if len(row.tried_at) >= throttle.limit("identifier").tries:
        raise TooManyAttempts(1)
    row.tried_at.append(timezone.now())
    row.save(update_fields=["tried_at"])


def crowd(count) -> int:
    """How many of 200 tries by 40 processes were looked up."""
    LookupLog.objects.all().delete()
    answers = race(*[partial(look_up, count=count)] * 40, rounds=5)
    flat = [answer for of_round in answers for answer in of_round]
    assert len(flat) == 200
    assert set(flat) <= {"looked up", "too_many_attempts"}
    return flat.count("looked up")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_200_tries_at_once_five_are_looked_up(limits):
    limits(identifier=5)
    assert crowd(count_attempt) == 5
    assert crowd(read_then_write) > 5, "the control: without the one statement more get through"


def try_everybody(nth, number):
    """Numbers, devices and addresses that the tries share in every mixture, so that each waits for others' rows."""
    tries = [(n * (nth + 3)) % 5 for n in range(20)]
    return [
        passes(identifier=f"number {n}", device=f"device {(n * 3 + nth) % 5}", address=f"192.0.2.{(n + nth) % 3}")
        for n in tries
    ]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_tries_that_wait_for_each_other_never_deadlock_and_none_is_lost(limits):
    answers = race(*[partial(try_everybody, nth) for nth in range(16)], rounds=3)
    assert all(all(passed) for of_round in answers for passed in of_round), "a deadlock would refuse one"
    for scope in ("address", "device", "identifier"):
        assert sum(len(row.tried_at) for row in LookupLog.objects.filter(scope=scope)) == 16 * 20 * 3


# --- where a request comes from -----------------------------------------------------------------------------------


def address_of(forwarded=None, *, remote="203.0.113.7") -> str:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::"),
        ("", "0.0.0.0"),
        ("unix:", "0.0.0.0"),
    ],
)
def test_addresses_are_grouped(remote, address):
    assert address_of(remote=remote) == address


def test_what_a_client_writes_is_not_believed():
    assert address_of("192.0.2.1") == "203.0.113.7"


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("192.0.2.1:5123", "192.0.2.1"),
        ("[2001:db8:1:2::5]:5123", "2001:db8:1:2::"),
        ("999.1.1.1", "0.0.0.0"),
        ("[", "0.0.0.0"),
        ("๑.๑.๑.๑", "0.0.0.0"),
    ],
)
def test_what_is_no_address_is_one_together(remote, address):
    assert address_of(remote=remote) == address


def forged(n: int) -> str:
    """What a client may write."""
    return [
        f"198.51.{n // 250}.{n % 250}",
        f"2001:db8:{n:x}::1",
        f"127.0.0.1, 198.51.{n // 250}.{n % 250}, 10.0.0.1",
        f"[2001:db8:{n:x}::1]:443, unknown,,,",
        f"garbage {n}, ;, \x00",
    ][n % 5]


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_so_many_forged_headers_are_no_way_round(limits, headers):
    limits(address=5)
    looked_up = 0
    for n in range(headers):
        try:
            address = address_of(forged(n))
            identify(member_number=str(100000 + n), device=f"device {n}", address=address)
        except NotRegistered:
            looked_up += 1
        except TooManyAttempts:
            pass
    assert looked_up == 5
