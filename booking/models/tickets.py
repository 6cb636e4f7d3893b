import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable
from typing import Self

from django.conf import settings
from django.db import connection, models
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from booking import thai
from booking.models.counters import Counter
from booking.models.departments import Department
from booking.models.places import Slot
from booking.models.topics import Topic
from members.free_text import FreeCharField
from members.models import Member


class State(models.TextChoices):
    BOOKED = "booked", _("จองแล้ว")
    WAITING = "waiting", _("รอเรียก")
    CALLED = "called", _("กำลังเรียก")
    SERVING = "serving", _("กำลังให้บริการ")
    ON_HOLD = "on_hold", _("พักคิว")
    MISSED = "missed", _("เรียกแล้วไม่พบ")
    SERVED = "served", _("เสร็จสิ้น")
    CANCELLED = "cancelled", _("ยกเลิกแล้ว")
    NO_SHOW = "no_show", _("ไม่มาตามเรียก")
    NOT_ARRIVED = "not_arrived", _("ไม่ได้มา")


class Priority(models.TextChoices):
    NONE = "", _("ทั่วไป")
    MONK = "monk", _("พระภิกษุ สามเณร")
    DISABLED = "disabled", _("ผู้พิการ")
    ELDERLY = "elderly", _("ผู้สูงอายุมาก")
    PREGNANT = "pregnant", _("สตรีมีครรภ์")


# A live ticket's turn is still to come.
LIVE = [State.BOOKED, State.WAITING, State.CALLED, State.SERVING, State.ON_HOLD, State.MISSED]
# In these states a ticket occupies its counter.
AT_COUNTER = [State.CALLED, State.SERVING]

# All moves between states: by which verb, from which state, to which. verbs/moves.py makes no others, but for a line of
# paper that is taken back: its ticket is again what it was before.
MOVES: dict[str, dict[str, State]] = {
    "check_in": {State.BOOKED: State.WAITING},
    "undo_check_in": {State.WAITING: State.BOOKED},
    "call": {State.WAITING: State.CALLED, State.BOOKED: State.CALLED},
    "recall": {State.CALLED: State.CALLED},
    "undo_call": {State.CALLED: State.WAITING},
    "start": {State.CALLED: State.SERVING},
    "finish": {State.SERVING: State.SERVED, State.ON_HOLD: State.SERVED},
    "undo_finish": {State.SERVED: State.SERVING},
    "miss": {State.CALLED: State.MISSED},
    "come_back": {State.MISSED: State.WAITING},
    "hold": {State.CALLED: State.ON_HOLD, State.SERVING: State.ON_HOLD},
    "resume": {State.ON_HOLD: State.CALLED},
    "put_back": {State.CALLED: State.WAITING, State.SERVING: State.WAITING},
    "transfer": {State.SERVING: State.WAITING},
    "cancel": {State.BOOKED: State.CANCELLED, State.WAITING: State.CANCELLED, State.ON_HOLD: State.CANCELLED},
    "reschedule": {State.BOOKED: State.CANCELLED},
    "close_day": {State.MISSED: State.NO_SHOW, State.BOOKED: State.NOT_ARRIVED},
    "reopen": {State.NO_SHOW: State.MISSED, State.NOT_ARRIVED: State.BOOKED},
    # Only what ended because the day was over: it was served on paper.
    "on_paper": {
        State.NO_SHOW: State.MISSED,
        State.NOT_ARRIVED: State.BOOKED,
        State.CANCELLED: State.WAITING,
    },
}

# Bookings have numbers up to 500; walk-ins go on from here, in order of arrival.
FIRST_WALK_IN_NUMBER = 501


# One query follows a ticket through all its moves, forwards from several or backwards from one.
BECAME = """
WITH RECURSIVE chain (id) AS (
    SELECT id FROM booking_ticket WHERE public_id = ANY(%s)
    UNION
    SELECT later.id FROM booking_ticket later JOIN chain ON later.moved_from_id = chain.id
)
SELECT id FROM chain
"""
CAME_FROM = """
WITH RECURSIVE chain (id, public_id, moved_from_id, moves) AS (
    SELECT id, public_id, moved_from_id, 1 FROM booking_ticket WHERE id = %s
    UNION
    SELECT earlier.id, earlier.public_id, earlier.moved_from_id, moves + 1
      FROM booking_ticket earlier JOIN chain ON earlier.id = chain.moved_from_id
)
SELECT public_id FROM chain ORDER BY moves
"""


