"""No citizen ID stays in the database, wherever somebody has written one."""

import json

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking import roles, verbs
from booking.models import BoardNotice, Department, Settlement, TicketEvent
from booking.models.tokens import issue_token
from holidays.models import Holiday
from members.free_text import masked
from members.identify import issue_identity
from tests.factories import (
    in_days,
    make_citizen_id,
    make_counter,
    make_exception,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)

pytestmark = pytest.mark.django_db

ID = "1199001000018"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (ID, "•" * 13),
        ("1-1990-01000-01-8 ค่ะ", "•-••••-•••••-••-• ค่ะ"),
        ("๑๑๙๙๐๐๑๐๐๐๐๑๘", "•" * 13),
        (f"โทร 0812345678 {ID}", "โทร 0812345678 " + "•" * 13),
        (f"เลข{ID}ครับ", "เลข" + "•" * 13 + "ครับ"),
        ("1199001000017", "1199001000017"),  # a wrong check digit
        ("11990010000181", "11990010000181"),  # fourteen digits
        ("9101700230700", "9101700230700"),
        ("A012 เวลา 09.00 น.", "A012 เวลา 09.00 น."),
        ("", ""),
    ],
)
def test_what_is_masked_and_what_is_not(text, kept):
    assert masked(text) == kept
    assert masked(masked(text)) == kept
    assert len(masked(text)) == len(text)


def test_planted_ids_are_in_no_column_of_any_table(client, settings):
    """Staff and members write IDs wherever a text is taken; then every text of the database is searched."""
    settings.LINE_CHANNEL_SECRET = "a-secret-of-tests"
    planted = iter(make_citizen_id() for _ in range(100))
    written = []

    def an_id() -> str:
        written.append(next(planted))
        return written[-1]

    manager = make_user(group=roles.MANAGER)
    department, other = make_open_department(), make_open_department()
    counter = make_counter(departments=[department], clerk=manager)
    client.force_login(manager)
    for _ in range(3):
        make_walk_in(department=department, by=manager, priority="monk", reason=an_id())
    verbs.call_next(counter=counter, by=manager)
    verbs.hold(counter=counter, by=manager, reason=f"บัตร {an_id()}")
    verbs.call_next(counter=counter, by=manager)
    verbs.start(counter=counter, by=manager)
    verbs.transfer(counter=counter, to=other, by=manager, note=an_id())
    verbs.cancel(ticket=make_ticket(department=department), by=manager, reason=an_id())
    client.post(reverse("kiosk_issue", args=[department.slug]), {"priority": "monk", "reason": an_id()})
    client.post(
        reverse("admin:booking_boardnotice_add"),
        {"text": f"ติดต่อ {an_id()}", "text_en": an_id(), "is_active": "on", "first_day": "", "last_day": ""},
    )
    client.post(reverse("admin:holidays_holiday_add"), {"name": an_id(), "date": in_days(50), "kind": "office"})
    make_exception(department, days_ahead=4, quota=1, reason=an_id())
    Department.objects.filter(pk=other.pk).update(description=an_id(), bring=f"สำเนาบัตร {an_id()}")
    client.post(reverse("admin:auth_user_add"), {"username": "malee", "first_name": an_id(), "last_name": an_id()})
    client.post(reverse("admin:auth_group_add"), {"name": f"บทบาท {an_id()}"})
    Settlement.objects.create(by=manager, reason=an_id(), begun_at=timezone.now())
    make_member(given_name=an_id(), family_name=an_id())
    make_member(citizen_id=an_id())
    BoardNotice.objects.bulk_create([BoardNotice(text=an_id())])
    for name in (an_id(), f" {an_id()[:1]}-{an_id()[1:]}", an_id()):
        Client().post(reverse("admin:login"), {"username": name, "password": "wrong"})
    Client().get(f"{reverse('admin:login')}?next=/{an_id()}")
    Client().post(f"{reverse('admin:login')}?next=/{an_id()}", {"username": "x", "password": an_id()})
    Client().post(reverse("identify", args=[department.slug]), {"by": "citizen_id", "citizen_id": an_id()})
    Client().post(
        "/api/v1/walk-ins/",
        json.dumps({"department": department.slug, "priority": "monk", "reason": an_id()}),
        content_type="application/json",
        headers={"Authorization": f"Token {issue_token(manager)}"},
    )

    book = {"identity": issue_identity(make_member())[0], "slot": make_slot(department=other, quota=3).pk}
    headers = {"Idempotency-Key": f"for-{an_id()}"}
    refused = Client().post("/api/v1/tickets/", json.dumps(book), content_type="application/json", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")

    assert get_user_model().objects.get(username="malee").last_name == "•" * 13
    assert Settlement.objects.filter(reason__contains="•").exists()
    assert TicketEvent.objects.filter(reason__contains="•").count() >= 5
    assert BoardNotice.objects.filter(text__contains="•").exists()
    assert Holiday.objects.filter(name__contains="•").exists()
    assert [place for place in texts_of_the_database() if any(one in place[1] for one in written)] == []


def test_the_search_would_find_one():
    get_user_model().objects.create(username=ID, date_joined=timezone.now())

    assert [where for where, text in texts_of_the_database() if ID in text] == ["auth_user.username"]


def texts_of_the_database():
    """Each text of each column of each table, as what can be searched for digits."""
    with connection.cursor() as cursor:
        for table in {model._meta.db_table for model in apps.get_models(include_auto_created=True)}:
            columns = connection.introspection.get_table_description(cursor, table)
            for column in columns:
                cursor.execute(f'SELECT DISTINCT "{column.name}"::text FROM "{table}"')
                for (text,) in cursor.fetchall():
                    if text:
                        yield f"{table}.{column.name}", text
