"""The recorded words and the notices of the board, in the back office."""

import io
import wave

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.urls import reverse
from django.utils import timezone

from booking import roles
from booking.admin.clips import kind_of_sound
from booking.models import BoardNotice, Clip
from tests.factories import in_days, make_counter, make_open_department, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

PAGE = "admin:booking_clip_changelist"


@pytest.fixture
def office():
    make_counter(departments=[make_open_department(letter="A")], number=1)


@pytest.fixture
def manager(client, office):
    client.force_login(make_user(group=roles.MANAGER))


def wav(seconds=0.1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * int(8000 * seconds))
    return file.getvalue()


def send(client, files: dict, **form):
    uploads = {word: SimpleUploadedFile("sound", content) for word, content in files.items()}
    return client.post(reverse(PAGE), uploads | form, follow=True)


def test_it_says_which_words_are_missing(client, manager):
    Clip.objects.create(word="A", sound=wav(), content_type="audio/wav", uploaded_at=timezone.now())

    said = text(client.get(reverse(PAGE)))

    assert "ยังขาด 13 คำ: ขอเชิญหมายเลข · ที่ช่องบริการ · ค่ะ · ศูนย์ · หนึ่ง" in said


def test_a_recording_is_kept_and_served(client, manager):
    answer = send(client, {"A": wav(), "ศูนย์": wav(0.2)})

    assert "บันทึกแล้ว 2 คำ" in text(answer)
    clip = Clip.objects.get(word="ศูนย์")
    assert (bytes(clip.sound), clip.content_type) == (wav(0.2), "audio/wav")
    assert client.get(reverse("board_clip", args=[clip.pk])).content == wav(0.2)


def test_a_new_recording_takes_the_place_of_the_old(client, manager):
    send(client, {"A": wav(0.1)})
    send(client, {"A": wav(0.2)})

    assert bytes(Clip.objects.get().sound) == wav(0.2)


def test_what_is_no_sound_is_refused_and_the_rest_kept(client, manager):
    answer = send(client, {"A": b"<script>alert(1)</script>", "ค่ะ": wav()})

    assert "คำว่า A: ไม่ใช่ไฟล์เสียงที่ใช้ได้" in text(answer)
    assert list(Clip.objects.values_list("word", flat=True)) == ["ค่ะ"]


def test_what_is_too_large_is_refused(client, manager):
    answer = send(client, {"A": wav(66)})

    assert "คำว่า A: ไฟล์ใหญ่เกินไป" in text(answer)
    assert not Clip.objects.exists()


def test_only_words_that_the_board_says(client, manager):
    send(client, {"Z": wav(), "สวัสดี": wav()})

    assert not Clip.objects.exists()


def test_a_recording_is_removed(client, manager):
    send(client, {"A": wav()})

    answer = send(client, {}, remove=["A"])

    assert "ลบแล้ว 1 คำ" in text(answer)
    assert not Clip.objects.exists()


def test_recordings_may_be_heard_in_the_back_office(client, manager):
    assert "media-src 'self'" in client.get(reverse(PAGE))["Content-Security-Policy"]


def test_clerks_and_strangers_change_nothing(client, office):
    assert client.get(reverse(PAGE)).status_code == 302
    client.force_login(make_user(group=roles.CLERK))
    assert client.get(reverse(PAGE)).status_code == 403
    assert send(client, {"A": wav()}).status_code == 403
    assert not Clip.objects.exists()


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"ID3\x04\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"OggS\0", "audio/ogg"),
        (b"\0\0\0\x1cftypM4A ", "audio/mp4"),
        (b"\x1a\x45\xdf\xa3", "audio/webm"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", None),
        (b"%PDF-1.7", None),
        (b"\xff\xd8\xff\xe0", None),
        (b"", None),
    ],
)
def test_a_sound_is_told_from_how_it_begins(begins, kind):
    assert kind_of_sound(begins) == kind


# --- notices ---


def test_a_manager_puts_up_a_notice(client, manager):
    answer = client.post(
        reverse("admin:booking_boardnotice_add"),
        {"text": "ปิดวันเสาร์", "text_en": "", "first_day": "", "last_day": in_days(3).isoformat(), "is_active": "on"},
    )

    assert answer.status_code == 302
    assert [notice.said for notice in BoardNotice.objects.shown()] == ["ปิดวันเสาร์"]
    assert BoardNotice.objects.get().history.count() == 1
    assert "ปิดวันเสาร์" in text(client.get(reverse("admin:booking_boardnotice_changelist")))


def test_a_notice_that_ends_before_it_begins_is_refused_beside_the_field(client, manager):
    answer = client.post(
        reverse("admin:booking_boardnotice_add"),
        {"text": "ปิดวันเสาร์", "first_day": in_days(3).isoformat(), "last_day": in_days(2).isoformat()},
    )

    assert "วันสุดท้ายต้องไม่อยู่ก่อนวันแรก" in text(answer)
    with pytest.raises(IntegrityError, match="board_notice_days_in_order"):
        BoardNotice.objects.create(text="x", first_day=in_days(3), last_day=in_days(2))


def test_clerks_put_up_nothing(client, office):
    client.force_login(make_user(group=roles.CLERK))

    assert client.get(reverse("admin:booking_boardnotice_add")).status_code == 403