class TicketQuerySet(models.QuerySet["Ticket"]):
    def live(self) -> Self:
        return self.filter(state__in=LIVE)

    def of_day(self, department: Department | int, date: dt.date) -> Self:
        return self.filter(department=department, date=date)

    def upcoming(self) -> Self:
        """Live tickets of today and later, soonest first."""
        return self.live().filter(date__gte=timezone.localdate()).order_by("due_at", "number")

    def of_today(self) -> Self:
        return self.filter(date=timezone.localdate())

    def standing_in(self, department: Department) -> Self:
        """Today's tickets in a department's queue, whichever department issued them."""
        return self.of_today().filter(queue=department)

    def waiting(self) -> Self:
        return self.filter(state=State.WAITING)

    def at_counter(self, counter: Counter) -> Self:
        """The ticket that a counter is calling or serving, if any."""
        return self.filter(counter=counter, state__in=AT_COUNTER)

    def with_details(self) -> Self:
        """Loads what a ticket's page shows in one query."""
        return self.select_related("department", "slot", "queue", "counter", "topic")

    def followed_from(self, public_ids: Iterable[str]) -> Self:
        """The tickets with these public ids. A ticket that was moved is replaced by the one it became."""
        return self.filter(pk__in=RawSQL(BECAME, [list(public_ids)]), moved_to=None)

    def reached_by(self, public_id: str, secret: str) -> "Ticket":
        """The ticket that this secret opens.

        Raises Ticket.DoesNotExist for an unknown id and a wrong secret alike.
        """
        ticket = self.with_details().get(public_id=public_id)
        if not hmac.compare_digest(ticket.secret_hash, hash_of(secret)):
            raise Ticket.DoesNotExist
        return ticket


