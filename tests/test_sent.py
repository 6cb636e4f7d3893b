"""What booking/views/sent.py makes of a form, whatever was sent."""

import uuid

import pytest
from django.test import RequestFactory

from booking.models.tickets import Priority
from booking.views import sent


def post(query: str = "", **fields):
    return RequestFactory().post(f"/?{query}", fields)


def test_a_text_loses_the_spaces_around_it_and_what_is_too_much():
    assert sent.text(post(reason="  ขอเวลา หนึ่ง  "), "reason", most=6) == "ขอเวลา"
    assert sent.text(post(), "reason", most=6) == ""


def test_a_number_stays_as_it_was_typed():
    assert sent.number(post(member_number=" ๑๒-34 "), "member_number") == " ๑๒-34 "
    assert len(sent.number(post(member_number="1" * 1000), "member_number")) == sent.LONGEST_NUMBER


def test_a_token_that_is_too_long_is_none():
    assert sent.code(post(id_token="abc"), "id_token", most=3) == "abc"
    assert sent.code(post(id_token="abcd"), "id_token", most=3) == ""


def test_a_choice_is_one_of_those_there_are():
    assert sent.choice(post(priority="monk"), "priority", Priority) == "monk"
    assert sent.choice(post(priority="king"), "priority", Priority) == ""
    assert sent.choice(post(by="name"), "by", ("citizen_id",), default="citizen_id") == "citizen_id"


@pytest.mark.parametrize("slot", ["", "x", "-1", "1.5", "9" * 19, " 7", "0"])
def test_what_can_be_no_slot_is_none(slot):
    assert sent.slot(post(slot=slot)) is None


def test_the_form_s_slot_comes_before_the_address_s():
    assert sent.slot(post("slot=7")) == 7
    assert sent.slot(post("slot=7", slot="8")) == 8


def test_ticked_rows_are_ids_and_no_more_than_a_page_has(settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = None
    assert sent.ids(post(ticket=["3", "x", "", "5"]), "ticket") == [3, 5]
    assert len(sent.ids(post(ticket=["1"] * (sent.MOST_TICKED + 1)), "ticket")) == sent.MOST_TICKED


def test_a_key_that_was_tampered_with_is_a_new_one():
    key = str(uuid.uuid4())
    assert sent.key(post(key=key)) == key
    assert uuid.UUID(sent.key(post(key="x")))


def test_an_address_to_go_on_to_is_not_cut_in_two():
    assert sent.onward(post("next=/a/", next="")) == "/a/"
    assert sent.onward(post(next="/" * (sent.LONGEST_ADDRESS + 1))) == ""


def test_all_of_a_form_is_kept_to_be_shown_again():
    assert sent.typed(post(reason="ab", to="cd"), most=1) == {"reason": "a", "to": "c"}
