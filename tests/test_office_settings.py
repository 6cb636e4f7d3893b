"""What the office sets for itself: in force everywhere at once, never above the environment, kept and set back."""

import io
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from PIL import Image

from booking import colours, roles
from booking.messages import kinds, wording
from booking.models import Notice
from booking.models.notices import Kind
from members.errors import TooManyAttempts
from members.throttle import count_attempt
from office import logo, stored
from office.kinds import checked
from office.models import Change, Logo, Setting
from office.settings import ROWS, office
from tests.factories import make_open_department, make_ticket, make_user

pytestmark = pytest.mark.django_db


def part(section: str) -> str:
    return reverse("admin:office_part", args=[section])


def post(client, section, **changed):
    """Send the part as the browser does: all that its form shows, with these changes."""
    form = client.get(part(section)).context["form"]
    data = {}
    for field in form:
        value = field.value()
        if value is None or value is False:
            continue
        data[field.html_name] = "on" if value is True else value
        data[field.html_initial_name] = data[field.html_name]
    for name, value in changed.items():
        data.pop(name, None)
        if value is not False:
            data[name] = value
    return client.post(part(section), data)


# --- reading ---


def test_the_environment_has_the_first_values(settings):
    settings.OFFICE_NAME, settings.OFFICE_PHONE = "สหกรณ์เดิม", "02 111 1111"

    assert (office.name, office.phone) == ("สหกรณ์เดิม", "02 111 1111")


def test_reading_asks_the_database_once_however_often(django_assert_num_queries, monkeypatch):
    stored.forget()

    with django_assert_num_queries(3):  # a savepoint around one query
        assert [office.phone for _ in range(50)] == [office.phone] * 50


def test_a_process_looks_again_after_a_second(monkeypatch):
    monkeypatch.setattr(stored, "FRESH", 0.05)
    stored.forget()
    assert office.map_url == ""
    Setting.objects.create(name="map_url", value="https://maps.example.org")  # as another process would

    time.sleep(0.06)

    assert office.map_url == "https://maps.example.org"


def test_without_the_database_the_last_values_stay(monkeypatch):
    stored.know({"phone": "038 123 456"})
    stored.forget()

    def refuses(*args):
        raise DatabaseError

    monkeypatch.setattr(Setting.objects, "values_list", refuses)

    assert office.phone == "038 123 456"


@pytest.mark.django_db(transaction=True)
def test_another_process_sees_a_change_within_two_seconds():
    script = (
        "import django, time; django.setup()\n"
        "from office.settings import office\n"
        "print(office.phone, flush=True); input()\n"
        "until = time.monotonic() + 2\n"
        "while office.phone != '038 999' and time.monotonic() < until: time.sleep(0.05)\n"
        "print(office.phone, flush=True)\n"
    )
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + connection.settings_dict["NAME"]).geturl()
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "queuesite.settings", "DATABASE_URL": database}
    other = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert other.stdout.readline().strip() == "038 000 000"

    stored.keep("phone", "038 999", by=make_user())
    said, _ = other.communicate("\n", timeout=20)

    assert said.strip() == "038 999"


# --- limits ---


def test_a_limit_can_be_tightened_and_never_lifted(settings, client, manager):
    settings.BOOKING_LIMITS = settings.BOOKING_LIMITS | {"live": 3}

    post(client, "limits", bookings_live="2")
    assert office.bookings_live == 2

    refused = post(client, "limits", bookings_live="4")
    assert "ไม่เกิน 3" in refused.content.decode()
    assert office.bookings_live == 2


def test_what_was_chosen_before_the_environment_was_lowered_counts_no_more(settings):
    stored.keep("moves", 8, by=make_user())
    settings.MOST_MOVES = 5

    assert office.moves == 5


def test_the_limits_that_are_set_are_those_that_hold(settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "10/900"}
    stored.keep("lookups_of_identifier", 3, by=make_user())

    for _ in range(3):
        count_attempt(identifier="100001", device="", address="203.0.113.7")
    with pytest.raises(TooManyAttempts):
        count_attempt(identifier="100001", device="", address="203.0.113.7")


def test_what_proves_a_member_and_secrets_are_no_setting():
    names = " ".join(ROWS)
    for word in ("proof", "secret", "token", "factor", "host", "base", "key"):
        assert word not in names


# --- history ---


