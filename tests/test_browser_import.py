"""A file of members on its way through the back office, in a real browser: it shows by itself how far it has come."""

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import expect

from booking import jobs, roles
from members.models import Member
from tests.browser import violations
from tests.factories import make_member, make_ticket, make_user

pytestmark = pytest.mark.django_db(transaction=True)
PICTURES = settings.BASE_DIR / "var" / "screenshots"


@pytest.mark.slow
def test_a_file_is_sent_looked_at_and_confirmed(new_page):
    for number in range(1, 61):
        make_member(member_number=f"{number:06d}", given_name="สมศรี", family_name="ใจดี", phone="0812345678")
    gone = make_ticket(member=Member.objects.get(member_number="000002")).member
    page = new_page((1280, 800), user=make_user(group=roles.MANAGER), bypass_csp=True)
    PICTURES.mkdir(exist_ok=True, parents=True)
    rows = [f"{number},สมศรี,{'ใจดี' if number % 2 else 'ใจงาม'}" for number in range(5, 90)]

    def look(name):
        page.screenshot(path=PICTURES / f"import-{name}.png")
        assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280, name

    def send(*lines):
        page.goto(reverse("admin:members_member_import"))
        file = "\n".join(["รายชื่อสมาชิก", "เลขทะเบียนสมาชิก,ชื่อ,นามสกุล", *lines]).encode()
        page.set_input_files("input[type=file]", {"name": "สมาชิก.csv", "mimeType": "text/csv", "buffer": file})
        page.get_by_role("button", name="ส่งไฟล์เพื่อตรวจ").click()
        expect(page.get_by_role("status")).to_contain_text("กำลังตรวจ")

    page.goto(reverse("admin:members_member_changelist"))
    look("list")
    send(*rows, "ABC,x,y")
    look("checking")
    jobs.go_on_with_imports()
    expect(page.get_by_text("ต้องแก้ไข 1 แถวก่อน")).to_be_visible()
    look("faults")

    send(*rows)
    jobs.go_on_with_imports()
    page.get_by_role("link", name="เปลี่ยนแปลง").click()
    look("changed")
    page.get_by_role("link", name="ไม่อยู่ในไฟล์").click()
    expect(page.get_by_role("row").filter(has_text="000002")).to_be_visible()
    look("missing")
    page.get_by_label("พ้นจากสมาชิกแล้ว").check()
    page.get_by_role("button", name="ยืนยันการนำเข้า").click()
    jobs.go_on_with_imports()
    expect(page.get_by_role("heading", name="นำเข้าแล้ว")).to_be_visible()
    look("done")
    page.get_by_role("link", name="บัตรคิวของผู้ที่พ้นจากสมาชิก").click()
    expect(page.get_by_text(gone.full_name)).to_be_visible()
    look("left")
    page.goto(reverse("admin:members_member_export"))
    look("export")
    page.goto(reverse("admin:members_member_import"))
    look("send")
