import hashlib
import hmac

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from booking.models.departments import Department
from booking.models.places import Slot
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


# A live ticket still has a turn before it.
LIVE = [State.BOOKED, State.WAITING, State.CALLED, State.SERVING, State.ON_HOLD, State.MISSED]
CANCELLABLE = [State.BOOKED, State.WAITING, State.ON_HOLD]
MOVABLE = [State.BOOKED]


class TicketQuerySet(models.QuerySet):
    def live(self):
        return self.filter(state__in=LIVE)

    def of_day(self, department, date):
        return self.filter(department=department, date=date)

    def upcoming(self):
        """Live tickets of today and later, soonest first."""
        return self.live().filter(date__gte=timezone.localdate()).order_by("slot__starts_at", "number")

    def with_details(self):
        """Loaded with what a ticket's page shows, in one query."""
        return self.select_related("department", "slot")

    def reached_by(self, public_id: str, secret: str) -> "Ticket":
        """The ticket that this secret opens.

        Raises Ticket.DoesNotExist alike for an unknown id and for a wrong secret.
        """
        ticket = self.with_details().get(public_id=public_id)
        if not hmac.compare_digest(ticket.secret_hash, hash_of(secret)):
            raise Ticket.DoesNotExist
        return ticket


class Ticket(models.Model):
    """A member's turn. Its place holds it while it counts; what happened to it stands in its events."""

    public_id = models.CharField(_("รหัสในที่อยู่เว็บ"), max_length=32, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    department = models.ForeignKey(Department, models.PROTECT, related_name="tickets", verbose_name=_("ฝ่าย"))
    date = models.DateField(_("วันที่"))
    number = models.PositiveIntegerField(_("หมายเลข"))
    slot = models.ForeignKey(Slot, models.PROTECT, related_name="tickets", verbose_name=_("ช่วงเวลา"))
    # Empty once the ticket has been unlinked from its member, some months after its day.
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="tickets", verbose_name=_("สมาชิก")
    )
    state = models.CharField(_("สถานะ"), max_length=12, choices=State, default=State.BOOKED)
    idempotency_key = models.CharField(max_length=200, null=True, editable=False)
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
        permissions = [("cancel_ticket", _("ยกเลิกบัตรคิวได้")), ("reschedule_ticket", _("ย้ายบัตรคิวได้"))]
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
            models.CheckConstraint(
                name="ticket_state_is_known",
                condition=Q(state__in=State.values),
                violation_error_message=_("ไม่รู้จักสถานะนี้"),
            ),
        ]
        indexes = [models.Index(name="ticket_of_day", fields=["date", "department", "number"])]

    def __str__(self):
        return f"{self.code} ({self.date})"

    @property
    def code(self) -> str:
        """What the board shows and a voice says: A012."""
        return f"{self.department.letter}{self.number:03d}"

    @property
    def secret(self) -> str:
        """The 256-bit secret that opens this ticket. Only its hash is stored; it is made again from SECRET_KEY, or from
        the older key that it was issued under."""
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        made = [secret_of(self.public_id, key=key) for key in keys]
        return next((secret for secret in made if hash_of(secret) == self.secret_hash), made[0])

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def can_cancel(self) -> bool:
        return self.state in CANCELLABLE

    @property
    def can_move(self) -> bool:
        return self.state in MOVABLE


class TicketEvent(models.Model):
    """One change of one ticket. Rows are only ever added (a trigger refuses the rest): history, statistics and
    messages are read from them."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="events", verbose_name=_("บัตรคิว"))
    verb = models.CharField(_("เหตุการณ์"), max_length=20)
    from_state = models.CharField(_("จากสถานะ"), max_length=12, blank=True)
    to_state = models.CharField(_("เป็นสถานะ"), max_length=12)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("โดย"))
    reason = models.CharField(_("เหตุผล"), max_length=200, blank=True)
    at = models.DateTimeField(_("เมื่อ"))

    class Meta:
        verbose_name = _("เหตุการณ์ของบัตรคิว")
        verbose_name_plural = _("เหตุการณ์ของบัตรคิว")
        ordering = ["id"]

    def __str__(self):
        return f"{self.ticket_id}: {self.verb}"


def secret_of(public_id: str, *, key: str | None = None) -> str:
    """The secret belonging to a public id, 256 bits as 64 hex digits; it cannot be guessed without SECRET_KEY."""
    return salted_hmac("booking.ticket.secret", public_id, secret=key, algorithm="sha256").hexdigest()


def hash_of(secret: str) -> str:
    """What is stored of a secret. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
