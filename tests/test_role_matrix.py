"""Every address of the site, and every verb of the API, against every role: whom it answers. One without a stated
answer fails, and so does one that answers others than stated."""

import random

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking import roles
from booking.models import StaffDepartment, StaffEvent, TicketEvent, WaitingEntry
from booking.models.tokens import issue_token
from tests.factories import (
    in_days,
    make_counter,
    make_holiday,
    make_member,
    make_open_department,
    make_ticket,
    make_user,
)
from tests.pages import confirm_name, hold
from tests.sitemap import Address, addresses

pytestmark = pytest.mark.django_db

WHO = ["public", "member", "kiosk", "reception", "clerk", "other_clerk", "head", "manager", "auditor", "superuser"]

# Whom the page of each address answers when it is asked for (GET), by its name, or by its path where it has none. What
# is named under nobody is not for asking (it takes a form), or not there at all.
ANSWERS = {
    "": """
        admin/<str:url> admin:auth_user_delete admin:autocomplete admin:axes_accessattempt_add
        admin:axes_accessfailurelog_add admin:axes_accesslog_add admin:office_setting_add
        admin:office_setting_change admin:office_setting_delete admin:office_setting_history admin:office_back logo
        admin:booking_counterprofile_served admin:booking_counterprofile_switch admin:booking_counterprofile_history
        admin:booking_counterprofile_simple_history
        admin:booking_boardnotice_history
        admin:booking_boardnotice_simple_history admin:booking_clip_add admin:booking_clip_change
        admin:booking_clip_delete admin:booking_counter_delete admin:booking_dayexception_history
        admin:booking_dayexception_simple_history admin:booking_department_delete admin:booking_jobrun_add
        admin:booking_erasure_add admin:booking_erasure_delete
        admin:booking_jobrun_delete admin:booking_messagechoice_add admin:booking_messagechoice_delete
        admin:booking_notice_add admin:booking_notice_delete admin:booking_notice_called
        admin:booking_notice_offer_called admin:booking_offermessage_add admin:booking_offermessage_delete
        admin:booking_slot_add admin:booking_slot_delete admin:booking_stafftoken_add admin:booking_ticket_add
        admin:booking_ticket_delete admin:booking_ticket_origin admin:booking_waitprediction_add
        admin:booking_waitprediction_delete admin:django_q_failure_add admin:django_q_ormq_add
        admin:django_q_success_add admin:view_on_site arrive_check_in
        board_clip kiosk_check_in kiosk_ticket line_leave line_log_in line_webhook metrics take
        kept_day_list ticket_check_in ticket_open workerz wait waiting_leave waiting_open waiting_take
            member_leave member_passkeys member_passkey_begin member_passkey_new member_passkey_remove
            family_accept family_end family_for family_messages
            member_passkey_sign_in withdraw_request admin:members_memberrequest_add admin:members_memberrequest_delete
            admin:members_memberrequest_change
    """,
    "member": """
        ticket ticket_calendar ticket_cancel ticket_live ticket_move ticket_move_days ticket_picture
        waiting
    """,
    "superuser": """
        admin:auth_group_add admin:auth_group_delete admin:axes_accessattempt_change
        admin:axes_accessattempt_changelist admin:axes_accessattempt_delete admin:axes_accessfailurelog_change
        admin:axes_accessfailurelog_changelist admin:axes_accessfailurelog_delete admin:axes_accesslog_change
        admin:axes_accesslog_changelist admin:axes_accesslog_delete admin:axes_accesslog_history
        admin:django_q_failure_change admin:django_q_failure_changelist admin:django_q_failure_delete
        admin:django_q_ormq_change admin:django_q_ormq_changelist admin:django_q_ormq_delete
        admin:django_q_schedule_add admin:django_q_schedule_change admin:django_q_schedule_changelist
        admin:django_q_schedule_delete admin:django_q_schedule_history admin:django_q_success_change
        admin:django_q_success_changelist admin:django_q_success_delete
    """,
    "public member": """
        admin:logout
    """,
    "head manager auditor superuser": """
        admin:booking_today admin:booking_alarm_choice admin:booking_report
    """,
    "manager superuser": """
        admin:booking_department_import
        admin:setup admin:setup_holidays admin:setup_department admin:setup_counters admin:booking_counterprofile_add
        admin:booking_counterprofile_delete
        admin:members_member_duplicates admin:members_member_who_is_twice
        admin:members_member_file admin:members_member_file_progress admin:members_member_export_file
        admin:members_member_left admin:members_member_bring_in admin:members_member_take_out
        admin:members_member_who_left
        admin:auth_user_add admin:auth_user_link admin:auth_user_reset_factor admin:auth_user_unlock
        admin:booking_boardnotice_add admin:booking_boardnotice_delete admin:booking_counter_add
        admin:booking_dayexception_add admin:booking_dayexception_delete admin:booking_department_add
        admin:booking_stafftoken_delete admin:holidays_holiday_add admin:holidays_holiday_confirm
        admin:holidays_holiday_delete admin:holidays_holiday_load_year admin:members_member_add
        admin:members_member_delete admin:members_member_erase admin:members_member_export
        admin:members_member_history
        admin:members_member_import admin:members_member_simple_history
    """,
    "head manager superuser": """
        admin:booking_ticket_book_for_member admin:booking_ticket_close_day admin:booking_ticket_move
        admin:booking_ticket_on_paper admin:booking_ticket_slip
        admin:members_member_forgive
        counter_take_over
    """,
    "manager auditor superuser": """
        admin:booking_counterprofile_change admin:booking_counterprofile_changelist admin:booking_department_export
        admin:office_setting_changelist admin:office_part admin:office_history
        admin:auth_group_change admin:auth_group_changelist admin:auth_group_history admin:auth_user_change
        admin:auth_user_changelist admin:auth_user_history admin:booking_boardnotice_change
        admin:booking_boardnotice_changelist admin:booking_clip_changelist admin:booking_counter_change
        admin:booking_counter_changelist admin:booking_counter_history admin:booking_counter_simple_history
        admin:booking_dayexception_change admin:booking_dayexception_changelist admin:booking_department_change
        admin:booking_department_changelist admin:booking_department_history
        admin:booking_department_simple_history admin:booking_jobrun_change admin:booking_jobrun_changelist
        admin:booking_erasure_change admin:booking_erasure_changelist
        admin:booking_messagechoice_change admin:booking_messagechoice_changelist
        admin:booking_messagechoice_history admin:booking_notice_change admin:booking_notice_changelist
        admin:booking_offermessage_change admin:booking_offermessage_changelist
        admin:booking_stafftoken_change admin:booking_stafftoken_changelist admin:booking_ticket_closed_list
        admin:holidays_holiday_change admin:holidays_holiday_changelist admin:holidays_holiday_history
        admin:holidays_holiday_simple_history admin:members_member_change admin:members_member_changelist
        admin:members_memberrequest_changelist
    """,
    "clerk head manager superuser": """
        admin:booking_ticket_cancel
    """,
    "clerk other_clerk head manager superuser": """
        admin:booking_notice_telephone admin:booking_ticket_waiting
        counter counter_find counter_free counter_leave counter_live
        counter_log_out counter_press counter_press_for counter_sit counter_walk_in counters
    """,
    "reception clerk other_clerk head manager superuser": """
        admin:members_member_line board_poster
    """,
    "clerk other_clerk head manager auditor superuser": """
        admin:booking_waitprediction_change admin:booking_waitprediction_changelist
    """,
    "kiosk reception clerk other_clerk head manager superuser": """
        kiosk
    """,
    "kiosk reception clerk head manager superuser": """
        kiosk_issue
    """,
    "reception clerk head manager auditor superuser": """
        admin:booking_ticket_read_out
    """,
    "reception clerk other_clerk head manager auditor superuser": """
        admin/auth/group/<path:object_id>/ admin/auth/user/<path:object_id>/
        admin/axes/accessattempt/<path:object_id>/ admin/axes/accessfailurelog/<path:object_id>/
        admin/axes/accesslog/<path:object_id>/ admin/booking/boardnotice/<path:object_id>/
        admin/booking/clip/<path:object_id>/ admin/booking/counter/<path:object_id>/
        admin/booking/dayexception/<path:object_id>/ admin/booking/department/<path:object_id>/
        admin/booking/jobrun/<path:object_id>/ admin/booking/messagechoice/<path:object_id>/
        admin/booking/notice/<path:object_id>/ admin/booking/offermessage/<path:object_id>/
        admin/booking/slot/<path:object_id>/
        admin/booking/stafftoken/<path:object_id>/ admin/booking/ticket/<path:object_id>/
        admin/booking/waitprediction/<path:object_id>/ admin/django_q/failure/<path:object_id>/
        admin/django_q/ormq/<path:object_id>/ admin/django_q/schedule/<path:object_id>/
        admin/django_q/success/<path:object_id>/ admin/holidays/holiday/<path:object_id>/
        admin/members/member/<path:object_id>/ admin/members/memberrequest/<path:object_id>/
        admin:members_memberrequest_history admin/booking/counterprofile/<path:object_id>/
        admin/office/setting/<path:object_id>/ admin:app_list
        admin:axes_accessattempt_history
        admin:axes_accessfailurelog_history admin:booking_calendar admin:booking_clip_history
        admin:booking_offermessage_history admin:booking_jobrun_history admin:booking_notice_history
        admin:booking_slot_change
        admin:booking_erasure_history admin/booking/erasure/<path:object_id>/
        admin:booking_slot_changelist admin:booking_slot_history admin:booking_stafftoken_history
        admin:booking_ticket_change admin:booking_ticket_changelist admin:booking_ticket_day_list
        admin:booking_ticket_closed
        admin:booking_settlement admin:booking_settlement_progress
        admin:booking_ticket_closed_times admin:booking_ticket_history admin:booking_ticket_origins
        admin:booking_waitprediction_history admin:django_q_failure_history admin:django_q_ormq_history
        admin:django_q_success_history admin:index admin:jsi18n admin:password_change admin:password_change_done
        admin:search recovery_codes second_factor manual manual_chapter
    """,
    "public member reception clerk other_clerk head manager auditor superuser": """
        admin:login arrive board board_of_department board_words confirm days guide home privacy member member_first
        member_code member_contact member_password held held_file ask_correction ask_erasure
        family family_add
        member_forgot identify line line_callback line_confirm line_link line_start line_unlink manifest offline recover
        set_password status ticket_qr tickets times worker look look_by_night
    """,
    "public member kiosk reception clerk other_clerk head manager auditor superuser": """
        healthz readyz set_language
    """,
}
STATED = {name: set(who.split()) for who, names in ANSWERS.items() for name in names.split()}