def test_each_change_is_kept_and_set_back_by_one_press(client, manager):
    before = office.phone
    post(client, "facts", phone="038 222 333")
    change = Change.objects.get()
    assert (change.name, change.before, change.after, change.by) == ("phone", None, "038 222 333", manager)

    client.post(reverse("admin:office_back", args=[change.pk]))

    assert office.phone == before
    assert [one.after for one in Change.objects.all()] == [None, "038 222 333"]
    assert "038 222 333" in client.get(reverse("admin:office_history")).content.decode()


def test_a_change_that_is_kept_cannot_be_changed():
    change = stored.keep("phone", "1", by=make_user())

    with pytest.raises(DatabaseError), transaction.atomic():
        Change.objects.filter(pk=change.pk).update(after="2")


def test_a_value_that_the_rules_refuse_now_is_not_set_back(client, manager, settings):
    settings.MOST_MOVES = 10
    stored.keep("moves", 9, by=manager)
    change = stored.keep("moves", 4, by=manager)
    settings.MOST_MOVES = 6

    said = client.post(reverse("admin:office_back", args=[change.pk]), follow=True).content.decode()

    assert "ตั้งกลับไม่ได้" in said
    assert office.moves == 4


def test_saving_an_unchanged_form_changes_nothing(client, manager):
    for section in ("facts", "looks", "limits", "slip", "cards", "pages"):
        assert post(client, section).status_code == 302, section
    assert not Setting.objects.exists()


def test_a_colleagues_change_of_another_field_stays(client, manager):
    form = client.get(part("facts")).context["form"]
    data = {field.html_name: field.value() for field in form}
    data |= {field.html_initial_name: field.value() for field in form}
    stored.keep("address", "ถนนใหม่", by=make_user())  # while the page is open

    client.post(part("facts"), data | {"phone": "038 1"})

    assert (office.phone, office.address) == ("038 1", "ถนนใหม่")


# --- what is typed ---


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("facts", "map_url", "http://maps.example.org"),
        ("facts", "login_url", "javascript:alert(1)"),
        ("facts", "phone", "<b>"),
        ("limits", "moves", "0"),
        ("limits", "idle_minutes", "1"),
        ("looks", "colour_book", "red"),
        ("looks", "colour_book", "#ffcc00"),  # white letters cannot be read on it
        ("looks", "colour_login", "#a51a1a"),  # the red of cancelling
        ("cards", "cards.issued.heading.th", "จองแล้ว {name}"),
        ("cards", "cards.your_turn.text.th", "เชิญที่ช่อง"),  # without the counter
        ("cards", "cards.missed.text.th", "ไม่พบ {code"),
        ("pages", "pages.day_closed.en", "Closed"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(client, manager, section, name, value):
    response = post(client, section, **{name: value})

    assert response.status_code == 200
    assert response.context["form"].errors[name]
    assert not Setting.objects.exists()


# --- looks ---


def picture(kind="PNG", size=(300, 200), **options) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "#0a4a9f").save(file, kind, **options)
    return file.getvalue()


def test_a_logo_is_made_anew_and_shown(client, manager):
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    sent = io.BytesIO(picture("JPEG", (2000, 1000), exif=exif))
    sent.name = "logo.jpg"

    client.post(part("looks"), {"logo": sent})

    kept = Logo.objects.get()
    assert office.logo == kept.digest
    assert b"a secret place" not in bytes(kept.png)
    assert (kept.width, kept.height) == (640, 320)
    answer = client.get(reverse("logo", args=[kept.digest]))
    assert answer["Content-Type"] == "image/png"
    assert "immutable" in answer["Cache-Control"]
    assert reverse("logo", args=[kept.digest]) in client.get("/").content.decode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg onload='alert(1)'/>",
        picture("GIF"),
        picture(size=(8, 8)),
        picture()[:200],
        b"x" * (logo.BIGGEST + 1),
        picture(size=(6000, 5000)),
    ],
)
def test_what_is_no_logo_is_refused_with_a_sentence(client, manager, content):
    with pytest.raises(ValidationError):
        logo.make(content)
    assert not Logo.objects.exists()