class Ticket(models.Model):
    """A member's turn. While it counts, a place refers to it. Its events tell what happened to it."""

    public_id = models.CharField(_("รหัสในที่อยู่เว็บ"), max_length=32, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    department = models.ForeignKey(Department, models.PROTECT, related_name="tickets", verbose_name=_("ฝ่าย"))
    date = models.DateField(_("วันที่"))
    number = models.PositiveIntegerField(_("หมายเลข"))
    # A walk-in has none.
    slot = models.ForeignKey(
        Slot, models.PROTECT, null=True, blank=True, related_name="tickets", verbose_name=_("ช่วงเวลา")
    )
    # What it is for; and how many places it holds while it counts, as many as its topic needs.
    topic = models.ForeignKey(
        Topic,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="tickets",
        verbose_name=_("เรื่องที่ติดต่อ"),
        db_index=False,
    )
    parts = models.PositiveSmallIntegerField(_("จำนวนที่"), default=1, db_default=1)
    # In whose queue it is now. After a transfer that is another department than the issuing one.
    queue = models.ForeignKey(Department, models.PROTECT, related_name="queued_tickets", verbose_name=_("อยู่ในคิวของ"))
    # When its turn is due: a booking at its slot's start, a walk-in at its arrival, a late arrival by the late rule.
    due_at = models.DateTimeField(_("ถึงคิวเมื่อ"))
    arrived_at = models.DateTimeField(_("มาถึงเมื่อ"), null=True, blank=True)
    priority = models.CharField(
        _("คิวพิเศษ"), max_length=10, choices=Priority, default=Priority.NONE, db_default="", blank=True
    )
    priority_reason = FreeCharField(_("เหตุผลของคิวพิเศษ"), max_length=120, default="", db_default="", blank=True)
    # The counter that called it last, and when.
    counter = models.ForeignKey(
        Counter, models.PROTECT, null=True, blank=True, related_name="tickets", verbose_name=_("ช่องบริการ")
    )
    called_at = models.DateTimeField(_("เรียกเมื่อ"), null=True, blank=True)
    recalls = models.PositiveSmallIntegerField(_("เรียกซ้ำ (ครั้ง)"), default=0, db_default=0)
    # Empty once the ticket is unlinked from its member, some months after its day.
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="tickets", verbose_name=_("สมาชิก")
    )
    state = models.CharField(_("สถานะ"), max_length=12, choices=State, default=State.BOOKED)
    idempotency_key = models.CharField(max_length=200, null=True, editable=False)
    # The mark of the identity that booked it, which is good for one ticket.
    identity_mark = models.CharField(max_length=32, null=True, editable=False)
    # Where it was booked from, as keyed hashes (members/origins.py). Only tickets that members booked for themselves
    # have an address.
    origin_address = models.CharField(max_length=32, null=True, editable=False)
    origin_network = models.CharField(max_length=32, null=True, editable=False)
    origin_device = models.CharField(max_length=32, null=True, editable=False)
    moved_from = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="moved_to",
        verbose_name=_("ย้ายมาจาก"),
        editable=False,
    )
    issued_at = models.DateTimeField(_("ออกบัตรเมื่อ"))

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("บัตรคิว")
        verbose_name_plural = _("บัตรคิว")
        ordering = ["-date", "number"]
        permissions = [
            ("cancel_ticket", _("ยกเลิกบัตรคิวได้")),
            ("reschedule_ticket", _("ย้ายบัตรคิวได้")),
            ("receive_ticket", _("ออกบัตรคิวหน้าสำนักงาน และแจ้งว่ามาถึงแล้วได้")),
            ("call_out_of_order_ticket", _("เรียกคิวข้ามลำดับได้")),
            ("close_day_ticket", _("ปิดวัน และเปิดบัตรคิวที่ปิดแล้วอีกครั้งได้")),
        ]
        constraints = [
            models.UniqueConstraint(
                name="one_live_ticket_per_member_department_date",
                fields=["member", "department", "date"],
                condition=Q(state__in=LIVE),
                violation_error_message=_("สมาชิกมีบัตรคิวของฝ่ายนี้ในวันนี้แล้ว"),
            ),
            models.UniqueConstraint(
                name="one_live_ticket_per_code_and_date",
                fields=["department", "date", "number"],
                condition=Q(state__in=LIVE),
                violation_error_message=_("หมายเลขนี้ของวันนี้มีผู้ถืออยู่แล้ว"),
            ),
            models.UniqueConstraint(
                name="one_ticket_per_idempotency_key",
                fields=["idempotency_key"],
                violation_error_message=_("คำขอนี้ออกบัตรคิวแล้ว"),
            ),
            models.UniqueConstraint(
                name="one_ticket_per_identity",
                fields=["identity_mark"],
                violation_error_message=_("การยืนยันตัวนี้จองบัตรคิวไปแล้ว"),
            ),
            models.UniqueConstraint(
                name="one_called_or_serving_per_counter",
                fields=["counter"],
                condition=Q(state__in=AT_COUNTER),
                violation_error_message=_("ช่องบริการนี้กำลังเรียกหรือให้บริการอยู่แล้ว"),
            ),
            models.CheckConstraint(
                name="called_ticket_has_a_counter",
                condition=~Q(state__in=AT_COUNTER) | Q(counter__isnull=False),
                violation_error_message=_("บัตรคิวที่ถูกเรียกต้องมีช่องบริการ"),
            ),
            models.CheckConstraint(
                name="ticket_state_is_known",
                condition=Q(state__in=State.values),
                violation_error_message=_("ไม่รู้จักสถานะนี้"),
            ),
        ]
        indexes = [
            models.Index(name="ticket_of_day", fields=["date", "department", "number"]),
            # A day's queue in the order in which the turns are due. Served tickets are not in it.
            models.Index(name="queue_of_day", fields=["queue", "date", "due_at"], condition=Q(state__in=LIVE)),
            # The few who wait, class by class, in the order in which a call looks at them.
            models.Index(
                name="waiting_ordinary",
                fields=["queue", "date", "due_at", "number", "id"],
                condition=Q(state=State.WAITING, priority=Priority.NONE),
            ),
            models.Index(
                name="waiting_priority",
                fields=["queue", "date", "due_at", "number", "id"],
                condition=Q(state=State.WAITING) & ~Q(priority=Priority.NONE),
            ),
            models.Index(name="tickets_of_topic", fields=["topic", "date"], condition=Q(topic__isnull=False)),
            models.Index(name="calls_of_day", fields=["date", "called_at"], condition=Q(called_at__isnull=False)),
            *(
                models.Index(
                    name=f"tickets_of_{origin}",
                    fields=[f"origin_{origin}", "issued_at"],
                    condition=Q(**{f"origin_{origin}__isnull": False}),
                )
                for origin in ("address", "network", "device")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.date})"

    @property
    def code(self) -> str:
        """What the board shows and a voice says: A012."""
        return code_of(self.department.letter, self.number)

    @property
    def things_to_bring(self) -> list[str]:
        """In the language of the page: what its topic asks for, else what its department does."""
        return (self.topic.things_to_bring if self.topic else []) or self.department.things_to_bring

    @property
    def ends_at(self) -> dt.datetime | None:
        """Until when its visit is planned; None for a walk-in."""
        if self.slot is None:
            return None
        whole = self.topic and self.topic.minutes
        return max(self.slot.ends_at, self.slot.starts_at + dt.timedelta(minutes=whole or 0))

    @property
    def secret(self) -> str:
        """The 256-bit secret that opens this ticket. Only its hash is stored. The secret is derived from SECRET_KEY, or
        from the older key under which the ticket was issued."""
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        made = [secret_of(self.public_id, key=key) for key in keys]
        return next((secret for secret in made if hash_of(secret) == self.secret_hash), made[0])

    def was_once(self) -> list[str]:
        """The public ids of the tickets that this one was before it was moved, the latest first; empty if it never was.
        One query."""
        if self.moved_from_id is None:
            return []
        with connection.cursor() as cursor:
            cursor.execute(CAME_FROM, [self.moved_from_id])
            return [public_id for (public_id,) in cursor.fetchall()]

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def outcome(self) -> str:
        """What has become of it, in words: where it was moved to, else its state."""
        moved: Ticket | None = getattr(self, "moved_to", None)
        if moved is None:
            return self.get_state_display()
        return gettext("ย้ายไป %(day)s เวลา %(time)s หมายเลข %(code)s") % {
            "day": thai.short_date(moved.date),
            "time": thai.clock(moved.slot or moved.issued_at),
            "code": moved.code,
        }

    @property
    def is_walk_in(self) -> bool:
        return self.slot_id is None

    def may(self, verb: str) -> bool:
        """Whether the verb has a move from the ticket's state."""
        return self.state in MOVES[verb]

    @property
    def can_cancel(self) -> bool:
        return self.may("cancel")

    @property
    def can_move(self) -> bool:
        return self.may("reschedule") and not self.is_walk_in


