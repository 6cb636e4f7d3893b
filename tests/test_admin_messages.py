"""The office and its messages: which it pays for, how many are left, what is off, and whom to telephone."""

import datetime as dt
from datetime import UTC

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import jobs, roles, verbs
from booking.messages import sending
from booking.models import MessageChoice, Notice, Ticket
from booking.models.notices import Kind, NoticeState
from members.models import LineQuota
from tests.factories import make_member, make_slot, make_ticket, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

TELEPHONE = reverse("admin:booking_notice_telephone")
CHOICES = reverse("admin:booking_messagechoice_changelist")
NOTICES = reverse("admin:booking_notice_changelist")


@pytest.fixture
def server(server, settings):
    settings.EMAIL_HOST = ""
    return server


@pytest.fixture
def to_telephone(server):
    """The office has cancelled the ticket of a member who has no LINE."""
    return make_cancelled()


def make_cancelled(*, days_ahead=1, reason="ปิดปรับปรุง", **member) -> Notice:
    ticket = make_ticket(member=make_member(**member), slot=make_slot(days_ahead=days_ahead))
    verbs.cancel(ticket=ticket, by=make_user(), reason=reason)
    while sending.send_owed():
        pass
    return ticket.notices.get(kind=Kind.CANCELLED)


def done(notice) -> str:
    return reverse("admin:booking_notice_called", args=[notice.pk])


def choose(client, *kinds):
    """Tick these messages and save, as the page does."""
    rows = list(MessageChoice.objects.order_by("-pk"))
    form = {"form-TOTAL_FORMS": len(rows), "form-INITIAL_FORMS": len(rows), "_save": "1"}
    for nth, row in enumerate(rows):
        form[f"form-{nth}-kind"] = row.pk
        if row.pk in kinds:
            form[f"form-{nth}-is_on"] = "on"
    return client.post(CHOICES, form)


# --- to be telephoned -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [roles.MANAGER, roles.CLERK])
def test_staff_see_whom_to_telephone_and_what_to_say(client, to_telephone, role):
    client.force_login(make_user(group=role))

    shown = text(client.get(TELEPHONE))

    ticket = to_telephone.ticket
    for part in (ticket.code, ticket.member.full_name, ticket.member.phone, "สหกรณ์ขอยกเลิกคิวของท่าน", "ปิดปรับปรุง"):
        assert part in shown
    assert "สมาชิกไม่มี LINE หรืออีเมล" in shown


def test_they_see_with_which_status_line_refused(client, clerk, to_telephone):
    Notice.objects.filter(pk=to_telephone.pk).update(reason="line_refused", line_status=403)
    assert "LINE ไม่รับ (403)" in text(client.get(TELEPHONE))


def test_the_first_page_says_how_many(client, clerk, to_telephone):
    make_cancelled()

    assert "สมาชิกที่ต้องโทรแจ้ง 2 รายการ" in text(client.get(reverse("admin:index")))


def test_the_button_ends_it_and_keeps_who_it_was(client, clerk, to_telephone):
    answer = client.post(done(to_telephone), {"result": "reached"}, follow=True)

    assert "บันทึกแล้ว: โทรแจ้งแล้ว" in text(answer)
    assert "ไม่มีใครที่ต้องโทรแจ้ง" in text(answer)
    to_telephone.refresh_from_db()
    assert (to_telephone.state, to_telephone.channel) == (NoticeState.TELEPHONED, "phone")
    client.force_login(make_user(group=roles.MANAGER))
    assert f"โดย {clerk}" in text(client.get(NOTICES))


def test_pressed_by_two_it_is_the_first_s(client, clerk, to_telephone):
    client.post(done(to_telephone), {"result": "reached"})
    other = make_user(group=roles.CLERK)
    client.force_login(other)

    answer = client.post(done(to_telephone), {"result": "reached"}, follow=True)

    assert "มีผู้โทรแจ้งไว้ก่อน" in text(answer)
    to_telephone.refresh_from_db()
    assert to_telephone.ended_by == clerk


def test_a_link_does_not_end_it(client, clerk, to_telephone):
    assert client.get(done(to_telephone)).status_code == 405
    to_telephone.refresh_from_db()
    assert to_telephone.state == NoticeState.TO_TELEPHONE


def test_a_notice_that_is_not_there_is_not_found(client, clerk):
    assert client.post(reverse("admin:booking_notice_called", args=[999999])).status_code == 404