@pytest.fixture
def office():
    """One of everything; somebody of every role, signed in; `other_clerk` has another department than the ticket's."""
    department, other = make_open_department(), make_open_department()
    member = make_member()
    ticket = make_ticket(member=member, department=department)
    users = {
        "kiosk": make_user(group=roles.KIOSK),
        "reception": make_user(group=roles.RECEPTION),
        "clerk": make_user(group=roles.CLERK),
        "other_clerk": make_user(group=roles.CLERK),
        "head": make_user(group=roles.HEAD),
        "manager": make_user(group=roles.MANAGER),
        "auditor": make_user(group=roles.AUDITOR),
        "superuser": make_user(is_superuser=True),
    }
    StaffDepartment.objects.create(user=users["clerk"], department=department)
    StaffDepartment.objects.create(user=users["other_clerk"], department=other)
    make_holiday(date=in_days(40), name="หยุด")
    counter = make_counter(departments=[department], clerk=users["clerk"])
    clients = {who: Client() for who in WHO}
    for who, user in users.items():
        clients[who].force_login(user)
    confirm_name(clients["member"], department, member=member)
    hold(clients["member"], ticket)
    entry = WaitingEntry.objects.create(
        public_id=ticket.public_id, member=member, department=department, date=in_days(2), joined_at=timezone.now()
    )
    clients["member"].post(reverse("waiting_open", args=[entry.public_id]), {"link": entry.secret})
    values = {
        "slug": department.slug,
        "public_id": ticket.public_id,
        "date": in_days(2).isoformat(),
        "number": counter.number,
        "verb": "hold",
        "kind": "csv",
        "chapter": "today",
        "ticket_id": ticket.pk,
        "app_label": "booking",
        "section": "facts",
        "id": users["clerk"].pk,
    }
    return clients, users, values


