"""Who may open which page of the back office, and press which button. What is not theirs changes nothing."""

import pytest
from django.urls import reverse

from booking import roles
from booking.models import Department, Ticket
from booking.models.tickets import State
from holidays.models import Holiday
from members.models import Member
from tests.factories import in_days, make_holiday, make_member, make_open_department, make_slot, make_ticket, make_user

pytestmark = pytest.mark.django_db

# Names of addresses, each with who may open it besides superusers. T, D, M, H stand for a ticket, a department ...
BOTH, MANAGER, NOBODY = {"manager", "clerk"}, {"manager"}, set()
PAGES = {
    "booking_calendar": BOTH,
    "booking_today": MANAGER,
    "booking_alarm_choice": MANAGER,
    "booking_slot_changelist": BOTH,
    "booking_ticket_changelist": BOTH,
    "booking_ticket_day_list": BOTH,
    "booking_ticket_change T": BOTH,
    "booking_ticket_closed": BOTH,
    "booking_ticket_cancel T": BOTH,
    "booking_ticket_closed_list csv": MANAGER,
    "booking_ticket_move T": MANAGER,
    "booking_ticket_book_for_member": MANAGER,
    "booking_ticket_on_paper": MANAGER,
    "booking_ticket_add": NOBODY,
    "booking_ticket_delete T": NOBODY,
    "booking_department_changelist": MANAGER,
    "booking_department_add": MANAGER,
    "booking_department_export": MANAGER,
    "booking_report": MANAGER,
    "booking_department_import": MANAGER,
    "booking_department_change D": MANAGER,
    "booking_department_history D": MANAGER,
    "booking_department_delete D": NOBODY,
    "booking_dayexception_changelist": MANAGER,
    "booking_dayexception_add": MANAGER,
    "holidays_holiday_changelist": MANAGER,
    "holidays_holiday_add": MANAGER,
    "holidays_holiday_change H": MANAGER,
    "holidays_holiday_load_year": MANAGER,
    "holidays_holiday_confirm": MANAGER,
    "members_member_changelist": MANAGER,
    "members_member_add": MANAGER,
    "members_member_change M": MANAGER,
    "members_member_history M": MANAGER,
    "members_member_import": MANAGER,
    "members_member_export": MANAGER,
    "members_member_left": MANAGER,
    "members_member_duplicates": MANAGER,
    "members_member_line": BOTH,
    "members_memberrequest_changelist": MANAGER,
    "booking_messagechoice_changelist": MANAGER,
    "booking_messagechoice_add": NOBODY,
    "booking_notice_changelist": MANAGER,
    "booking_offermessage_changelist": MANAGER,
    "booking_notice_telephone": BOTH,
    "booking_ticket_waiting": BOTH,
    "booking_notice_add": NOBODY,
    "booking_offermessage_add": NOBODY,
    "setup": MANAGER,
    "setup_holidays": MANAGER,
    "setup_department": MANAGER,
    "setup_counters": MANAGER,
    "booking_counterprofile_changelist": MANAGER,
    "booking_counterprofile_add": MANAGER,
    "office_setting_changelist": MANAGER,
    "office_part facts": MANAGER,
    "office_history": MANAGER,
    "booking_jobrun_changelist": MANAGER,
    "booking_erasure_changelist": MANAGER,
    "booking_erasure_add": NOBODY,
    "auth_user_changelist": MANAGER,
    "auth_user_add": MANAGER,
    "auth_group_changelist": MANAGER,
    "axes_accessattempt_changelist": NOBODY,
    "django_q_schedule_changelist": NOBODY,
}


@pytest.fixture
def rows():
    ticket = make_ticket()
    holiday = make_holiday(date=in_days(40), name="วันหยุดพิเศษ", is_confirmed=False)
    return {"T": ticket, "D": ticket.department, "M": ticket.member, "H": holiday}


@pytest.fixture
def staff():
    return {
        "manager": make_user(group=roles.MANAGER),
        "clerk": make_user(group=roles.CLERK),
        "newcomer": make_user(),
    }


def address(page, rows):
    name, *arguments = page.split()
    return reverse(f"admin:{name}", args=[rows[one].pk if one in rows else one for one in arguments])


def opened(response):
    return response.status_code in (200, 302) and "/login/" not in response.get("Location", "")


@pytest.mark.parametrize("who", ["manager", "clerk", "newcomer"])
def test_each_page_opens_for_those_who_may(client, rows, staff, who):
    client.force_login(staff[who])

    found = {page: opened(client.get(address(page, rows))) for page in PAGES}

    assert found == {page: who in allowed for page, allowed in PAGES.items()}


def test_superusers_have_the_rest(client, rows):
    client.force_login(make_user(is_superuser=True))
    by_nobody = [page for page, allowed in PAGES.items() if not allowed]

    left = {page for page in by_nobody if not opened(client.get(address(page, rows)))}

    # Tickets are changed by the verbs alone, departments switched off, and messages owed by what happens.
    assert left == {
        "booking_ticket_add",
        "booking_ticket_delete T",
        "booking_department_delete D",
        "booking_erasure_add",
        "booking_messagechoice_add",
        "booking_notice_add",
        "booking_offermessage_add",
    }


