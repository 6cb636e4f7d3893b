"""The demo office, and that seeding again changes nothing."""

import re

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from booking import verbs
from booking.models import Counter, Department, OpeningHours, Place, Slot
from holidays.models import Holiday
from members.citizen_id import citizen_id_hmac, parse_citizen_id
from members.models import LineAccount, Member
from queuesite.demo import fake_line, office

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def seeded(db):
    call_command("seed_demo")


def test_the_five_departments_of_the_guide():
    assert list(Department.objects.values_list("letter", "slug", "name")) == [
        ("A", "loans", "ฝ่ายสินเชื่อ"),
        ("B", "finance", "ฝ่ายการเงิน"),
        ("C", "administration", "ฝ่ายอำนวยการ"),
        ("D", "legal", "ฝ่ายกฎหมาย"),
        ("E", "funeral-aid", "ฝ่ายสมาคมฌาปนกิจสงเคราะห์"),
    ]
    assert all(department.description and department.bring for department in Department.objects.all())


def test_open_monday_to_friday_with_a_lunch_break():
    rules = OpeningHours.objects.filter(department__slug="loans")

    assert [rule.weekday for rule in rules] == [0, 1, 2, 3, 4]
    assert {(f"{r.opens:%H:%M}", f"{r.closes:%H:%M}", f"{r.break_starts:%H:%M}") for r in rules} == {
        ("08:30", "15:30", "12:00")
    }
    assert all(len(rule.periods()) == 12 for rule in rules)


def test_holidays_of_this_and_next_year_are_in_force_and_have_no_places():
    year = timezone.localdate().year
    holidays = Holiday.objects.confirmed()

    assert {holiday.date.year for holiday in holidays} == {year, year + 1}
    assert not Place.objects.filter(slot__date__in=[holiday.date for holiday in holidays]).exists()
    assert Slot.objects.filter(quota__gt=0).exists()


def test_two_hundred_members_two_of_them_not_registered():
    assert Member.objects.count() == 200
    assert set(Member.objects.filter(is_registered=False).values_list("member_number", flat=True)) == {
        "100199",
        "100200",
    }
    for number in range(100001, 100201):
        digits = parse_citizen_id(office.citizen_id(number))
        assert digits.startswith(f"119900{number}")
        assert Member.objects.get(member_number=str(number)).citizen_id_hmac == citizen_id_hmac(digits)


def test_the_log_ins_work_and_their_rights_differ(settings, rf):
    request = rf.post("/admin/login/")
    manager = authenticate(request, username="manager", password=settings.DEMO_PASSWORD)
    clerk = authenticate(request, username="counter1", password=settings.DEMO_PASSWORD)

    assert manager.has_perm("booking.change_openinghours")
    assert not clerk.has_perm("booking.change_openinghours")
    assert clerk.has_perm("booking.view_ticket")


def test_five_counters_serve_everybody_each_its_own_department_first(settings, rf):
    counters = list(Counter.objects.all())

    assert [counter.number for counter in counters] == [1, 2, 3, 4, 5]
    departments = list(Department.objects.values_list("pk", flat=True))
    assert [counter.department_ids()[0] for counter in counters] == departments
    assert all(sorted(counter.department_ids()) == sorted(departments) for counter in counters)
    assert not any(counter.clerk for counter in counters)
    for counter in counters:
        clerk = authenticate(
            rf.post("/admin/login/"), username=f"counter{counter.number}", password=settings.DEMO_PASSWORD
        )
        assert clerk.has_perm("booking.serve_at_counter")


def test_seeding_again_keeps_what_staff_and_members_did():
    loans = Department.objects.get(slug="loans")
    loans.description = "แก้แล้ว"
    loans.save(update_fields=["description"])
    slot = Slot.objects.filter(quota__gt=0, bookable_until__gt=timezone.now()).first()
    verbs.book(member_id=Member.objects.first().pk, slot_id=slot.pk, key="kept")
    Counter.objects.get(number=5).serves.all().delete()
    before = list(Place.objects.order_by("pk").values_list("pk", "ticket"))

    call_command("seed_demo")

    assert not Counter.objects.get(number=5).departments.exists()
    assert list(Place.objects.order_by("pk").values_list("pk", "ticket")) == before
    assert Department.objects.get(slug="loans").description == "แก้แล้ว"


def test_three_members_have_the_line_accounts_of_the_fake_line():
    linked = LineAccount.objects.order_by("user_id").values_list("member__member_number", "user_id")
    assert list(linked) == [(str(number), fake_line.user_id(number)) for number in (100001, 100002, 100003)]


def test_lines_own_servers_get_no_made_up_users(settings):
    LineAccount.objects.all().delete()
    settings.LINE_CHANNEL_ACCESS_TOKEN = "a-real-token"

    call_command("seed_demo")

    assert not LineAccount.objects.exists()


def test_it_is_refused_outside_the_demo(settings):
    settings.DEMO = False

    with pytest.raises(CommandError, match="DEMO=on"):
        call_command("seed_demo")


def test_line_users_have_the_names_of_their_members():
    for user_id, name in fake_line.USERS.items():
        member = Member.objects.get(member_number=str(int(user_id[1:])))
        assert f"{member.given_name} {member.family_name}".startswith(name)


def test_who_links_is_shown_numbers_that_need_no_clerk(client, settings):
    settings.DEMO = True
    settings.LINE_LOGIN_CHANNEL_ID = "1650000000"
    with fake_line.running(login_channel_id="1650000000") as server:
        settings.LINE_API_BASE = server.url
        client.post(reverse("line_log_in"), {"id_token": server.id_token(sub=fake_line.user_id(100005))})
    address = reverse("line_link")

    assert client.get(address).context["example_ids"] == [office.citizen_id(100004), office.citizen_id(100005)]
    member = Member.objects.get(member_number="100004")
    LineAccount.objects.create(
        member=member, user_id=fake_line.user_id(100004), linked_at=timezone.now(), proved_by="code"
    )
    assert client.get(address).context["example_ids"] == [office.citizen_id(100005), office.citizen_id(100006)]
    settings.DEMO = False
    assert client.get(address).context["example_ids"] == []


def test_the_demo_shows_the_clerks_code_and_it_links(client, settings):
    settings.DEMO, settings.LINE_LOGIN_CHANNEL_ID = True, "1650000000"
    with fake_line.running(login_channel_id="1650000000") as server:
        settings.LINE_API_BASE = server.url
        client.post(reverse("line_log_in"), {"id_token": server.id_token(sub=fake_line.user_id(100005))})
    client.post(reverse("line_link"), {"by": "citizen_id", "citizen_id": office.citizen_id(100004)})
    page = client.get(reverse("line_confirm")).content.decode()
    code = re.search(r"<p data-code>([0-9]{8})</p>", page)[1]
    settings.DEMO = False
    assert "data-code" not in client.get(reverse("line_confirm")).content.decode()
    client.post(reverse("line_confirm"), {"answer": "yes", "code": code})
    assert LineAccount.objects.get(member__member_number="100004").proved_by == "code"
