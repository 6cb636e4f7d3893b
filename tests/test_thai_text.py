"""Thai that was typed in another way, and looks alike, is stored, found and masked as the same."""

import unicodedata
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from members.models import Member
from members.names import masked_name
from members.thai_text import UNSEEN, normalised
from tests.factories import make_member

THAI = st.text(alphabet=[chr(code) for code in range(0x0E01, 0x0E5C)] + list("\u200b\u200d\ufeff a"), max_size=12)
MARKS = "ัิีึืฺุู็่้๊๋์ํ๎"


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("เเก้ว", "แก้ว"),
        ("นํ้าผึ้ง", "น้ำผึ้ง"),
        ("น้ํา", "น้ำ"),
        ("นำ้", "น้ำ"),
        ("ก่ิง", "กิ่ง"),
        ("สุ่่ม", "สุ่ม"),
        ("สม\u200bศรี\ufeff", "สมศรี"),
        ("สิทธ์ิ", "สิทธิ์"),
        ("O'Brien", "O'Brien"),
        ("เกียรติศักดิ์", "เกียรติศักดิ์"),
    ],
)
def test_what_looks_alike_is_stored_alike(typed, stored):
    assert normalised(typed) == stored


@given(THAI)
def test_twice_is_as_once_and_nothing_unseen_is_left(text):
    once = normalised(text)
    assert normalised(once) == once
    assert not UNSEEN.search(once)
    assert "เเ" not in once
    assert len(once) <= len(text)


@given(THAI, st.data())
def test_the_order_of_marks_does_not_matter(text, data):
    """Any two marks on one letter, swapped; and zero-width spaces anywhere."""
    text = normalised(text)
    shuffled, at = "", 0
    while at < len(text):
        end = at
        while end < len(text) and text[end] in MARKS:
            end += 1
        run = text[at:end] or text[at]
        tones = sum(mark in "่้๊๋์" for mark in run)
        # Two vowels, or two tones, on one letter are no Thai: their order says nothing.
        mixed = data.draw(st.permutations(run)) if len(run) == 2 and tones == 1 else run
        shuffled += "".join(mixed) + data.draw(st.sampled_from(["", "\u200b"]))
        at += len(run)
    assert normalised(shuffled) == text


@given(THAI)
def test_what_is_masked_shows_the_same_letters(text):
    assert masked_name("", normalised(text), "") == masked_name("", text, "")


def test_no_mark_is_forgotten():
    marks = {chr(code) for code in range(0x0E01, 0x0E5C) if unicodedata.category(chr(code)) == "Mn"}
    assert marks == set(MARKS)


@pytest.mark.django_db
def test_a_name_is_found_however_it_was_typed(client, manager):
    member = make_member(given_name="นํ้าผึ้ง", family_name="เเก้ว\u200bใส")
    member.refresh_from_db()
    assert (member.given_name, member.family_name) == ("น้ำผึ้ง", "แก้วใส")
    for typed in ("น้ำผึ้ง", "นํ้าผึ้ง", "เเก้ว", "แก้วใส"):
        page = client.get(reverse("admin:members_member_changelist"), {"q": typed})
        assert list(page.context["cl"].result_list) == [member], typed
    assert list(Member.objects.named("เเก้ว")) == [member]


@pytest.mark.django_db
def test_names_of_before_are_put_in_order():
    member = make_member()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE members_member SET given_name = 'นํ้า'")
    import_module("members.migrations.0007_names_in_one_form").normalise(apps, None)
    member.refresh_from_db()
    assert member.given_name == "น้ำ"
