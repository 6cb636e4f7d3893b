"""What the office may say in its own words: on cards and letters to members, and on pages of what is closed or full.

One row for each text. The office's own words stand in its settings (the back office writes them); without them the
row's text is said. What a member has to know, a ticket's day, time and place, is no such text and stays as it is.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from office.kinds import Template, filled
from office.settings import office

CARDS, PAGES = "cards", "pages"
ON_CARDS = {"code": "A012", "department": _("ฝ่ายสินเชื่อ")}
# Texts that are being looked at before they are saved.
_tried: ContextVar[Mapping[str, str] | None] = ContextVar("tried", default=None)


@dataclass(frozen=True)
class Wording:
    """`name` is what the setting is called, `label` says where the text stands; `first` is what is said until the
    office says otherwise, "" for nothing; `gaps` as those of a Template."""

    name: str
    label: str | Promise
    first: str | Promise
    gaps: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    longest: int = 200

    @property
    def section(self) -> str:
        return self.name.partition(".")[0]

    @property
    def subject(self) -> str:
        """Of a card: the kind of message."""
        return self.name.split(".")[1]

    def settings(self) -> list[Template]:
        """Its settings: Thai, and English where members may read English. Cards and letters are in Thai."""
        return [self._setting("th"), self._setting("en")] if self.section == PAGES else [self._setting("th")]

    def _setting(self, language: str) -> Template:
        setting = Template(
            self.section,
            self.label,
            first=lambda: "",
            longest=self.longest,
            lines=2 if self.longest > 60 else 1,
            gaps={**self.gaps, "office": office.name, "phone": office.phone},
            needs=self.needs,
        )
        setting.name = f"{self.name}.{language}"
        return setting


def said(name: str, **facts: Any) -> str:
    """A text in the language that is active, its gaps filled in."""
    row = WORDINGS[name]
    language = "en" if get_language() == "en" else "th"
    setting = f"{name}.{language}"
    own = {one.name: one for one in row.settings()}.get(setting)
    text = (_tried.get() or {}).get(setting, own.now() if own else "")
    return filled(text or str(row.first), {"office": office.name, "phone": office.phone} | facts)


@contextmanager
def trying(texts: Mapping[str, str]) -> Iterator[None]:
    """Say these texts, by the names of their settings, as if they were saved."""
    token = _tried.set(texts)
    try:
        yield
    finally:
        _tried.reset(token)


_ROWS = [
    Wording("cards.issued.heading", _("หัวข้อ"), _("จองคิวแล้ว"), ON_CARDS, longest=60),
    Wording("cards.issued.more", _("ข้อความเพิ่ม"), "", ON_CARDS),
    Wording("cards.day_before.heading", _("หัวข้อ"), _("พรุ่งนี้ท่านมีคิว"), ON_CARDS, longest=60),
    Wording("cards.day_before.heading_today", _("หัวข้อ หากส่งได้ในวันนัด"), _("วันนี้ท่านมีคิว"), ON_CARDS, longest=60),
    Wording("cards.day_before.more", _("ข้อความเพิ่ม"), "", ON_CARDS),
    Wording("cards.nearly.heading", _("หัวข้อ"), _("ใกล้ถึงคิวของท่านแล้ว"), ON_CARDS, longest=60),
    Wording("cards.nearly.text", _("ข้อความ"), _("กรุณารอใกล้ช่องบริการ"), ON_CARDS),
    Wording("cards.your_turn.heading", _("หัวข้อ"), _("ถึงคิวของท่าน"), ON_CARDS, longest=60),
    Wording(
        "cards.your_turn.text",
        _("ข้อความ"),
        _("เชิญที่ช่องบริการ {counter}"),
        ON_CARDS | {"counter": "3"},
        needs=("counter",),
    ),
    Wording("cards.missed.heading", _("หัวข้อ"), _("เรียกแล้วไม่พบท่าน"), ON_CARDS, longest=60),
    Wording("cards.missed.text", _("ข้อความ"), _("หากยังอยู่ที่สำนักงาน กรุณาแจ้งเจ้าหน้าที่"), ON_CARDS),
    Wording("cards.moved.heading", _("หัวข้อ"), _("สหกรณ์ขอย้ายเวลาคิวของท่าน"), ON_CARDS, longest=60),
    Wording("cards.moved.more", _("ข้อความเพิ่ม"), "", ON_CARDS),
    Wording("cards.cancelled.heading", _("หัวข้อ"), _("สหกรณ์ขอยกเลิกคิวของท่าน"), ON_CARDS, longest=60),
    Wording("cards.cancelled.more", _("ข้อความเพิ่ม"), "", ON_CARDS),
    Wording("pages.none_open", _("หน้าแรก เมื่อยังไม่มีฝ่ายให้จอง"), _("ขณะนี้ยังไม่เปิดให้จองคิว กรุณากลับมาใหม่ภายหลัง")),
    Wording(
        "pages.no_free_day",
        _("หน้าเลือกวัน เมื่อไม่มีวันว่าง"),
        _("ช่วงนี้ไม่มีวันว่าง กรุณากลับมาดูใหม่พรุ่งนี้"),
        {"department": _("ฝ่ายสินเชื่อ")},
    ),
    Wording("pages.day_full", _("เมื่อวันที่เลือกเต็ม"), _("วันที่เลือกเต็มแล้ว กรุณาเลือกวันอื่น"), {"department": _("ฝ่ายสินเชื่อ")}),
    Wording(
        "pages.day_closed",
        _("เมื่อวันที่เลือกปิด"),
        _("{day} ปิด กรุณาเลือกวันอื่น"),
        {"day": _("วันพุธที่ 25 พฤศจิกายน 2569"), "department": _("ฝ่ายสินเชื่อ")},
        needs=("day",),
    ),
]
WORDINGS = {row.name: row for row in _ROWS}