@pytest.mark.parametrize("who", ["newcomer", "no staff", "public"])
def test_strangers_neither_see_nor_end_it(client, to_telephone, who):
    if who != "public":
        client.force_login(make_user(is_staff=who == "newcomer"))

    answers = [client.get(TELEPHONE), client.post(done(to_telephone), {"result": "reached"})]

    assert {answer.status_code for answer in answers} == ({403} if who == "newcomer" else {302})
    assert all(to_telephone.ticket.member.phone not in text(answer) for answer in answers)
    to_telephone.refresh_from_db()
    assert to_telephone.state == NoticeState.TO_TELEPHONE


def test_a_message_that_is_no_use_any_more_is_not_telephoned(client, clerk, server):
    ticket = make_ticket(slot=make_slot(days_ahead=1))
    slot = make_slot(department=ticket.department, days_ahead=2)
    booking = verbs.reschedule(ticket=ticket, slot_id=slot.pk, key="moved-by-the-office", by=make_user())
    moved = Ticket.objects.with_details().get(pk=booking.ticket_id)
    while sending.send_owed():
        pass
    notice = Notice.objects.get(kind=Kind.MOVED)
    assert notice.state == NoticeState.TO_TELEPHONE
    assert moved.code in text(client.get(TELEPHONE))

    verbs.cancel(ticket=moved)

    assert "ไม่มีใครที่ต้องโทรแจ้ง" in text(client.get(TELEPHONE))


def test_the_soonest_day_comes_first(client, clerk, server):
    late, soon = make_cancelled(days_ahead=5, phone="0811111111"), make_cancelled(days_ahead=1, phone="0822222222")
    assert late.pk < soon.pk

    shown = text(client.get(TELEPHONE))

    assert shown.index("0822222222") < shown.index("0811111111")


# --- what is paid for -----------------------------------------------------------------------------------------------


def test_the_manager_chooses_what_is_sent(client, manager, server):
    assert choose(client, Kind.YOUR_TURN, Kind.CANCELLED).status_code == 302

    assert set(MessageChoice.objects.filter(is_on=True).values_list("pk", flat=True)) == {"your_turn", "cancelled"}
    assert not make_ticket().notices.exists()


def test_the_clerk_chooses_nothing(client, clerk):
    assert choose(client).status_code == 403
    assert MessageChoice.objects.filter(is_on=False).count() == 0


def test_every_kind_of_message_stands_on_the_page(client, manager, server):
    shown = text(client.get(CHOICES))

    assert [kind for kind in Kind if str(kind.label) not in shown] == []


# --- what became of them --------------------------------------------------------------------------------------------


def test_notices_are_read_by_kind_state_and_channel_with_masked_names(client, manager, to_telephone):
    make_ticket()
    member = to_telephone.ticket.member

    shown = text(client.get(NOTICES, {"state__exact": "to_telephone"}))

    assert member.masked_name in shown
    assert member.full_name not in shown
    assert "บัตรคิวเปลี่ยนไปแล้ว" not in shown  # the reason of those that were not sent
    assert "บัตรคิวเปลี่ยนไปแล้ว" in text(client.get(NOTICES, {"state__exact": "dropped"}))
    for query in ({"kind__exact": "issued"}, {"channel__exact": "line"}, {"q": member.member_number}):
        assert client.get(NOTICES, query).status_code == 200


def test_nobody_changes_a_notice(client, to_telephone):
    client.force_login(make_user(is_superuser=True))
    address = reverse("admin:booking_notice_change", args=[to_telephone.pk])

    assert client.post(address, {"state": "sent"}).status_code == 403
    to_telephone.refresh_from_db()
    assert to_telephone.state == NoticeState.TO_TELEPHONE


# --- how many are left ----------------------------------------------------------------------------------------------


def test_the_month_s_quota_is_read_and_shown(client, manager, server):
    server.quota = 300
    jobs.read_line_quota()

    quota = LineQuota.objects.get()
    assert (quota.limit, quota.used, quota.fault) == (300, 0, "")
    shown = text(client.get(CHOICES))
    assert "ส่งได้ทั้งเดือน300" in shown


def test_without_a_limit_it_says_so(client, manager, server):
    jobs.read_line_quota()
    assert "ไม่จำกัด" in text(client.get(CHOICES))
    assert not LineQuota.objects.get().will_run_out


