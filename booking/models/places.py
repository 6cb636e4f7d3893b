import datetime as dt
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models.departments import Department


class SlotQuerySet(models.QuerySet["Slot"]):
    def of_day(self, department: Department, date: dt.date) -> Self:
        return self.filter(department=department, date=date).order_by("starts_at")

    def holding_more_than_their_quota(self) -> Self:
        """Slots with more tickets than their quota, which was lowered after the bookings."""
        return self.annotate(held=models.Count("places", filter=Q(places__ticket__isnull=False))).filter(
            held__gt=F("quota")
        )


class Slot(models.Model):
    """A stretch of a day in which a department serves a set number. Its numbers are a block with room to grow."""

    # Without an index of its own: one_slot_per_department_and_start begins with it.
    department = models.ForeignKey(
        Department, models.PROTECT, related_name="slots", db_index=False, verbose_name=_("ฝ่าย")
    )
    date = models.DateField(_("วันที่"))
    starts_at = models.DateTimeField(_("เริ่ม"))
    ends_at = models.DateTimeField(_("สิ้นสุด"))
    quota = models.PositiveSmallIntegerField(_("จำนวนคิว"))
    first_number = models.PositiveIntegerField(_("หมายเลขแรก"))
    last_number = models.PositiveIntegerField(_("หมายเลขสุดท้าย"))
    bookable_from = models.DateTimeField(_("เปิดรับจอง"))
    bookable_until = models.DateTimeField(_("ปิดรับจอง"))

    objects = SlotQuerySet.as_manager()

    class Meta:
        verbose_name = _("ช่วงเวลา")
        verbose_name_plural = _("ช่วงเวลา")
        ordering = ["starts_at"]
        constraints = [
            models.UniqueConstraint(
                name="one_slot_per_department_and_start",
                fields=["department", "starts_at"],
                violation_error_message=_("ฝ่ายนี้มีช่วงเวลานี้แล้ว"),
            ),
            models.CheckConstraint(
                name="slot_quota_not_negative",
                condition=Q(quota__gte=0),
                violation_error_message=_("จำนวนคิวต้องไม่ติดลบ"),
            ),
            models.CheckConstraint(
                name="slot_starts_before_it_ends",
                condition=Q(starts_at__lt=F("ends_at")),
                violation_error_message=_("เวลาเริ่มต้องมาก่อนเวลาสิ้นสุด"),
            ),
            models.CheckConstraint(
                name="slot_numbers_in_order",
                condition=Q(first_number__gte=1, first_number__lte=F("last_number")),
                violation_error_message=_("ช่วงหมายเลขไม่ถูกต้อง"),
            ),
        ]
        indexes = [
            models.Index(name="slot_of_day", fields=["department", "date"]),
            models.Index(name="slots_by_date", fields=["date"]),
        ]

    def __str__(self) -> str:
        local = timezone.localtime(self.starts_at)
        return f"{self.department} {local:%d/%m/%Y %H.%M}"

    @property
    def room(self) -> int:
        """How many numbers the slot has. Its quota may be lower."""
        return self.last_number - self.first_number + 1


def is_open_to(now: dt.datetime, *, member_id: int | None, by_staff: bool, prefix: str = "") -> Q:
    """Of a free place: whether it may be booked by now. One that is kept for who waits, or offered to one of them, is
    theirs alone, whoever books, and before it comes free to others. `prefix`: how the query's rows refer to places."""

    def of_place(**fields: object) -> Q:
        return Q(**{f"{prefix}{name}": value for name, value in fields.items()})

    to_all = of_place(offered_until=None) | of_place(offered_until__lte=now)
    if not by_staff:
        to_all &= of_place(free_from=None) | of_place(free_from__lte=now)
    if member_id is None:
        return to_all
    return to_all | of_place(offered_until__gt=now, offered_to__member=member_id)


class PlaceQuerySet(models.QuerySet["Place"]):
    def free(self) -> Self:
        return self.filter(ticket__isnull=True)

    def open_to(self, now: dt.datetime, *, member_id: int | None = None, by_staff: bool = False) -> Self:
        """Free places that may be booked by now for this member; None: for whoever has no offer. What
        verbs/places.py asks of a place."""
        return self.free().filter(is_open_to(now, member_id=member_id, by_staff=by_staff))

    def kept_for(self, topic_id: int | None) -> Self:
        """Places of a topic's own share; None: those that all other topics share."""
        return self.filter(topic=topic_id)

    def taken(self) -> Self:
        return self.filter(ticket__isnull=False)


class Place(models.Model):
    """One turn that the office can serve: a number in a slot, and the ticket that holds it or none. The ticket of a
    long topic holds several, its parts, in slots that follow each other."""

    # Without an index of its own: one_place_per_number begins with it.
    slot = models.ForeignKey(Slot, models.CASCADE, related_name="places", db_index=False, verbose_name=_("ช่วงเวลา"))
    number = models.PositiveIntegerField(_("หมายเลข"))
    # The booking statement writes the ticket and this reference at once. The foreign key is checked at commit.
    ticket = models.ForeignKey(
        "booking.Ticket",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="places",
        verbose_name=_("บัตรคิว"),
        db_index=False,  # one_place_per_part_of_a_ticket begins with it
    )
    part = models.PositiveSmallIntegerField(_("ส่วนที่"), default=1, db_default=1)
    # Given up by a member: until then only staff may book it again (Department.freed_after_minutes).
    free_from = models.DateTimeField(_("ว่างตั้งแต่"), null=True, blank=True)
    # Until then nobody may book it but the member whom it is offered to; without one it is about to be offered to the
    # first of the waiting list.
    offered_to = models.ForeignKey(
        "booking.WaitingEntry",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="places",
        verbose_name=_("เสนอให้"),
        db_index=False,
    )
    offered_until = models.DateTimeField(_("เสนอถึง"), null=True, blank=True)
    # Kept for this topic's members; None: for all other topics.
    topic = models.ForeignKey(
        "booking.Topic",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="places",
        verbose_name=_("กันไว้ให้เรื่อง"),
        db_index=False,
    )

    objects = PlaceQuerySet.as_manager()

    class Meta:
        verbose_name = _("ที่")
        verbose_name_plural = _("ที่")
        ordering = ["slot", "number"]
        constraints = [
            models.UniqueConstraint(
                name="one_place_per_number",
                fields=["slot", "number"],
                violation_error_message=_("ช่วงเวลานี้มีหมายเลขนี้แล้ว"),
            ),
            models.UniqueConstraint(
                name="one_place_per_part_of_a_ticket",
                fields=["ticket", "part"],
                violation_error_message=_("บัตรคิวนี้มีที่ส่วนนี้แล้ว"),
            ),
            models.UniqueConstraint(
                name="one_place_offered_at_a_time",
                fields=["offered_to"],
                condition=Q(offered_to__isnull=False),
                violation_error_message=_("ผู้รอท่านนี้มีคิวที่เสนอไว้แล้ว"),
            ),
            models.CheckConstraint(
                name="place_part_begins_with_one",
                condition=Q(part__gte=1) & (Q(ticket__isnull=False) | Q(part=1)),
                violation_error_message=_("ส่วนของที่ไม่ถูกต้อง"),
            ),
        ]
        indexes = [
            # Bookings take from it, and "places left" counts it.
            models.Index(name="free_place_of_slot", fields=["slot", "number"], condition=Q(ticket__isnull=True)),
            models.Index(name="places_of_topic", fields=["topic", "slot"], condition=Q(topic__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.slot}: {self.number}"
