"""Where a member types a number of theirs, the page says what for."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from booking import roles
from members import accounts
from queuesite.demo import fake_line
from tests.factories import make_member, make_open_department, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

TEMPLATES = Path(settings.BASE_DIR, "templates")
NUMBER = re.compile(r'<input[^>]*name="(?:citizen_id|member_number)"')
INCLUDED = re.compile(r'{%-? *include "([^"]+)"')
SENTENCE = "ใช้เลขนี้ตรวจว่าเป็นสมาชิกเท่านั้น"
# Staff type there, of members who stand before them or are on the telephone.
OF_STAFF = ("admin/", "counter/", "unfold/")


def whole(name: str, within: tuple[str, ...] = ()) -> str:
    """A template's source, with what it includes in place; once, where it includes itself."""
    if name in within:
        return ""
    return INCLUDED.sub(lambda found: whole(found[1], (*within, name)), (TEMPLATES / name).read_text())


def with_a_field() -> set[str]:
    """The pages, as their templates, on which members type a number."""
    names = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("[!_]*.html")}
    return {name for name in names if not name.startswith(OF_STAFF) and NUMBER.search(whole(name))}


@pytest.fixture
def pages(client, server, settings) -> dict:
    """Each of these pages as it is answered, by its template's name."""
    settings.IMEMBER_LOGIN_URL = ""
    department, carer = make_open_department(), make_member()
    device = client.__class__()
    addresses = ["status", "recover", "member", "member_first"]
    found = [device.get(reverse(name)) for name in addresses]
    found.append(device.get(reverse("identify", args=[department.slug])))
    device.post(reverse("line_log_in"), {"id_token": server.id_token(sub=fake_line.user_id(100001))})
    found.append(device.get(reverse("line_link")))
    accounts._set(carer, "ดอกไม้ริมรั้วบ้าน")
    client.post(reverse("member"), {"member_number": carer.member_number, "password": "ดอกไม้ริมรั้วบ้าน"})
    found.append(client.get(reverse("family_add")))
    tablet = client.__class__()
    tablet.force_login(make_user(group=roles.KIOSK))
    found.append(tablet.get(reverse("kiosk_issue", args=[department.slug])))
    return {answer.templates[0].name: answer for answer in found}


def test_it_is_on_every_page_with_such_a_field(pages):
    assert pages.keys() == with_a_field()
    for name, answer in pages.items():
        said = answer.content.decode()
        assert (answer.status_code, len(NUMBER.findall(said)) > 0) == (200, True), name
        assert text(answer).count(SENTENCE) == 1, name
        is_tablet = name.startswith("kiosk/")  # which leads nowhere else
        assert (f'href="{reverse("privacy")}"' in said.partition(SENTENCE)[2].partition("</p>")[0]) != is_tablet, name


def test_a_field_in_what_is_included_counts():
    assert "booking/recover.html" in with_a_field()
    assert "booking/home.html" not in with_a_field()