def path_of(address: Address, values: dict) -> str:
    first = address.model and address.model._default_manager.order_by("pk").first()
    if address.name.startswith("admin:auth_user_"):
        return address.filled(values | {"object_id": values["id"]})
    if address.name.endswith("_simple_history") and first and (kept := first.history.order_by("history_id").first()):
        of_object = address.path.replace("<path:object_id>", str(first.pk), 1)
        return "/" + of_object.replace("<path:object_id>", str(kept.history_id), 1)
    return address.filled(values | {"object_id": first.pk if first else 1})


def answers(client, path: str) -> bool:
    """Whether the page is shown, or leads on elsewhere than to a door."""
    answer = client.get(path)
    doors = (reverse("admin:login"), reverse("kiosk"))
    leads_away = answer.status_code == 302 and answer["Location"].split("?")[0] in doors
    return answer.status_code in (200, 302, 304) and not leads_away


def key(address: Address) -> str:
    return address.path if address.name in ("", "admin:") else address.name


def pages() -> list[Address]:
    return [one for one in addresses() if not one.path.startswith(("demo/", "api/"))]


def test_every_address_has_a_stated_answer_and_no_other_is_stated():
    assert {key(one) for one in pages()} == set(STATED)


def wrong(office, chosen) -> list[str]:
    clients, users, values = office
    found = []
    for address in chosen:
        path = path_of(address, values)
        answered = {who for who in WHO if answers(clients[who], path)}
        if answered != STATED[key(address)]:
            found.append(f"{key(address)}: {sorted(answered ^ STATED[key(address)])}")
        if address.name == "admin:logout":
            for who, user in users.items():
                clients[who].force_login(user)
    return found


