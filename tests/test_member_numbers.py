"""A member number is the same number without its leading zeros, as long as that leaves one member."""

import pytest
from django.db import connection
from django.urls import reverse

from members.errors import NotRegistered, TooManyAttempts
from members.identify import identify
from members.models import Member
from members.numbers import padded, proposed_width, significant
from tests.factories import make_member

ADDRESS = "203.0.113.7"


@pytest.mark.parametrize(
    ("numbers", "width"),
    [
        (["004501", "012345", "123456"], 6),
        (["004501", "12345"], 6),
        (["123456", "234567", "4501"], 6),
        (["1", "20", "300", "4000"], None),
        ([], None),
    ],
)
def test_the_width_is_proposed_from_the_numbers(numbers, width):
    assert proposed_width(numbers) == width


def test_padding_never_shortens():
    assert [padded("4501", 6), padded("1234567", 6), padded("4501", None)] == ["004501", "1234567", "4501"]
    assert [significant("004501"), significant("000")] == ["4501", ""]


@pytest.mark.django_db
def test_who_leaves_the_zeros_out_is_found():
    member = make_member(member_number="005001")
    make_member(member_number="500100")
    for typed in ("005001", "5001", "๐๕๐๐๑", "0000005001"):
        assert identify(member_number=typed, address=ADDRESS) == member


@pytest.mark.django_db
def test_exactly_this_number_comes_first_and_of_two_others_none():
    padded_one = make_member(member_number="005001")
    bare = make_member(member_number="5001")
    assert identify(member_number="5001", address=ADDRESS) == bare
    assert identify(member_number="005001", address=ADDRESS) == padded_one
    with pytest.raises(NotRegistered):
        identify(member_number="05001", address=ADDRESS)
    bare.is_registered = False
    bare.save()
    assert identify(member_number="05001", address=ADDRESS) == padded_one, "who is not registered is not in the way"


@pytest.mark.django_db
def test_zeros_give_no_further_tries():
    with pytest.raises(TooManyAttempts):
        for zeros in range(9):
            for _ in range(4):
                try:
                    identify(member_number="0" * zeros + "777", address=ADDRESS)
                except NotRegistered:
                    continue


@pytest.mark.django_db
def test_the_office_is_told_of_a_number_with_the_same_digits(client, manager):
    make_member(member_number="004501")
    form = {"member_number": "4501", "title": "", "given_name": "มาลี", "family_name": "", "phone": "", "email": ""}
    page = client.post(reverse("admin:members_member_add"), form | {"citizen_id": ""})
    assert "004501" in str(page.context["adminform"].form.errors["member_number"])
    found = client.get(reverse("admin:members_member_changelist"), {"q": "4501"}).context["cl"].result_list
    assert [member.member_number for member in found] == ["004501"]


@pytest.mark.django_db
def test_the_digits_are_found_by_an_index():
    Member.objects.bulk_create(Member(member_number=f"{n:06d}", given_name="x") for n in range(3000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE members_member")
    assert "member_by_significant_digits" in Member.objects.alike("5001").explain()
