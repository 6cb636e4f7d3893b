"""The office's screens: the board for all departments or for one, its voice, and the code that shows who is there.

An open board asks for its own page again, about once a second, with the version it has (static/js/board.js).
"""

import hashlib
import math
import time

from django.core.cache import cache
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.views.decorators.http import require_safe

from booking import replica
from booking.calling import board as reads
from booking.calling import presence, queues
from booking.kept import kept
from booking.models import BoardNotice, Clip, Department
from booking.rights import Right
from booking.views.access import access
from booking.views.departments import department_or_404
from booking.views.live import polled, queue_etag, with_version
from booking.views.qr import qr

# Beside the newest call: a row for each counter that is calling, and as many answered calls as fit.
ROWS = 5
MOST_TILES = 6  # departments that a screen shows side by side; with more of them, pages take turns
CLIP_LASTS = 30 * 24 * 60 * 60  # seconds; its address has the time of its upload


@polled("board")
@require_safe
@access("anyone")
def board(request, slug=None):
    """Numbers and counters, for everybody. Opened by staff, also the code that shows who is in the office."""
    department = department_or_404(slug) if slug else None
    token = presence.token() if _shows_presence(request.user) else ""
    etag = queue_etag(queues.versions([department.pk] if department else None), token)
    response = get_conditional_response(request, etag=etag) or _rendered(request, department, token, etag)
    return with_version(response, etag)


@require_safe
@access("staff", permission=Right.RECEIVE)
def poster(request):
    """Nothing but the code that shows who is in the office, large."""
    token = presence.token()
    etag = queue_etag({}, token)
    response = get_conditional_response(request, etag=etag) or render(
        request, "board/poster.html", {"qr": _presence_qr(request, token), "now": timezone.now()}
    )
    return with_version(response, etag)


@require_safe
@access("anyone")
def words(request):
    """What the board may have to say, and which of it is recorded."""
    clips = Clip.objects.values_list("word", "pk", "uploaded_at")
    letter = Department.objects.active().values_list("letter", flat=True).first() or "A"
    return JsonResponse(
        {
            "needed": reads.needed_words(),
            "test": reads.TEST,
            "sample": reads.words_of(f"{letter}012", 3),
            "clips": {
                word: f"{reverse('board_clip', args=[pk])}?{math.floor(uploaded_at.timestamp())}"
                for word, pk, uploaded_at in clips
            },
        }
    )


@require_safe
@access("anyone")
def clip(request, pk):
    recorded = get_object_or_404(Clip, pk=pk)
    response = HttpResponse(bytes(recorded.sound), content_type=recorded.content_type)
    patch_cache_control(response, public=True, max_age=CLIP_LASTS, immutable=True)
    return response


def _rendered(request, department, token: str, etag: str) -> HttpResponse:
    """The page, made once a second for all boards that ask, since after a call they all do. Its clock may be a second
    late."""
    about = (request.build_absolute_uri("/"), department and department.pk, etag, int(time.time()))
    key = "board." + hashlib.sha256(repr(about).encode()).hexdigest()
    page = cache.get(key)
    if page is None:
        page = replica.as_of_now(lambda: _drawn(request, department, token))
        cache.set(key, page, 2)
    return HttpResponse(page)


def _drawn(request, department, token: str) -> bytes:
    context = _context(department) | {"qr": _presence_qr(request, token)}
    return render(request, "board/board.html", context).content


def _context(department) -> dict:
    calls = reads.calls(department)
    counts = reads.waiting_by_department()
    shown = [department] if department else _departments()
    newest, others = (calls[0], calls[1:]) if calls else (None, [])
    room = ROWS - sum(call.is_current for call in others)
    answered = [call for call in others if not call.is_current][: max(0, room)]
    rows = [call for call in others if call.is_current or call in answered]
    return {
        "now": timezone.now(),
        "department": department,
        "newest": newest,
        "rows": rows,
        "blank_rows": range(ROWS - len(rows)),
        "crowd": "few" if len(rows) <= ROWS else "some" if len(rows) <= 12 else "many",
        "pages": _pages([(one, counts.get(one.pk, 0)) for one in shown]),
        "notices": _notices(today=timezone.localdate()),
    }


@kept
def _departments():
    return Department.objects.active()


@kept
def _notices(*, today):
    return BoardNotice.objects.shown(today=today)


def _pages(tiles: list) -> list[list]:
    """Tiles in as few pages as hold them, each about as full as the others."""
    count = max(1, math.ceil(len(tiles) / MOST_TILES))
    size = max(1, math.ceil(len(tiles) / count))
    return [tiles[start : start + size] for start in range(0, len(tiles), size)]


def _shows_presence(user) -> bool:
    """Whether staff have opened the screen, and somebody needs the code."""
    if not user.is_authenticated or not user.has_perm(Right.RECEIVE):
        return False
    return Department.objects.active().filter(check_in_needs_presence=True).exists()


def _presence_qr(request, token: str):
    return qr(request.build_absolute_uri(f"{reverse('arrive')}?here={token}")) if token else ""