class Cause(models.TextChoices):
    """Why a change was made, from a short list that can be counted: by the system, or why somebody cancelled."""

    NONE = "", "-"
    DAY_OVER = "day_over", _("ปิดวันโดยไม่ได้เรียก")
    CANNOT_COME = "cannot_come", _("มาไม่ได้")
    SETTLED = "settled", _("ทำเรื่องเรียบร้อยแล้ว")
    BY_MISTAKE = "by_mistake", _("จองผิด")
    MEMBER_ASKED = "member_asked", _("สมาชิกขอยกเลิก")
    OFFICE = "office", _("สหกรณ์ให้บริการไม่ได้")
    OTHER = "other", _("เหตุอื่น")


# What a member, and what staff may choose when they cancel.
MEMBERS_CAUSES = (Cause.CANNOT_COME, Cause.SETTLED, Cause.BY_MISTAKE, Cause.OTHER)
STAFF_CAUSES = (Cause.MEMBER_ASKED, Cause.OFFICE, Cause.BY_MISTAKE, Cause.OTHER)


class Asked(models.TextChoices):
    """How a member asked staff for a booking."""

    NONE = "", "-"
    TELEPHONE = "telephone", _("โทรศัพท์")
    DESK = "desk", _("หน้าสำนักงาน")


STAFF_ASKED = (Asked.TELEPHONE, Asked.DESK)


class Outcome(models.TextChoices):
    """What came of a visit, as the clerk says at its end."""

    NONE = "", "-"
    DONE = "done", _("ทำเรื่องเสร็จ")
    OTHER_TOPIC = "other_topic", _("ทำเรื่องอื่น")
    DOCUMENT_MISSING = "document_missing", _("เอกสารไม่ครบ")
    REFERRED = "referred", _("แนะนำให้ไปที่อื่น")


class TicketEventQuerySet(models.QuerySet["TicketEvent"]):
    def standing(self) -> Self:
        """Without what was entered from paper and then taken back, and without the taking back: what counts."""
        taken_back = TicketEvent.objects.filter(
            ticket=OuterRef("ticket"), strikes__lte=OuterRef("pk"), pk__gte=OuterRef("pk")
        )
        return self.filter(~Exists(taken_back))