def test_each_role_is_answered_where_it_is_stated(office):
    """A part of the addresses, the same each time; all of them in the slow tier."""
    assert wrong(office, random.Random(8).sample(pages(), k=25)) == []


@pytest.mark.slow
def test_each_role_is_answered_where_it_is_stated_everywhere(office):
    assert wrong(office, pages()) == []


def test_an_auditor_changes_nothing(office, bare_refusals):
    clients, users, values = office
    before = (TicketEvent.objects.count(), StaffEvent.objects.count(), LogEntry.objects.count())
    for address in pages():
        if address.path.startswith(("admin/", "counter/", "kiosk/")) and address.path not in LEAVES:
            answer = clients["auditor"].post(
                path_of(address, values), {"do": "close", "choice": "cancel", "reason": "ลอง"}
            )
            assert answer.status_code in (200, 302, 403, 404, 405, 422), address.path
    assert (TicketEvent.objects.count(), StaffEvent.objects.count(), LogEntry.objects.count()) == before


# They change the auditor's own session.
LEAVES = {"admin/logout/", "admin/login/", "admin/set-password/", "admin/second-factor/"}

# The verbs of the API that take a token, each with the roles whose token opens it.
SERVES, RECEIVES = {"clerk", "other_clerk", "head", "manager", "superuser"}, {"kiosk", "reception"}
VERBS = {
    "call-next": SERVES,
    "call": {"head", "manager", "superuser"},
    "recall": SERVES,
    "undo-call": SERVES,
    "start": SERVES,
    "finish": SERVES,
    "undo-finish": SERVES,
    "miss": SERVES,
    "hold": SERVES,
    "resume": SERVES,
    "put-back": SERVES,
    "transfer": SERVES,
    "check-in": SERVES | RECEIVES,
    "undo-check-in": SERVES | RECEIVES,
    "come-back": SERVES | RECEIVES,
    "walk-ins": SERVES | RECEIVES,
}


def staff_verbs() -> list[Address]:
    return [one for one in addresses() if getattr(one.view, "access_policy", "") in ("token", "ticket_or_token")]


def test_every_verb_of_the_api_has_a_stated_answer_for_every_role(office):
    clients, users, values = office
    tokens = {who: f"Token {issue_token(user)}" for who, user in users.items()}
    found = {}
    for address in staff_verbs():
        verb = address.path.rstrip("/").split("/")[-1]
        stated = VERBS[verb]
        for who in users:
            with transaction.atomic():
                answer = Client().post(address.filled(values), headers={"Authorization": tokens[who]})
                transaction.set_rollback(True)
            refused = answer.status_code == 403 and who != "other_clerk"
            if refused is (who in stated) and who != "other_clerk":
                found[f"{address.path} {who}"] = answer.status_code
        assert Client().post(address.filled(values)).status_code in (401, 404)
    assert found == {}
    # Another department's clerk changes nothing of the ticket, nor sits at the counter.
    for path in ("/api/v1/tickets/{public_id}/undo-check-in/", "/api/v1/counters/{number}/call-next/"):
        answer = Client().post(path.format(**values), headers={"Authorization": tokens["other_clerk"]})
        assert answer.status_code in (403, 409)