def test_the_offices_colours_are_a_stylesheet_of_their_own(client, manager):
    assert "/look/" not in client.get("/").content.decode()
    post(client, "looks", colour_book="#004d40")

    page = client.get("/").content.decode()
    address = page.split('<link rel="stylesheet" href="/look/')[1].split('"')[0]
    answer = client.get(f"/look/{address}")

    assert answer.content.decode() == ":root { --blue: #004d40; }\n"
    assert "immutable" in answer["Cache-Control"]
    assert client.get("/look/ffffffffffff.css")["Cache-Control"] == "no-store"
    night = client.get(f"/look/{address.removesuffix('.css')}/night.css").content.decode()
    light = night.split("--blue: ")[1][:7]
    assert colours.contrast(light, colours.NIGHT) >= 7
    assert ".day-open { --blue: #004d40; }" in night


# --- words ---


def test_cards_say_what_the_office_says(client, manager):
    ticket = make_ticket()
    post(client, "cards", **{"cards.issued.heading.th": "จองแล้วค่ะ {code}", "cards.issued.more.th": "จอดรถหลังอาคาร"})

    said = kinds.said(Notice(ticket=ticket, kind=Kind.ISSUED))

    assert said.heading == f"จองแล้วค่ะ {ticket.code}"
    assert said.lines[-1] == "จอดรถหลังอาคาร"
    assert len(said.lines) > 2  # day and time stay


def test_a_heading_is_typed_into_one_line_and_a_text_into_two(client, manager):
    form = client.get(part("cards")).context["form"]

    assert str(form["cards.issued.heading.th"]).startswith("<input")
    assert 'rows="2"' in str(form["cards.issued.more.th"])


def test_the_way_is_a_button_where_there_is_a_map(settings):
    settings.PUBLIC_URL = ""
    notice = Notice(ticket=make_ticket(), kind=Kind.ISSUED)
    assert [label for label, _target in kinds.said(notice).buttons] == ["ยกเลิกบัตรคิว"]

    stored.keep("map_url", "https://maps.example.org/1", by=make_user())

    assert kinds.said(notice).buttons[0] == ("แผนที่", "https://maps.example.org/1")


def test_a_text_is_looked_at_without_being_saved(client, manager):
    make_ticket()
    response = post(client, "cards", **{"cards.your_turn.text.th": "ไปช่อง {counter} ได้เลย", "look": "1"})

    assert "ไปช่อง 3 ได้เลย" in response.content.decode()
    assert not Setting.objects.exists()


def test_pages_of_what_is_closed_or_full_say_what_the_office_says(client, manager):
    post(client, "pages", **{"pages.none_open.th": "เปิดจองวันจันทร์ โทร {phone}"})

    assert f"เปิดจองวันจันทร์ โทร {office.phone}" in client.get("/").content.decode()
    client.cookies["django_language"] = "en"
    assert "เปิดจองวันจันทร์" not in client.get("/").content.decode()


def test_a_gap_gives_away_nothing_else():
    stored.know({"pages.none_open.th": "{phone.__class__} {office}"})

    assert wording.said("pages.none_open") == f" {office.name}"


def test_every_first_text_passes_its_own_check():
    for row in wording.WORDINGS.values():
        for setting in row.settings():
            assert checked(setting, str(row.first)) == str(row.first)


# --- slips ---


def test_a_slip_prints_what_the_office_chose(client, manager):
    post(client, "slip", slip_qr=False, slip_words="ขอบคุณค่ะ")
    department = make_open_department()
    client.force_login(make_user(group=roles.RECEPTION))
    response = client.post(reverse("kiosk_issue", args=[department.slug]), {"priority": ""}, follow=True)
    page = response.content.decode()
    assert "ขอบคุณค่ะ" in page
    assert page.count("slip-paper-only") == 1


# --- who ---


@pytest.mark.parametrize(("role", "sees"), [(roles.AUDITOR, True), (roles.HEAD, False), (roles.CLERK, False)])
def test_others_change_nothing(client, role, sees):
    change = stored.keep("phone", "1", by=make_user())
    client.force_login(make_user(group=role))

    assert (client.get(part("facts")).status_code == 200) is sees
    assert client.post(part("facts"), {"phone": "2"}).status_code == 403
    assert client.post(reverse("admin:office_back", args=[change.pk])).status_code == 403
    assert office.phone == "1"


def test_setting_back_takes_a_press(client, manager):
    change = stored.keep("phone", "1", by=make_user())

    assert client.get(reverse("admin:office_back", args=[change.pk])).status_code == 405
    assert office.phone == "1"
