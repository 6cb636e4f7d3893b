"""Who is asking: one number, a masked name, yes or no."""

import re

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from tests.factories import make_citizen_id, make_department, make_member, make_open_department, make_slot
from tests.pages import confirm_name, text

pytestmark = pytest.mark.django_db


def ask(client, department, **form):
    return client.post(reverse("identify", args=[department.slug]), form)


def test_the_citizen_id_is_recommended_and_the_page_says_why(client):
    page = client.get(reverse("identify", args=[make_department().slug]))
    assert "เลขประจำตัวประชาชน แนะนำ" in text(page)
    assert "เพียงท่านเดียว" in text(page)
    assert re.search(r'value="citizen_id"[^>]* checked', page.content.decode())
    assert "ขั้นตอนที่ 3 จาก 6" in text(page)


def test_numbers_are_typed_on_a_numeric_keypad_and_not_remembered(client):
    page = client.get(reverse("identify", args=[make_department().slug])).content.decode()
    for field in re.findall(r'<input class="input"[^>]*>', page):
        assert 'inputmode="numeric"' in field
        assert 'autocomplete="off"' in field


@pytest.mark.parametrize("write", [str, lambda n: f"{n[0]}-{n[1:5]} {n[5:]}", lambda n: n.translate(THAI_DIGITS)])
def test_a_citizen_id_leads_to_the_masked_name(client, write):
    department, number = make_department(), make_citizen_id()
    make_member(citizen_id=number, title="นาง", given_name="เพ็ญศรี", family_name="ใจดี")

    answer = ask(client, department, by="citizen_id", citizen_id=write(number))
    assert answer["Location"] == reverse("confirm", args=[department.slug])
    page = client.get(answer["Location"])

    assert "นางเพ็••• ใจ•••" in text(page)
    assert "เพ็ญศรี" not in page.content.decode()


THAI_DIGITS = {ord(str(value)): chr(0x0E50 + value) for value in range(10)}


