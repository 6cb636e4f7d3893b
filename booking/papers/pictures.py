"""A ticket as a picture, for the photo album: what the page shows, drawn with Pillow. And QR codes as pictures."""

import functools
import hashlib
import io

import segno
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from PIL import Image, ImageDraw, ImageFont

from booking import thai
from booking.colours import COUNTER, HUES, INK, PAPER, SOFT
from booking.models import Ticket
from office.settings import office

WIDTH, EDGE = 1080, 48
STUB_HEIGHT = 470
QR_SIZE = 480
KEPT_SECONDS = 60 * 60
SMALLEST = 28  # pixels high: smaller letters cannot be read on a telephone


def drawn(ticket: Ticket, *, arrive_at, link: str) -> bytes:
    """As draw, but drawn once for what it shows: it takes the processor for as long as twenty pages."""
    shown = [ticket.pk, ticket.state, ticket.code, ticket.date, ticket.department.title, ticket.department.hue]
    shown += [ticket.things_to_bring, ticket.slot and ticket.slot.starts_at, arrive_at, link]
    shown += [get_language(), office.name]
    key = f"picture-{hashlib.sha256(repr(shown).encode()).hexdigest()}"  # the link's secret is not to be read in it
    picture: bytes | None = cache.get(key)
    if picture is None:
        picture = draw(ticket, arrive_at=arrive_at, link=link)
        cache.set(key, picture, KEPT_SECONDS)
    return picture


def draw(ticket: Ticket, *, arrive_at, link: str) -> bytes:
    """A PNG of the ticket, with `link` as its QR code, in the language that is active.

    `arrive_at` is None for a walk-in, whose ticket has no time.
    """
    things = ticket.things_to_bring
    left, right, top = EDGE, WIDTH - EDGE, EDGE
    tear = top + STUB_HEIGHT
    bottom = tear + 590 + QR_SIZE + (64 * len(things) + 100 if things else 0)
    image = Image.new("RGB", (WIDTH, bottom + EDGE), COUNTER)
    canvas = ImageDraw.Draw(image)
    canvas.rounded_rectangle((left, top, right, bottom), 28, PAPER)
    canvas.rectangle((left, top, right, tear - 28), HUES[ticket.department.hue])
    _perforate_top(canvas, left, right, top)
    _tear_line(canvas, left, right, tear)

    _line(canvas, ticket.department.title, y=top + 90, size=58, bold=True, fill=PAPER)
    _line(canvas, ticket.code, y=top + 275, size=270, bold=True, fill=PAPER)

    _line(canvas, thai.long_date(ticket.date), y=tear + 80, size=58, bold=True)
    if arrive_at and ticket.slot:
        _line(canvas, _("เวลา %(time)s") % {"time": thai.clock(ticket.slot)}, y=tear + 190, size=96, bold=True)
        _line(canvas, _("กรุณามาถึงก่อน %(time)s") % {"time": thai.clock(arrive_at)}, y=tear + 290, size=52)
    _draw_qr(image, link, y=tear + 350)
    _line(canvas, _("ให้เครื่องอื่นสแกน เพื่อเปิดบัตรคิวใบนี้"), y=tear + 390 + QR_SIZE, size=44, fill=SOFT)
    if things:
        y = tear + 490 + QR_SIZE
        _line(canvas, _("สิ่งที่ต้องนำมา"), y=y, size=48, bold=True)
        for nth, thing in enumerate(things, start=1):
            _line(canvas, thing, y=y + 8 + 64 * nth, size=44)
    _line(canvas, office.name, y=bottom - 70, size=40, fill=SOFT)

    file = io.BytesIO()
    image.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def qr(link: str) -> bytes:
    """A PNG of the link's QR code."""
    file = io.BytesIO()
    segno.make(link, error="m").save(file, kind="png", scale=8, border=2)
    return file.getvalue()


def _perforate_top(canvas, left, right, top) -> None:
    for x in range(left + 18, right, 36):
        canvas.ellipse((x - 9, top - 9, x + 9, top + 9), COUNTER)


def _tear_line(canvas, left, right, y) -> None:
    for x in (left, right):
        canvas.ellipse((x - 24, y - 24, x + 24, y + 24), COUNTER)
    for x in range(left + 48, right - 40, 24):
        canvas.ellipse((x - 4, y - 4, x + 4, y + 4), SOFT)


def _draw_qr(image, link, *, y) -> None:
    code = segno.make(link, error="m")
    rows = [list(row) for row in code.matrix_iter(border=0)]
    small = Image.new("1", (len(rows[0]), len(rows)), 1)
    small.putdata([0 if dark else 1 for row in rows for dark in row])
    scale = QR_SIZE // small.width
    large = small.resize((small.width * scale, small.height * scale), Image.Resampling.NEAREST)
    image.paste(large, ((WIDTH - large.width) // 2, y + (QR_SIZE - large.height) // 2))


def _line(canvas, text, *, y, size, bold=False, fill=INK) -> None:
    """One centred line, smaller where it would not fit; its end is left out where it would be too small to read."""
    most = WIDTH - 2 * EDGE - 80
    text = " ".join(text.split())
    while (face := font(size, bold)).getlength(text) > most and size > SMALLEST:
        size -= 2
    while face.getlength(text) > most:
        fits = int(len(text) * most / face.getlength(text))
        text = f"{text[: min(fits, len(text) - 1) - 1]}…"
    canvas.text((WIDTH / 2, y), text, fill, face, anchor="mm")


@functools.cache
def font(size: int, bold: bool):
    """The pages' own letters, this many pixels high."""
    name = "sarabun-700.woff2" if bold else "sarabun-400.woff2"
    return ImageFont.truetype(settings.BASE_DIR / "static" / "fonts" / name, size)
