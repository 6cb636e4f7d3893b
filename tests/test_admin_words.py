"""The back office speaks Thai: whatever of it Django's packages say is translated too."""

import re
from html.parser import HTMLParser

import pytest
from django.urls import reverse

from booking.models import Department, Slot
from holidays.models import Holiday
from members.models import Member
from queuesite.demo import office
from tests.factories import in_days, make_ticket, make_user

pytestmark = pytest.mark.django_db

# Names of things that are the same in Thai, and what was typed in English.
ENGLISH_IN_THAI = set("esc Tab Enter csv xlsx CSV XLSX API LINE Control Command root Root manager counter".split())
SAID_BY = {"title", "placeholder", "aria-label", "alt"}
NOT_READ = {"script", "style", "textarea", "code"}


class WhatIsRead(HTMLParser):
    """Collects what a page says to a reader, on it or by its attributes."""

    def __init__(self, page):
        super().__init__()
        self.said, self.inside = [], []
        self.feed(page.content.decode())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        is_icon = "material-symbols" in (attributes.get("class") or "")
        self.inside.append((tag, tag in NOT_READ or (is_icon and tag != "input")))
        self.said += [attributes[name] or "" for name in SAID_BY & attributes.keys()]

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop()[0] != tag:
            pass

    def handle_data(self, text):
        if not any(unread for _tag, unread in self.inside):
            self.said.append(text)


def english_words(page) -> set[str]:
    said = " ".join(WhatIsRead(page).said)
    return set(re.findall(r"[A-Za-z]{3,}", said)) - ENGLISH_IN_THAI


def test_no_english_is_left(client):
    office.seed()
    department, member, holiday = Department.objects.first(), Member.objects.first(), Holiday.objects.first()
    ticket = make_ticket(slot=Slot.objects.filter(date__gt=in_days(1), quota__gt=0).first())
    root = make_user(username="root", is_superuser=True)
    client.force_login(root)
    holiday.name = "เปลี่ยนชื่อ"
    holiday.save()
    pages = [
        ("index",),
        ("booking_department_changelist",),
        ("booking_department_add",),
        ("booking_dayexception_changelist",),
        ("booking_dayexception_add",),
        ("booking_slot_changelist",),
        ("booking_calendar",),
        ("booking_today",),
        ("booking_ticket_changelist",),
        ("booking_ticket_change", ticket.pk),
        ("booking_ticket_cancel", ticket.pk),
        ("booking_ticket_move", ticket.pk),
        ("booking_ticket_book_for_member",),
        ("booking_ticket_closed",),
        ("booking_ticket_on_paper",),
        ("booking_jobrun_changelist",),
        ("holidays_holiday_changelist",),
        ("holidays_holiday_add",),
        ("holidays_holiday_delete", holiday.pk),
        ("holidays_holiday_history", holiday.pk),
        ("holidays_holiday_load_year",),
        ("members_member_changelist",),
        ("members_member_add",),
        ("members_member_change", member.pk),
        ("auth_user_changelist",),
        ("auth_user_add",),
        ("auth_user_change", make_user(username="API").pk),
        ("auth_user_link", make_user(username="counter").pk),
        ("auth_group_changelist",),
        ("auth_group_add",),
        ("password_change",),
    ]

    left = {}
    for name, *arguments in pages:
        words = english_words(client.get(reverse(f"admin:{name}", args=arguments)))
        if words:
            left[name] = words
    refused = client.post(reverse("admin:booking_dayexception_add"), {"departments": [department.pk]})
    left["what is refused"] = english_words(refused)
    client.logout()
    left["log-in"] = english_words(client.post(reverse("admin:login"), {"username": "somying", "password": "x"}))

    assert {page: words for page, words in left.items() if words} == {}
