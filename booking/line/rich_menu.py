"""The menu below the office's chat in LINE: what it leads to, and its picture, drawn in the pages' own colours."""

import io

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from PIL import Image, ImageDraw

from booking.colours import BLUE, COUNTER, INK, PAPER, PURPLE, RULE
from booking.papers.pictures import font
from members import accounts, line
from office.settings import office

# By this name the menu is found again, to be replaced.
NAME = "queuesite"
WIDTH, HEIGHT = 2500, 843
COLUMNS = [(0, 833), (833, 834), (1667, 833)]  # left edge and width
GAP, ROUND, STROKE = 28, 56, 18
LETTERS = 104
# Drawn so much larger, then made smaller: Pillow's edges have steps.
LARGER = 2


def missing() -> list[str]:
    """The settings without which there is no menu; of two joined by "or" one is enough."""
    needed = {
        "LINE_CHANNEL_ACCESS_TOKEN": settings.LINE_CHANNEL_ACCESS_TOKEN,
        "IMEMBER_LOGIN_URL": _imember_address(),
        "LINE_LIFF_ID or PUBLIC_URL": settings.LINE_LIFF_ID or settings.PUBLIC_URL,
    }
    return [name for name, value in needed.items() if not value]


def replace() -> tuple[str, list[str]]:
    """Put our menu in place of the one of before. Returns its id, and those of the deleted ones. Raises LineFault.

    The old one goes last, so that there is a menu at every moment; menus of other names stay.
    """
    with translation.override("th"):
        former = [menu_id for menu_id, name in line.rich_menus() if name == NAME]
        menu_id = line.add_rich_menu(menu(), image=draw())
    line.show_rich_menu(menu_id)
    for each in former:
        line.delete_rich_menu(each)
    return menu_id, former


def menu() -> dict:
    """The menu as LINE takes it."""
    actions = [
        {"type": "uri", "label": _("ไอเมมเบอร์"), "uri": _imember_address()},
        {"type": "uri", "label": _("จองคิวออนไลน์"), "uri": _booking_address()},
        {
            "type": "postback",
            "label": _("บัตรคิวของฉัน"),
            "data": "tickets:",
            "displayText": _("บัตรคิวของฉัน"),
        },
    ]
    return {
        "size": {"width": WIDTH, "height": HEIGHT},
        "selected": True,
        "name": NAME,
        "chatBarText": _("เมนู"),
        "areas": [
            {"bounds": {"x": left, "y": 0, "width": width, "height": HEIGHT}, "action": action}
            for (left, width), action in zip(COLUMNS, actions, strict=True)
        ],
    }


def draw() -> bytes:
    """A PNG of three tickets side by side, each with a sign and its label."""
    image = Image.new("RGB", (WIDTH * LARGER, HEIGHT * LARGER), COUNTER)
    canvas = ImageDraw.Draw(image)
    labels = [_("ไอเมมเบอร์"), _("จองคิวออนไลน์"), _("บัตรคิวของฉัน")]
    signs = [_draw_person, _draw_calendar, _draw_stub]
    # Of the tickets: ground and ink.
    faces = [(office.colour_login or PURPLE, PAPER), (office.colour_book or BLUE, PAPER), (PAPER, INK)]
    for (left, width), (ground, ink), label, sign in zip(COLUMNS, faces, labels, signs, strict=True):
        _draw_ticket(canvas, left + GAP, GAP, left + width - GAP, HEIGHT - GAP, ground)
        sign(canvas, left + width / 2, 300, ink, ground)
        canvas.text(
            ((left + width / 2) * LARGER, 640 * LARGER), label, ink, font(LETTERS * LARGER, bold=True), anchor="mm"
        )
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _imember_address() -> str:
    """Of the office's i-member; else of ours."""
    return office.login_url or (f"{settings.PUBLIC_URL}/member/" if accounts.is_on() and settings.PUBLIC_URL else "")


def _booking_address() -> str:
    if settings.LINE_LIFF_ID:
        return f"https://liff.line.me/{settings.LINE_LIFF_ID}"
    return f"{settings.PUBLIC_URL}/line/"


def _draw_ticket(canvas, left, top, right, bottom, ground) -> None:
    """A paper ticket with a notch at each side, where it is torn off."""
    edge = None if ground != PAPER else RULE
    _box(canvas, left, top, right, bottom, ROUND, fill=ground, outline=edge, width=4)
    for x in (left, right):
        _circle(canvas, x, 505, 34, fill=COUNTER, outline=edge, width=4)
        if edge:  # the half of the notch's outline that lies outside of the ticket
            outside = (x - 40, x - 2) if x == left else (x + 2, x + 40)
            canvas.rectangle(_scaled(outside[0], 465, outside[1], 545), fill=COUNTER)
    for x in range(left + 74, right - 60, 40):
        _circle(canvas, x, 505, 6, fill=COUNTER if ground != PAPER else RULE)


def _draw_person(canvas, x, y, ink, ground) -> None:
    _circle(canvas, x, y - 62, 66, fill=ink)
    canvas.pieslice(_scaled(x - 130, y + 22, x + 130, y + 262), 180, 360, fill=ink)


def _draw_calendar(canvas, x, y, ink, ground) -> None:
    _box(canvas, x - 135, y - 105, x + 135, y + 135, 28, outline=ink, width=STROKE)
    canvas.rectangle(_scaled(x - 135, y - 50, x + 135, y - 32), fill=ink)
    for side in (-65, 65):
        _box(canvas, x + side - 11, y - 140, x + side + 11, y - 75, 11, fill=ink)
    canvas.line(_scaled(x - 58, y + 48, x - 14, y + 90, x + 66, y + 6), fill=ink, width=24 * LARGER, joint="curve")
    for dx, dy in ((-58, 48), (66, 6)):
        _circle(canvas, x + dx, y + dy, 12, fill=ink)


def _draw_stub(canvas, x, y, ink, ground) -> None:
    _box(canvas, x - 150, y - 95, x + 150, y + 125, 24, outline=ink, width=STROKE)
    for side in (-150, 150):
        _circle(canvas, x + side, y + 15, 36, fill=ground, outline=ink, width=STROKE)
        outside = (x - 200, x - 150) if side < 0 else (x + 150, x + 200)
        canvas.rectangle(_scaled(outside[0], y - 40, outside[1], y + 70), fill=ground)
    canvas.text((x * LARGER, (y + 15) * LARGER), "A", ink, font(150 * LARGER, bold=True), anchor="mm")


def _box(canvas, left, top, right, bottom, radius, *, width=0, **colours) -> None:
    canvas.rounded_rectangle(_scaled(left, top, right, bottom), radius * LARGER, width=width * LARGER, **colours)


def _circle(canvas, x, y, radius, *, width=0, **colours) -> None:
    canvas.ellipse(_scaled(x - radius, y - radius, x + radius, y + radius), width=width * LARGER, **colours)


def _scaled(*numbers) -> list[float]:
    return [number * LARGER for number in numbers]
