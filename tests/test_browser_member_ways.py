"""The ways of a member besides booking, each on telephones of their own: first registration, a ticket found again by a
clerk's code, looking after somebody by their consent, and asking to be forgotten."""

import pytest
from playwright.sync_api import expect

from booking.models import Ticket
from members.codes import issue_code
from members.models import MemberRequest
from tests.browser import sideways_scroll, violations
from tests.factories import make_citizen_id, make_member, make_open_department, make_ticket, make_user
from tests.test_family import run_jobs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SECRET = "ดอกไม้ริมรั้วบ้าน"


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL = ""


@pytest.fixture
def somsri():
    return make_member(citizen_id=make_citizen_id(1), given_name="สมศรี", family_name="ใจดี", phone="0812345678")


def register(page, member, citizen_id):
    """For the first time, with a code of a clerk's as the proof; ends signed in."""
    page.goto("/member/")
    page.get_by_role("link", name="สมัครใช้บริการครั้งแรก").click()
    page.get_by_label("เลขทะเบียนสมาชิก").fill(member.member_number)
    page.get_by_label("เลขประจำตัวประชาชน 13 หลัก").fill(citizen_id)
    page.get_by_role("button", name="ต่อไป").click()
    page.get_by_label("รหัส 8 หลัก").fill(issue_code(member=member, by=make_user()))
    page.get_by_label("รหัสผ่านใหม่").fill(SECRET)
    page.get_by_role("button", name="ตั้งรหัสผ่าน").click()
    expect(page.get_by_text(member.full_name)).to_be_visible()


def is_fine(page) -> bool:
    return sideways_scroll(page) == 0 and violations(page) == []


def test_from_first_registration_to_signing_in_elsewhere(new_phone, somsri):
    here, elsewhere = new_phone(bypass_csp=True), new_phone()
    register(here, somsri, make_citizen_id(1))
    assert is_fine(here)

    elsewhere.goto("/member/")
    elsewhere.get_by_label("เลขทะเบียนสมาชิก").fill(somsri.member_number)
    elsewhere.locator("#password").fill(SECRET)
    elsewhere.get_by_role("button", name="เข้าสู่ระบบ").click()
    expect(elsewhere.get_by_text(somsri.full_name)).to_be_visible()


def test_a_ticket_booked_elsewhere_is_found_by_a_clerks_code_and_cancelled(new_phone, somsri):
    ticket = make_ticket(member=somsri)
    page = new_phone(bypass_csp=True)
    page.goto("/tickets/recover/")
    page.locator("label[for=by-member-number]").click()
    page.locator("#member-number").fill(somsri.member_number)
    page.locator("#code").fill(issue_code(member=somsri, by=make_user()))
    page.get_by_role("button", name="ดูบัตรคิวของฉัน").click()

    page.get_by_role("link", name=ticket.code).click()
    expect(page.locator(".ticket-number")).to_have_text(ticket.code)
    assert is_fine(page)
    page.get_by_role("link", name="ยกเลิกบัตรคิว").click()
    page.get_by_role("button", name="ยกเลิกบัตรคิว").click()
    expect(page.get_by_text("ยกเลิกแล้ว").first).to_be_visible()
    assert Ticket.objects.get().state == "cancelled"


def test_a_daughter_books_for_her_mother_until_the_mother_ends_it(new_phone, somsri):
    make_open_department(name="ฝ่ายสินเชื่อ")
    daughter = make_member(citizen_id=make_citizen_id(2), given_name="มาลี", family_name="ใจดี")
    hers, mothers = new_phone(bypass_csp=True), new_phone()
    register(mothers, somsri, make_citizen_id(1))
    register(hers, daughter, make_citizen_id(2))
    hers.goto("/member/family/")
    hers.get_by_role("link", name="ขอดูแลคนในครอบครัว").click()
    hers.get_by_label("เลขทะเบียนสมาชิกของท่านนั้น").fill(somsri.member_number)
    hers.get_by_role("button", name="ขอดูแล").click()
    expect(hers.get_by_role("status")).to_be_visible()
    run_jobs()

    mothers.goto("/member/family/")
    expect(mothers.get_by_text(daughter.full_name)).to_be_visible()
    mothers.get_by_role("button", name="ยินยอม", exact=True).click()
    expect(mothers.get_by_role("button", name=f"ไม่ให้ดูแลอีก {daughter.full_name}")).to_be_visible()

    hers.goto("/member/family/")
    assert is_fine(hers)
    hers.get_by_role("button", name=f"จองคิวให้ {somsri.full_name}").click()
    hers.get_by_role("link", name="ฝ่ายสินเชื่อ").click()
    hers.locator("a.day").first.click()
    hers.locator(".time input:not(:disabled) + label").first.click()
    hers.get_by_role("button", name="จองคิว").click()
    hers.wait_for_url("**/t/**")
    assert Ticket.objects.get().member == somsri

    mothers.goto("/tickets/")
    expect(mothers.get_by_text(Ticket.objects.get().code)).to_be_visible()
    mothers.goto("/member/family/")
    mothers.get_by_role("button", name=f"ไม่ให้ดูแลอีก {daughter.full_name}").click()
    hers.goto("/member/family/")
    expect(hers.get_by_role("button", name=f"จองคิวให้ {somsri.full_name}")).to_have_count(0)


def test_who_asks_to_be_forgotten_sees_the_request_and_takes_it_back(new_phone, somsri):
    page = new_phone(bypass_csp=True)
    register(page, somsri, make_citizen_id(1))
    page.goto("/privacy/mine/")
    page.get_by_role("link", name="ขอให้ลบข้อมูล").click()
    assert is_fine(page)
    page.get_by_role("button", name="ขอให้ลบข้อมูลของฉัน").click()
    page.wait_for_url("**/privacy/mine/**")
    assert MemberRequest.objects.get().kind == MemberRequest.Kind.ERASURE
    expect(page.get_by_role("link", name="ขอให้ลบข้อมูล")).to_have_count(0)

    page.locator("button[name=request]").click()
    expect(page.get_by_role("link", name="ขอให้ลบข้อมูล")).to_be_visible()
