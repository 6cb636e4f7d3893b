"""An office with more departments than letters: codes of two letters, and hues from a wheel of twelve."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from booking.admin.departments import next_department
from booking.calling import board
from booking.colours import HUES
from booking.models import Department
from booking.views.scan import ticket_meant
from tests.factories import make_department, make_open_department, make_walk_in
from tests.test_pages_markup import contrast

pytestmark = pytest.mark.django_db


def test_a_code_of_two_letters_is_said_letter_by_letter_and_found_again():
    department = make_open_department(letter="AB")
    ticket = make_walk_in(department=department)

    assert ticket.code == "AB501"
    assert board.words_of(ticket.code, 3)[1:6] == ["A", "B", "ห้า", "ศูนย์", "หนึ่ง"]
    assert {"A", "B"} <= set(board.needed_words())
    assert ticket_meant("ab501", letters=[]) == ticket
    assert ticket_meant("501", letters=["AB"]) == ticket
    assert ticket_meant("A501", letters=[]) is None


def test_the_next_department_has_a_letter_a_hue_and_a_position_of_its_own():
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        proposed = next_department()
        assert proposed["letter"] == letter
        make_department(slug=letter.lower(), **proposed)
    assert next_department()["letter"] == "AA"
    made = Department.objects.order_by("position").values_list("hue", flat=True)
    assert len(set(made[:12])) == 12
    assert list(made[12:24]) == list(made[:12])


@pytest.mark.parametrize("sheet", ["css/site.css", "css/board.css"])
def test_every_hue_has_its_colours(sheet):
    css = Path(finders.find(sheet)).read_text()
    assert set(re.findall(r"\.hue-(\w+) \{", css)) == set(Department.Hue.values) == set(HUES)


def test_a_number_on_the_board_can_be_read_from_afar():
    css = Path(finders.find("css/board.css")).read_text()
    for fill, glow in re.findall(r"--fill: (#\w{6}); --glow: (#\w{6});", css):
        assert contrast(fill, "#ffffff") >= 4.5
        assert contrast(glow, "#0e1114") >= 7
