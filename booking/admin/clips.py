"""The words that the board says, recorded by the office's own staff: which are there, which are missing."""

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.admin.base import OfficeAdmin, page, require, say
from booking.calling import board
from booking.models import Clip
from booking.rights import Right
from booking.views import sent

BIGGEST = 1024 * 1024  # bytes: some seconds of WAV


@admin.register(Clip)
class ClipAdmin(OfficeAdmin):
    """One page instead of a list and forms: every word with its recording."""

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    # The page plays recordings; the back office's policy does not mention sounds.
    @method_decorator(csp_update({"media-src": [SELF]}))
    def changelist_view(self, request, extra_context=None):
        if request.method == "POST":
            require(request, Right.CHANGE_CLIP)
            return _keep_what_was_sent(request)
        require(request, Right.VIEW_CLIPS)
        needed = board.needed_words()
        clips = {clip.word: clip for clip in Clip.objects.defer("sound")}
        return page(
            request,
            self,
            "admin/booking/clip/words.html",
            title=_("เสียงประกาศ"),
            words=[(word, clips.get(word)) for word in needed],
            missing=[word for word in needed if word not in clips],
            no_longer_needed=[clip for word, clip in clips.items() if word not in needed],
            may_change=request.user.has_perm(Right.CHANGE_CLIP),
        )

    def change_view(self, request, object_id, form_url="", extra_context=None):
        raise PermissionDenied


def _keep_what_was_sent(request):
    """Each file counts by itself: right ones are kept even if another is refused."""
    kept = 0
    for word, file in request.FILES.items():
        content = file.read(BIGGEST + 1)
        kind = kind_of_sound(content)
        if len(content) > BIGGEST:
            say(request, messages.ERROR, _("คำว่า %s: ไฟล์ใหญ่เกินไป กรุณาตัดให้เหลือเฉพาะคำ ไม่เกิน 1 MB") % word)
        elif kind is None:
            say(request, messages.ERROR, _("คำว่า %s: ไม่ใช่ไฟล์เสียงที่ใช้ได้ กรุณาใช้ MP3 M4A WAV OGG หรือ WebM") % word)
        elif word in board.needed_words():
            values = {"sound": content, "content_type": kind, "uploaded_at": timezone.now()}
            Clip.objects.update_or_create(word=word, defaults=values)
            kept += 1
    removed, _rows = Clip.objects.filter(word__in=sent.texts(request, "remove")).delete()
    if kept:
        say(request, messages.SUCCESS, ngettext("บันทึกแล้ว %d คำ", "บันทึกแล้ว %d คำ", kept) % kept)
    if removed:
        say(request, messages.SUCCESS, ngettext("ลบแล้ว %d คำ", "ลบแล้ว %d คำ", removed) % removed)
    return HttpResponseRedirect(reverse("admin:booking_clip_changelist"))


def kind_of_sound(content: bytes) -> str | None:
    """The content type of a sound, by its first bytes and not its name; None if it is not a sound."""
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "audio/wav"
    if content[:3] == b"ID3" or (len(content) > 1 and content[0] == 0xFF and content[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    if content[:4] == b"OggS":
        return "audio/ogg"
    if content[4:8] == b"ftyp":
        return "audio/mp4"
    if content[:4] == b"\x1a\x45\xdf\xa3":
        return "audio/webm"
    return None