@pytest.mark.parametrize(
    ("read_at", "used", "forecast"),
    [
        (dt.datetime(2026, 11, 15, 17, tzinfo=UTC), 100, 200),  # midnight of the 16th in Bangkok: half of 30 days
        (dt.datetime(2026, 10, 31, 17, 5, tzinfo=UTC), 3, 90),  # the month's first minutes count as a day
        (dt.datetime(2026, 11, 30, 16, tzinfo=UTC), 290, 291),
        (dt.datetime(2026, 11, 20, tzinfo=UTC), 0, 0),
    ],
)
def test_the_forecast_goes_on_as_so_far(read_at, used, forecast):
    assert LineQuota(limit=300, used=used, read_at=read_at).forecast == forecast


def test_who_runs_out_before_the_month_ends_is_warned(client, manager, server):
    quota = LineQuota.objects.create(pk=1, limit=300, used=0, read_at=timezone.now())
    for page in (CHOICES, reverse("admin:index")):
        assert "คาดว่าจะหมดก่อนสิ้นเดือน" not in text(client.get(page))

    quota.used = 301
    quota.save(update_fields=["used"])

    for page in (CHOICES, reverse("admin:index")):
        assert "คาดว่าจะหมดก่อนสิ้นเดือน" in text(client.get(page))


def test_a_token_that_line_refuses_is_said_and_the_last_numbers_stay(client, manager, server, settings):
    server.quota = 300
    jobs.read_line_quota()
    settings.LINE_CHANNEL_ACCESS_TOKEN = "expired"

    jobs.read_line_quota()

    shown = text(client.get(CHOICES))
    assert "401" in shown
    assert "ส่งได้ทั้งเดือน300" in shown
    assert "อ่านจำนวนข้อความจาก LINE ไม่ได้" in text(client.get(reverse("admin:index")))
    settings.LINE_CHANNEL_ACCESS_TOKEN = server.access_token
    jobs.read_line_quota()
    assert "401" not in text(client.get(CHOICES))


def test_the_first_reading_that_fails_has_nothing_to_show_but_that(client, manager, server):
    server.fail(500)
    jobs.read_line_quota()

    assert "500" in text(client.get(CHOICES))
    assert client.get(reverse("admin:index")).status_code == 200


# --- what is off ----------------------------------------------------------------------------------------------------


def test_all_that_is_off_is_said_plainly(client, manager, server, settings):
    everything = {
        "LINE_CHANNEL_ACCESS_TOKEN": "ไม่ส่งข้อความทาง LINE",
        "LINE_CHANNEL_SECRET": "ไม่ตอบสมาชิกใน LINE",
        "LINE_LOGIN_CHANNEL_ID": "ผูกบัญชี LINE ไม่ได้",
        "LINE_LOGIN_CHANNEL_SECRET": "นอก LINE เข้าสู่ระบบด้วย LINE ไม่ได้",
        "PUBLIC_URL": "ไม่มีปุ่มเปิดบัตรคิว",
        "EMAIL_HOST": "ไม่ส่งอีเมล",
    }
    settings.EMAIL_HOST = "mail.example.org"
    assert "ยังไม่ได้เปิดใช้" not in text(client.get(CHOICES))

    for name, said in everything.items():
        value = getattr(settings, name)
        setattr(settings, name, "")
        shown = text(client.get(CHOICES))
        assert (said in shown, name in shown) == (True, True)
        setattr(settings, name, value)


def test_an_address_that_line_does_not_open_is_said(client, manager, server, settings):
    settings.PUBLIC_URL = "http://queue.example.org"
    assert "ไม่ได้ขึ้นต้นด้วย https://" in text(client.get(CHOICES))


def test_with_no_channel_at_all_the_other_list_is_pointed_to(client, manager, settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = settings.EMAIL_HOST = ""

    cancelled = make_cancelled()

    assert "ระบบจึงไม่ส่งข้อความใดเลย" in text(client.get(CHOICES))
    assert reverse("admin:booking_ticket_closed") in client.get(TELEPHONE).content.decode()
    assert "สหกรณ์ไม่ได้เปิดส่งข้อความนี้" in text(client.get(TELEPHONE))
    assert done(cancelled) in client.get(TELEPHONE).content.decode()
    jobs.read_line_quota()
    assert not LineQuota.objects.exists()
