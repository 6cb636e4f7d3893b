"""A report as tables: the page, the files and the printed paper all show these. Each figure has the sentence that says
what it counts; docs/figures.md has the same sentences in English, and a test holds both together."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking import errors, thai
from booking.models import Counter, Department, HourSummary, Tally, TicketSummary, Topic
from booking.models.notices import CHANNELS, MESSAGES, NoticeState
from booking.models.tickets import Asked, Cause, Outcome
from booking.reports.figures import (
    Durations,
    Figures,
    Scope,
    by,
    figures,
    hours,
    messages,
    promises_of,
    tallies,
    tickets,
)
from members import errors as members_errors

Cell = str | int | float | None
What = TicketSummary.What
Counted = dict[tuple[str, str, int | None], int]  # as figures.tickets gives them

MEANS = {
    "tickets": gettext_lazy("บัตรคิวทั้งหมดของวันในช่วงที่เลือก จองหรือออกเมื่อใดก็ตาม"),
    "booked": gettext_lazy("บัตรคิวที่มีเวลา ซึ่งสมาชิกจองเอง"),
    "booked_by_staff": gettext_lazy("บัตรคิวที่มีเวลา ซึ่งเจ้าหน้าที่จองให้"),
    "walk_ins": gettext_lazy("บัตรคิวที่ออกหน้าสำนักงานโดยไม่ได้จองเวลา"),
    "came": gettext_lazy("บัตรคิวที่แจ้งว่ามาถึง ถูกเรียก หรือออกหน้าสำนักงาน"),
    "served": gettext_lazy("บัตรคิวที่ให้บริการเสร็จแล้ว"),
    "cancelled": gettext_lazy("บัตรคิวที่สมาชิกยกเลิกเอง"),
    "cancelled_by_staff": gettext_lazy("บัตรคิวที่เจ้าหน้าที่ยกเลิก"),
    "moved": gettext_lazy("บัตรคิวที่ย้ายไปเวลาอื่น บัตรใหม่นับเป็นการจองอีกครั้ง"),
    "no_shows": gettext_lazy("ถูกเรียกแล้วไม่พบ และไม่กลับมาจนปิดคิวของวัน"),
    "not_arrived": gettext_lazy("จองแล้วไม่มา จนปิดคิวของวัน"),
    "left_over": gettext_lazy("มาแล้วแต่ยังรอเรียกอยู่เมื่อปิดคิวของวัน"),
    "still_open": gettext_lazy("บัตรคิวที่ยังไม่สิ้นสุด"),
    "missed": gettext_lazy("ครั้งที่เรียกแล้วไม่พบ นับทุกครั้ง แม้กลับมาภายหลัง"),
    "share_not_come": gettext_lazy("ผู้ที่ไม่มาและเรียกแล้วไม่มา จากบัตรคิวที่สิ้นสุดแล้ว ไม่นับที่ยกเลิกหรือย้าย"),
    "places": gettext_lazy("โควตาของทุกช่วงเวลาที่เปิดให้จอง"),
    "taken": gettext_lazy("ที่ที่มีการจองซึ่งไม่ได้ยกเลิกหรือย้าย"),
    "lead": gettext_lazy("จำนวนวันจากวันที่จองถึงวันนัด ครึ่งหนึ่งของการจองไม่เกินนี้"),
    "told": gettext_lazy("เวลารอที่บอกเมื่อมาถึง ซึ่งเวลาที่รอจริงอยู่ในช่วงที่บอก"),
    "waits": gettext_lazy("จากมาถึงจนถูกเรียกครั้งแรก ไม่นับก่อนเวลาที่จองและก่อนเปิดทำการ"),
    "services": gettext_lazy("จากถูกเรียกจนเสร็จสิ้น ไม่นับเวลาที่พักคิว และไม่นับครั้งที่ระบบปิดเอง"),
    "totals": gettext_lazy("จากเริ่มรอจนเสร็จสิ้นครั้งสุดท้าย ของผู้ที่ได้รับบริการ"),
    "promise": gettext_lazy("ส่วนที่รอไม่เกินเวลาที่ฝ่ายตั้งใจ ซึ่งตั้งไว้ที่ฝ่าย"),
    "median": gettext_lazy("ค่ากลาง: ครึ่งหนึ่งใช้เวลาไม่เกินนี้"),
    "p90": gettext_lazy("เก้าในสิบใช้เวลาไม่เกินนี้"),
    "asked": gettext_lazy(
        "บัตรคิวที่เจ้าหน้าที่จองให้ ตามทางที่สมาชิกขอ รวมที่ยกเลิกหรือย้ายภายหลัง ไม่ได้บอกว่าสมาชิกมีสมาร์ทโฟนหรือไม่ เพราะไม่มีการถาม"
    ),
    "topics": gettext_lazy("บัตรคิวที่จองพร้อมเลือกเรื่อง ไม่นับที่ยกเลิกหรือย้าย"),
    "outcomes": gettext_lazy("บัตรคิวที่ให้บริการเสร็จแล้ว ตามผลที่เจ้าหน้าที่เลือกเมื่อเสร็จสิ้น"),
    "causes": gettext_lazy("บัตรคิวที่ยกเลิก ตามเหตุผลที่ผู้ยกเลิกเลือก ไม่ระบุคือไม่ได้เลือก"),
    "refused": gettext_lazy("ครั้งที่สมาชิกพยายามแล้วทำไม่ได้ นับตามเวลาที่ทำ ไม่เก็บว่าเป็นผู้ใด"),
    "messages": gettext_lazy("ข้อความเกี่ยวกับบัตรคิวและคิวว่างของวันในช่วงที่เลือก ตามช่องทางและผล"),
    "visited": gettext_lazy("ครั้งที่มีคนเปิดหน้า นับตามเวลาที่เปิด ไม่เก็บว่าเป็นผู้ใด"),
    "heat": gettext_lazy("ที่ที่มีการจองจากโควตา ของแต่ละชั่วโมงในสัปดาห์ เป็นร้อยละ"),
}

# The tables that do not heed an hour, a topic; and those in which a quota stands, which has no topic.
WITHOUT_HOURS = {"asked", "topics", "causes", "messages"}
WITHOUT_TOPICS = {"refused", "visits"}
WITH_QUOTA = {"summary", "departments", "days", "hours", "heat"}

PAGES = {"home": gettext_lazy("หน้าแรก"), "days": gettext_lazy("เลือกวันที่"), "guide": gettext_lazy("วิธีใช้")}


@dataclass(frozen=True)
class Column:
    title: str | Promise
    means: str | Promise = ""
    is_number: bool = True


@dataclass
class Table:
    """`rows`: as many cells each as there are columns; None where there is nothing to tell. `plots`: the numbers of the
    columns that are drawn as bars over the first."""

    key: str
    title: str
    columns: list[Column]
    rows: list[list[Cell]] = field(default_factory=list)
    means: str | Promise = ""
    plots: tuple[int, ...] = ()
    unit: str = ""  # of what is drawn
    is_heat: bool = False
    notes: list[str] = field(default_factory=list)  # what of the choice it does not heed

    @property
    def in_file(self) -> list[list[Cell]]:
        """The rows, and the notes below them."""
        notes: list[list[Cell]] = [[note] for note in self.notes]
        return self.rows + notes

    @property
    def has_hints(self) -> bool:
        return any(column.means for column in self.columns)


def tables(scope: Scope, *, departments: list[Department]) -> list[Table]:
    """The report on `scope`. `departments` are all that it may be about, for their names and promises. What a table
    does not heed of the scope it says in its notes. A fixed number of queries, however long the range."""
    found = _tables(scope, departments)
    for table in found:
        table.notes = _notes(table, scope)
    return found


def _notes(table: Table, scope: Scope) -> list[str]:
    found = []
    if scope.hour is not None and table.key in WITHOUT_HOURS:
        found.append(_("ไม่แยกตามชั่วโมงที่เลือก นับทั้งวัน"))
    if scope.topic is not None and table.key in WITHOUT_TOPICS:
        found.append(_("ไม่แยกตามเรื่องที่เลือก นับทุกเรื่อง"))
    if scope.topic is not None and table.key in WITH_QUOTA and not scope.is_of_somebody:
        found.append(_("โควตาไม่แยกตามเรื่องที่เลือก เป็นของทั้งฝ่าย"))
    if scope.is_of_somebody and table.key == "summary":
        found.append(_("นับเฉพาะที่ทำที่ช่องหรือโดยเจ้าหน้าที่ที่เลือก บัตรคิวและข้อความเป็นของฝ่าย จึงไม่แสดง"))
    return found


def _tables(scope: Scope, departments: list[Department]) -> list[Table]:
    rows = hours(scope)
    promises = promises_of(departments)
    all_in_all = figures(rows, promises)
    found = [_summary_of_somebody(all_in_all)] if scope.is_of_somebody else [_summary(all_in_all)]
    found += [_times(all_in_all), _by_department(rows, promises, departments, scope), *_by_time(rows, promises, scope)]
    if not scope.is_of_somebody:
        found.append(_heat(rows, promises))
    found += [_by_counter(rows, promises), _by_clerk(rows, promises)]
    if not scope.is_of_somebody:
        of_tickets = tickets(scope)
        found += [
            _asked(of_tickets),
            _topics(of_tickets),
            _causes(of_tickets),
            _refused(scope, departments),
            _messages(scope),
            _visited(scope),
        ]
    return found


# --- in all ---


def _summary(found: Figures) -> Table:
    tickets, percent, days = _("ใบ"), _("ร้อยละ"), _("วัน")
    figure: list[tuple[str, str, Cell, str]] = [
        ("tickets", _("บัตรคิวทั้งหมด"), found.tickets, tickets),
        ("booked", _("จองเอง"), found.booked, tickets),
        ("booked_by_staff", _("เจ้าหน้าที่จองให้"), found.booked_by_staff, tickets),
        ("walk_ins", _("ไม่ได้จอง"), found.walk_ins, tickets),
        ("came", _("มา"), found.came, tickets),
        ("served", _("เสร็จสิ้น"), found.served, tickets),
        ("cancelled", _("สมาชิกยกเลิก"), found.cancelled, tickets),
        ("cancelled_by_staff", _("เจ้าหน้าที่ยกเลิก"), found.cancelled_by_staff, tickets),
        ("moved", _("ย้ายแล้ว"), found.moved, tickets),
        ("no_shows", _("เรียกแล้วไม่มา"), found.no_shows, tickets),
        ("not_arrived", _("จองแล้วไม่มา"), found.not_arrived, tickets),
        ("left_over", _("รอจนปิด"), found.left_over, tickets),
        ("still_open", _("ยังไม่สิ้นสุด"), found.still_open, tickets),
        ("missed", _("เรียกแล้วไม่พบ"), found.missed, _("ครั้ง")),
        ("share_not_come", _("ไม่มา"), _percent(found.share_not_come), percent),
        ("places", _("โควตา"), found.places, _("ที่")),
        ("taken", _("จองไป"), found.taken, _("ที่")),
        ("lead", _("จองล่วงหน้า"), found.leads.median, days),
        ("told", _("รอตามที่บอก"), _percent(found.share_told_right), percent),
    ]
    return _summary_table([[name, value, unit, str(MEANS[key])] for key, name, value, unit in figure])


def _summary_of_somebody(found: Figures) -> Table:
    """Of a counter or a clerk: only what was done there. Tickets belong to departments."""
    return _summary_table(
        [
            [_("ให้บริการ"), len(found.services), _("ครั้ง"), str(MEANS["services"])],
            [_("เรียกแล้วไม่พบ"), found.missed, _("ครั้ง"), str(MEANS["missed"])],
        ]
    )


def _summary_table(rows: list[list[Cell]]) -> Table:
    columns = [
        Column(_("ตัวเลข"), is_number=False),
        Column(_("จำนวน")),
        Column(_("หน่วย"), is_number=False),
        Column(_("นับอย่างไร"), is_number=False),
    ]
    return Table("summary", _("สรุป"), columns, rows)


def _times(found: Figures) -> Table:
    columns = [
        Column(_("เวลา"), is_number=False),
        Column(_("ครั้ง")),
        Column(_("ค่ากลาง (นาที)"), MEANS["median"]),
        Column(_("เก้าในสิบไม่เกิน (นาที)"), MEANS["p90"]),
        Column(_("ทันตามตั้งใจ (ร้อยละ)"), MEANS["promise"]),
        Column(_("นับอย่างไร"), is_number=False),
    ]
    rows: list[list[Cell]] = [
        [_("เวลารอ"), *_spread(found.waits), _percent(found.share_in_time), str(MEANS["waits"])],
        [_("เวลาให้บริการ"), *_spread(found.services), None, str(MEANS["services"])],
        [_("เวลาทั้งหมด"), *_spread(found.totals), None, str(MEANS["totals"])],
    ]
    return Table("times", _("เวลารอและเวลาให้บริการ"), columns, rows)


# --- by something ---


def _columns(first: str) -> list[Column]:
    return [
        Column(first, is_number=False),
        Column(_("การจอง"), _("บัตรคิวที่มีเวลา ทั้งที่สมาชิกจองเองและเจ้าหน้าที่จองให้")),
        Column(_("ไม่ได้จอง"), MEANS["walk_ins"]),
        Column(_("เสร็จสิ้น"), MEANS["served"]),
        Column(_("ไม่มา (ร้อยละ)"), MEANS["share_not_come"]),
        Column(_("ใช้โควตา (ร้อยละ)"), MEANS["taken"]),
        Column(_("รอ: ค่ากลาง (นาที)"), MEANS["waits"]),
        Column(_("รอ: เก้าในสิบไม่เกิน (นาที)"), MEANS["p90"]),
        Column(_("ทันตามตั้งใจ (ร้อยละ)"), MEANS["promise"]),
        Column(_("บริการ: ค่ากลาง (นาที)"), MEANS["services"]),
    ]


def _row(name: str, found: Figures) -> list[Cell]:
    return [
        name,
        found.booked + found.booked_by_staff,
        found.walk_ins,
        found.served,
        _percent(found.share_not_come),
        _percent(found.share_taken),
        _minutes(found.waits.median),
        _minutes(found.waits.p90),
        _percent(found.share_in_time),
        _minutes(found.services.median),
    ]


def _columns_of_somebody(first: str) -> list[Column]:
    return [
        Column(first, is_number=False),
        Column(_("เรียกแล้วมา (ครั้ง)"), MEANS["waits"]),
        Column(_("เรียกแล้วไม่พบ (ครั้ง)"), MEANS["missed"]),
        Column(_("รอ: ค่ากลาง (นาที)"), MEANS["waits"]),
        Column(_("ให้บริการ (ครั้ง)"), MEANS["services"]),
        Column(_("บริการ: ค่ากลาง (นาที)"), MEANS["median"]),
        Column(_("บริการ: เก้าในสิบไม่เกิน (นาที)"), MEANS["p90"]),
    ]


def _row_of_somebody(name: str, found: Figures) -> list[Cell]:
    services = found.services
    return [
        name,
        len(found.waits),
        found.missed,
        _minutes(found.waits.median),
        len(services),
        _minutes(services.median),
        _minutes(services.p90),
    ]


def _split(
    key: str,
    title: str,
    first: str,
    found: Iterable[tuple[str, Figures]],
    *,
    of_somebody: bool,
    plots: tuple[int, ...] = (),
    unit: str = "",
) -> Table:
    """One row for each of `found`, by the columns that fit what is counted."""
    columns, row = (_columns_of_somebody, _row_of_somebody) if of_somebody else (_columns, _row)
    table = Table(key, title, columns(first), [row(name, figures) for name, figures in found], plots=plots, unit=unit)
    if of_somebody:
        table.plots = ()
    return table


def _by_department(
    rows: list[HourSummary], promises: dict[int, int], departments: list[Department], scope: Scope
) -> Table:
    counted = by(rows, lambda row: row.department_id, promises)
    found = [(one.title, counted[one.pk]) for one in departments if one.pk in counted]
    return _split("departments", _("แต่ละฝ่าย"), _("ฝ่าย"), found, of_somebody=scope.is_of_somebody)


def _by_time(rows: list[HourSummary], promises: dict[int, int], scope: Scope) -> list[Table]:
    of_somebody = scope.is_of_somebody
    if scope.is_by_month:
        title, first = _("แต่ละเดือน"), _("เดือน")
        counted: dict[Any, Figures] = by(rows, lambda row: row.date.replace(day=1), promises)
        name: Callable[[Any], str] = thai.month
    else:
        title, first = _("แต่ละวัน"), _("วันที่")
        counted = by(rows, lambda row: row.date, promises)
        name = thai.short_date
    return [
        _split(
            "days",
            title,
            first,
            [(name(key), found) for key, found in counted.items()],
            of_somebody=of_somebody,
            plots=(1, 2),
            unit=_("บัตรคิว (ใบ)"),
        ),
        _split(
            "hours",
            _("แต่ละชั่วโมง"),
            _("เวลา"),
            [(_hour(hour), found) for hour, found in by(rows, lambda row: row.hour, promises).items()],
            of_somebody=of_somebody,
            plots=(6, 7),
            unit=_("เวลารอ (นาที)"),
        ),
    ]


def _heat(rows: list[HourSummary], promises: dict[int, int]) -> Table:
    """Weekdays down, hours across: the share of the quota that was taken."""
    found = by(rows, lambda row: (row.date.weekday(), row.hour) if row.places else None, promises)
    across = sorted({hour for _weekday, hour in found})
    down = sorted({weekday for weekday, _hour in found})
    monday = dt.date(2026, 1, 5)
    return Table(
        "heat",
        _("การใช้โควตา"),
        [Column(_("วัน"), is_number=False), *(Column(_hour(hour)) for hour in across)],
        [
            [
                thai.weekday(monday + dt.timedelta(days=weekday)),
                *(_percent(found[weekday, hour].share_taken) if (weekday, hour) in found else None for hour in across),
            ]
            for weekday in down
        ],
        means=MEANS["heat"],
        is_heat=True,
    )


def _by_counter(rows: list[HourSummary], promises: dict[int, int]) -> Table:
    counted = by(rows, lambda row: row.counter_id, promises)
    numbers = Counter.objects.filter(pk__in=counted).order_by("number").values_list("pk", "number")
    found = [(_("ช่องบริการ %s") % number, counted[pk]) for pk, number in numbers]
    return _split("counters", _("แต่ละช่องบริการ"), _("ช่องบริการ"), found, of_somebody=True)


def _by_clerk(rows: list[HourSummary], promises: dict[int, int]) -> Table:
    counted = by(rows, lambda row: row.clerk_id, promises)
    people = User.objects.filter(pk__in=counted).order_by("first_name", "last_name", "username")
    found = [(one.get_full_name() or one.get_username(), counted[one.pk]) for one in people]
    return _split("clerks", _("แต่ละเจ้าหน้าที่"), _("เจ้าหน้าที่"), found, of_somebody=True)


def _asked(found: Counted) -> Table:
    """How members asked staff for a booking."""
    labels = dict(Asked.choices) | {"": _("ไม่ระบุ")}
    counted = [(name, many) for (what, name, _topic), many in found.items() if what == What.ASKED]
    return Table(
        "asked",
        _("เจ้าหน้าที่จองให้"),
        [Column(_("ขอมาทาง"), is_number=False), Column(_("บัตรคิว (ใบ)"))],
        [[str(labels.get(name, name)), many] for name, many in sorted(counted, key=lambda one: (-one[1], one[0]))],
        means=MEANS["asked"],
    )


def _topics(found: Counted) -> Table:
    """How many came for each topic, and what came of it. One query."""
    counted = {topic: many for (what, _name, topic), many in found.items() if what == What.TOPIC}
    named = Topic.objects.filter(pk__in=counted).values_list("pk", "name", "department__name")
    told = [outcome for outcome in Outcome if outcome]
    columns = [
        Column(_("เรื่อง"), is_number=False),
        Column(_("ฝ่าย"), is_number=False),
        Column(_("บัตรคิว (ใบ)"), MEANS["topics"]),
        *(Column(str(outcome.label), MEANS["outcomes"]) for outcome in told),
    ]
    rows: list[list[Cell]] = [
        [name, department, counted[topic], *(found.get((What.OUTCOME, outcome, topic), 0) for outcome in told)]
        for topic, name, department in sorted(named, key=lambda one: (-counted[one[0]], one[1]))
    ]
    return Table("topics", _("เรื่องที่มาติดต่อ"), columns, rows, means=MEANS["topics"])


def _causes(found: Counted) -> Table:
    """Why tickets were cancelled, by whom."""
    labels = dict(Cause.choices) | {"": _("ไม่ระบุ")}
    by_whom = {What.BY_MEMBER: _("สมาชิก"), What.BY_STAFF: _("เจ้าหน้าที่")}
    counted = [(What(what), name, many) for (what, name, _topic), many in found.items() if what in by_whom]
    return Table(
        "causes",
        _("เหตุผลที่ยกเลิก"),
        [Column(_("เหตุผล"), is_number=False), Column(_("โดย"), is_number=False), Column(_("ยกเลิก (ใบ)"))],
        [
            [str(labels.get(name, name)), by_whom[what], many]
            for what, name, many in sorted(counted, key=lambda one: (-one[2], one[1], one[0]))
        ],
        means=MEANS["causes"],
    )


# --- what no ticket tells ---


def _refused(scope: Scope, departments: list[Department]) -> Table:
    names = {one.pk: one.title for one in departments}
    sentences = {one.code: str(one.message) for one in (*members_errors.REFUSALS, *errors.REFUSALS)}
    return Table(
        "refused",
        _("สิ่งที่ทำไม่ได้"),
        [Column(_("สิ่งที่สมาชิกเห็น"), is_number=False), Column(_("ฝ่าย"), is_number=False), Column(_("ครั้ง"))],
        [
            [sentences.get(code, code), names.get(department or 0, "-"), count]
            for code, department, count in tallies(scope, Tally.What.REFUSED)
        ],
        means=MEANS["refused"],
    )


def _messages(scope: Scope) -> Table:
    kinds, states = dict(MESSAGES), dict(NoticeState.choices)
    columns = [Column(title, is_number=False) for title in (_("ข้อความ"), _("ช่องทาง"), _("ผล"))]
    return Table(
        "messages",
        _("ข้อความถึงสมาชิก"),
        [*columns, Column(_("ข้อความ (ครั้ง)"))],
        [
            [str(kinds[one.kind]), str(CHANNELS.get(one.channel, "-")), str(states[one.state]), one.many]
            for one in messages(scope)
        ],
        means=MEANS["messages"],
    )


def _visited(scope: Scope) -> Table:
    counted: dict[str, int] = {}
    for name, _department, count in tallies(scope, Tally.What.VISITED):
        counted[name] = counted.get(name, 0) + count
    return Table(
        "visits",
        _("การเข้าชมหน้าเว็บ"),
        [Column(_("หน้า"), is_number=False), Column(_("ครั้ง"))],
        [[str(PAGES.get(name, name)), count] for name, count in counted.items()],
        means=MEANS["visited"],
    )


# --- numbers ---


def _spread(durations: Durations) -> list[Cell]:
    return [len(durations), _minutes(durations.median), _minutes(durations.p90)]


def _minutes(seconds: int | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 1)


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def _hour(hour: int) -> str:
    return f"{hour:02d}.00"