def test_only_the_chosen_field_counts(client):
    department, member = make_department(), make_member()
    answer = ask(client, department, by="member_number", member_number=member.member_number, citizen_id="12")
    assert answer.status_code == 302
    answer = ask(client, department, by="citizen_id", member_number=member.member_number, citizen_id="12")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("typed", "said"),
    [("1-๑๙๙๐-00001-00-0", "เลขประจำตัวประชาชนไม่ถูกต้อง"), ("๑-๑๙๙๐ 0", "เลขประจำตัวประชาชนมี 13 หลัก แต่กรอกมา 6 หลัก")],
)
def test_a_wrong_check_digit_is_told_beside_the_field_with_what_was_typed(client, typed, said):
    answer = ask(client, make_department(), by="citizen_id", citizen_id=typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'value="{typed}"' in page
    assert re.search(r'id="citizen-id"[^>]*aria-describedby="citizen-id-hint refusal" aria-invalid="true"', page)
    assert re.search(rf'id="refusal"[^>]*>{said}', page)


@pytest.mark.parametrize(
    ("typed", "is_shown"),
    [("100007", True), ("119900100001", True), ("11990010000180", False), ("1199001000000", False), ("", False)],
)
def test_who_typed_a_member_number_for_a_citizen_id_is_told_where_it_belongs(client, typed, is_shown):
    answer = ask(client, make_department(), by="citizen_id", citizen_id=typed)
    assert answer.status_code == 422
    assert ("ถ้าเป็นเลขทะเบียนสมาชิก กดเลือก" in answer.content.decode()) is is_shown


@pytest.mark.parametrize("typed", ["", "\x00", "๙" * 500, "-1", "1 OR 1=1", "²", "😀"])
@pytest.mark.parametrize("by", ["citizen_id", "member_number", "", "something"])
def test_no_nonsense_brings_the_page_down(client, typed, by):
    answer = ask(client, make_department(), by=by, citizen_id=typed, member_number=typed, proof=typed, slot=typed)
    assert answer.status_code == 422


def test_a_member_who_is_not_registered_is_told_the_ways_on(client, settings):
    settings.IMEMBER_LOGIN_URL = "https://imember.example.org/login"
    settings.IMEMBER_REGISTER_URL = "https://imember.example.org/register"
    member = make_member(is_registered=False)
    answer = ask(client, make_department(), by="member_number", member_number=member.member_number)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert settings.IMEMBER_LOGIN_URL in page
    assert "สมัครใช้บริการครั้งแรก" in page
    assert "ลืมรหัสผ่าน" not in page
    assert "tel:038000000" in page
    assert f'value="{member.member_number}"' in page


def test_too_many_tries(client, settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"address": "1/900"}
    department = make_department()
    ask(client, department, by="member_number", member_number="1")
    answer = ask(client, department, by="member_number", member_number="1")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 900
    assert "กรุณารอประมาณ" in text(answer)


def test_the_device_is_counted_by_a_name_of_its_own(client, settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"device": "1/900"}
    department = make_department()
    client.get(reverse("identify", args=[department.slug]))
    assert ask(client, department, by="member_number", member_number="1").status_code == 422
    assert ask(client, department, by="member_number", member_number="2").status_code == 429
    client.cookies.clear()
    client.get(reverse("identify", args=[department.slug]))
    assert ask(client, department, by="member_number", member_number="3").status_code == 422


def test_the_proof_is_asked_for_where_the_office_wants_one(client, settings):
    department, member = make_department(), make_member(phone="0812345678")
    form = {"by": "member_number", "member_number": member.member_number}
    assert "เลขท้าย 4 ตัว" not in text(client.get(reverse("identify", args=[department.slug])))

    settings.MEMBER_PROOF = "phone_last4"

    assert "เลขท้าย 4 ตัว" in text(client.get(reverse("identify", args=[department.slug])))
    wrong = ask(client, department, **form, proof="0000")
    unknown = ask(client, department, **form | {"member_number": "999999"}, proof="0000")
    said = re.search(r'id="refusal"[^>]*>([^<]+)', wrong.content.decode())[1]
    assert said in unknown.content.decode()
    assert ask(client, department, **form, proof="5678").status_code == 302


def test_yes_leads_to_the_days(client):
    department = make_open_department()
    member, answer = confirm_name(client, department)
    assert answer["Location"] == reverse("days", args=[department.slug])
    assert member.masked_name in text(client.get(answer["Location"]))


def test_no_leads_back_and_forgets(client):
    department, member = make_department(), make_member()
    answer = ask(client, department, by="member_number", member_number=member.member_number)
    answer = client.post(answer["Location"], {"answer": "no"})
    assert answer["Location"] == reverse("identify", args=[department.slug])
    assert client.get(reverse("confirm", args=[department.slug])).status_code == 302


def test_a_name_that_nobody_said_yes_to_books_nothing(client):
    slot = make_slot()
    ask(client, slot.department, by="member_number", member_number=make_member().member_number)
    answer = client.post(reverse("take", args=[slot.department.slug, slot.date]), {"slot": slot.pk})
    assert answer["Location"].startswith(reverse("identify", args=[slot.department.slug]))


def test_the_name_is_not_shown_after_fifteen_minutes(client):
    department = make_department()
    confirm_name(client, department)
    with time_machine.travel(timezone.now() + timezone.timedelta(minutes=16)):
        assert client.get(reverse("confirm", args=[department.slug])).status_code == 302


def test_no_citizen_id_in_an_address(client):
    department, number = make_department(), make_citizen_id()
    make_member(citizen_id=number)
    answer = ask(client, department, by="citizen_id", citizen_id=number)
    assert number not in answer["Location"]
    page = client.get(reverse("identify", args=[department.slug])).content.decode()
    assert re.search(r'<form class="form" method="post" ', page)


def test_cookies_are_out_of_reach_of_scripts(client):
    department = make_department()
    client.get(reverse("identify", args=[department.slug]))
    confirm_name(client, department)
    for name in ("identity", "device"):
        assert client.cookies[name]["httponly"]
        assert client.cookies[name]["samesite"] == "Lax"
    assert "sessionid" not in client.cookies


def test_examples_are_shown_in_demo_mode_only(client, settings):
    from queuesite.demo.office import example_ids

    address = reverse("identify", args=[make_department().slug])
    assert example_ids()[0] in text(client.get(address))
    settings.DEMO = False
    assert example_ids()[0] not in text(client.get(address))