class TicketEvent(models.Model):
    """One change of one ticket. Rows are only ever added (a trigger refuses the rest). History, statistics and messages
    come from them."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="events", verbose_name=_("บัตรคิว"))
    verb = models.CharField(_("เหตุการณ์"), max_length=20)
    from_state = models.CharField(_("จากสถานะ"), max_length=12, blank=True)
    to_state = models.CharField(_("เป็นสถานะ"), max_length=12)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("โดย"))
    # In whose queue the ticket was afterwards, and at which counter it happened.
    queue = models.ForeignKey(Department, models.PROTECT, null=True, related_name="+", verbose_name=_("คิวของฝ่าย"))
    counter = models.ForeignKey(Counter, models.PROTECT, null=True, related_name="+", verbose_name=_("ช่องบริการ"))
    reason = FreeCharField(_("เหตุผล"), max_length=200, blank=True)
    # Events older than this column have its words in their reason.
    cause = models.CharField(max_length=20, choices=Cause, default=Cause.NONE, db_default="", blank=True)
    # Of a booking by staff alone.
    asked = models.CharField(max_length=10, choices=Asked, default=Asked.NONE, db_default="", blank=True)
    # Of a finish alone.
    outcome = models.CharField(max_length=20, choices=Outcome, default=Outcome.NONE, db_default="", blank=True)
    at = models.DateTimeField(_("เมื่อ"))
    # Of what was served on paper: when it was entered. `by` has entered it; `at` is what the paper says.
    entered_at = models.DateTimeField(_("กรอกจากกระดาษเมื่อ"), null=True, blank=True)
    # Of the first that was entered from a line of paper: what the ticket was before, by the names of its fields; {}
    # where there was none. With it the entry can be taken back.
    before = models.JSONField(null=True, blank=True, editable=False)
    # Of a taking back: the id of the first event that it strikes out. Those from there on do not count.
    strikes = models.BigIntegerField(null=True, blank=True, editable=False)

    objects = TicketEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("เหตุการณ์ของบัตรคิว")
        verbose_name_plural = _("เหตุการณ์ของบัตรคิว")
        ordering = ["id"]
        indexes = [
            models.Index(name="events_by_time", fields=["at"]),
            models.Index(name="events_from_paper", fields=["entered_at"], condition=Q(entered_at__isnull=False)),
            models.Index(name="events_struck_out", fields=["ticket"], condition=Q(strikes__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.verb}"

    @property
    def why(self) -> str:
        """What can be counted of it, in the reader's language, and what staff wrote."""
        outcome = "" if self.outcome in (Outcome.NONE, Outcome.DONE) else self.get_outcome_display()
        counted = [
            self.get_cause_display() if self.cause else "",
            self.get_asked_display() if self.asked else "",
            outcome,
            gettext("จากกระดาษ กรอกเมื่อ %(day)s %(time)s")
            % {"day": thai.short_date(self.entered_at), "time": thai.clock(self.entered_at)}
            if self.entered_at
            else "",
        ]
        return ": ".join(str(one) for one in [*counted, self.reason] if one)


class WaitPrediction(models.Model):
    """The wait that a member was told on arrival, kept to be compared with the real one."""

    ticket = models.OneToOneField(Ticket, models.CASCADE, primary_key=True, related_name="prediction")
    at = models.DateTimeField(_("ทำนายเมื่อ"))
    low = models.PositiveSmallIntegerField(_("อย่างน้อย (นาที)"))
    high = models.PositiveSmallIntegerField(_("อย่างมาก (นาที)"))
    # What the range was computed from: seconds of serving time, and whether the turn was not due yet.
    expected = models.PositiveIntegerField(_("คาดไว้ (วินาที)"), null=True)
    is_early = models.BooleanField(_("มาก่อนเวลา"), default=False, db_default=False)

    class Meta:
        verbose_name = _("เวลารอที่ทำนาย")
        verbose_name_plural = _("เวลารอที่ทำนาย")

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.low}-{self.high}"


def secret_of(public_id: str, *, key: str | None = None) -> str:
    """The secret of a public id: 256 bits as 64 hex digits, which nobody can guess without SECRET_KEY."""
    return salted_hmac("booking.ticket.secret", public_id, secret=key, algorithm="sha256").hexdigest()


def code_of(letter: str, number: int) -> str:
    """A ticket's number as people say it: A012."""
    return f"{letter}{number:03d}"


def hash_of(secret: str) -> str:
    """What is stored of a secret. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