@pytest.mark.parametrize("who", ["the public", "a user who is no staff"])
def test_others_are_sent_to_the_log_in(client, rows, who):
    if who != "the public":
        client.force_login(make_user(is_staff=False))

    for page in [*PAGES, "index"]:
        response = client.get(address(page, rows))
        assert response.status_code == 302, page
        assert response["Location"].startswith(reverse("admin:login")), page


POSTS = {
    "booking_ticket_cancel T": ({"reason": "โทรมา"}, BOTH),
    "booking_ticket_move T": ({"slot": "S", "key": "office:" + "k" * 30}, MANAGER),
    "booking_ticket_book_for_member": (
        {"department": "D", "member": "777001", "date": "tomorrow", "slot": "S", "key": "office:" + "k" * 30},
        MANAGER,
    ),
    "booking_ticket_change T": ({"state": "served"}, NOBODY),
    "booking_ticket_add": ({"number": 1}, NOBODY),
    "booking_ticket_delete T": ({"post": "yes"}, NOBODY),
    "booking_department_change D": ({"name": "ชื่ออื่น"}, MANAGER),
    "holidays_holiday_load_year": ({"year": 2027}, MANAGER),
    "holidays_holiday_change H": ({"name": "ชื่ออื่น", "date": "", "kind": "office"}, MANAGER),
    "members_member_change M": ({"given_name": "ชื่ออื่น"}, MANAGER),
    "members_member_import": ({}, MANAGER),
    "members_member_export": ({}, MANAGER),
}


@pytest.mark.parametrize("page", POSTS)
@pytest.mark.parametrize("who", ["clerk", "newcomer"])
def test_a_button_that_is_not_theirs_is_refused(client, rows, staff, page, who):
    values, allowed = POSTS[page]
    who = "the public" if who in allowed else who
    make_member(member_number="777001")
    stand_for = {"S": make_slot(department=rows["D"], nth=3).pk, "D": rows["D"].pk, "tomorrow": in_days(1).isoformat()}
    if who in staff:
        client.force_login(staff[who])
    before = state_of_the_office()

    response = client.post(address(page, rows), {key: stand_for.get(value, value) for key, value in values.items()})

    assert not opened(response)
    assert state_of_the_office() == before


def state_of_the_office() -> list:
    """What the buttons of POSTS would change."""
    return [
        *Ticket.objects.values_list("pk", "state", "slot_id"),
        *Holiday.objects.values_list("date", "name"),
        *Department.objects.values_list("pk", "name"),
        *Member.objects.values_list("pk", "given_name"),
    ]


@pytest.mark.parametrize(("choice", "clerk_may"), [("cancel", True), ("move", False)])
def test_a_clerk_settles_tickets_of_closed_times_by_the_rights_of_clerks(client, rows, staff, choice, clerk_may):
    make_holiday(date=rows["T"].date, name="หยุด")
    client.force_login(staff["clerk"])

    client.post(reverse("admin:booking_ticket_closed"), {"ticket": [rows["T"].pk], "choice": choice, "reason": "หยุด"})

    rows["T"].refresh_from_db()
    assert (rows["T"].state == State.CANCELLED) is clerk_may


def test_only_who_sees_members_sees_their_telephones(client, rows, staff):
    make_holiday(date=rows["T"].date, name="หยุด")
    shown = {}
    for who in ("manager", "clerk"):
        client.force_login(staff[who])
        shown[who] = client.get(reverse("admin:booking_ticket_closed")).content.decode()

    assert rows["M"].phone in shown["manager"]
    assert rows["M"].phone not in shown["clerk"]
    assert rows["T"].code in shown["clerk"]


@pytest.mark.parametrize("who", ["manager", "clerk", "newcomer"])
def test_the_sidebar_and_the_first_page_show_only_what_opens(client, rows, staff, who):
    client.force_login(staff[who])
    page = client.get(reverse("admin:index"))

    links = {item["link"] for group in page.context["sidebar_navigation"] for item in group["items"]}
    warned = {warning["link"] for warning in page.context["warnings"]}

    assert all(client.get(link).status_code == 200 for link in links | warned)
    assert (reverse("admin:members_member_changelist") in links) is (who == "manager")


@pytest.mark.parametrize("who", ["manager", "clerk"])
def test_nobody_brings_back_an_older_state(client, rows, staff, who):
    """django-simple-history saves on POST whatever the rights: history is for reading."""
    department, user = rows["D"], staff[who]
    department.name = "ชื่อใหม่"
    department.save()
    client.force_login(user)
    version = department.history.earliest().pk

    response = client.post(reverse("admin:booking_department_simple_history", args=[department.pk, version]), {})

    assert response.status_code == 403
    department.refresh_from_db()
    assert department.name == "ชื่อใหม่"


def test_every_group_may_open_something():
    """A role without rights would be a log-in to an empty house."""
    for name in (roles.MANAGER, roles.CLERK):
        user = make_user(group=name)
        assert user.has_perm("booking.view_ticket")


def test_departments_closed_to_a_clerk_stay_closed_in_links(client, staff):
    """The calendar offers no way to a page that answers 403."""
    make_open_department()
    client.force_login(staff["clerk"])

    page = client.get(reverse("admin:booking_calendar")).content.decode()

    assert reverse("admin:booking_dayexception_add") not in page
