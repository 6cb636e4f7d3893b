"""Refusals that a person can cause. Each has a code for the API and a sentence that says what to do now."""

from django.utils.translation import gettext_lazy as _


class BookingError(Exception):
    code = "refused"
    message = _("ทำรายการนี้ไม่ได้ กรุณาลองใหม่")

    def __str__(self):
        return str(self.message)


class SlotFull(BookingError):
    code = "slot_full"
    message = _("ช่วงเวลานี้เต็มแล้ว กรุณาเลือกเวลาอื่น")


class AlreadyBooked(BookingError):
    """The member has a live ticket for this department and day: `ticket`, or None where it has just ended."""

    code = "already_booked"
    message = _("ท่านมีบัตรคิวของฝ่ายนี้ในวันนี้แล้ว หนึ่งท่านจองได้หนึ่งคิวต่อฝ่ายต่อวัน")

    def __init__(self, ticket=None):
        super().__init__()
        self.ticket = ticket


class DayClosed(BookingError):
    code = "day_closed"
    message = _("วันหรือเวลานี้ปิดรับจองแล้ว กรุณาเลือกวันอื่น")


class WindowPassed(BookingError):
    code = "window_passed"
    message = _("เลยเวลารับจองของช่วงนี้แล้ว กรุณาเลือกเวลาถัดไป")


class NotYetOpen(BookingError):
    code = "not_yet"
    message = _("ยังไม่เปิดรับจองวันนี้ กรุณาเลือกวันที่ใกล้กว่านี้")


class NotRegistered(BookingError):
    code = "not_registered"
    message = _("ไม่พบท่านในระบบไอเมมเบอร์ กรุณาตรวจสอบสถานะสมาชิก")


class WrongState(BookingError):
    code = "wrong_state"
    message = _("บัตรคิวนี้เปลี่ยนสถานะไปแล้ว กรุณาดูสถานะล่าสุด")


class TooEarly(BookingError):
    code = "too_early"
    message = _("ยังแจ้งมาถึงไม่ได้ กรุณาแจ้งอีกครั้งเมื่อใกล้เวลานัด")


class NotToday(BookingError):
    code = "not_today"
    message = _("บัตรคิวนี้ไม่ใช่ของวันนี้ กรุณาตรวจวันที่บนบัตร")


class PresenceNeeded(BookingError):
    code = "presence_needed"
    message = _("กรุณาสแกนคิวอาร์ที่จอหน้าสำนักงานเพื่อแจ้งว่ามาถึงแล้ว")


class CounterBusy(BookingError):
    """The counter is still calling or serving a ticket: `ticket`."""

    code = "counter_busy"
    message = _("ช่องบริการนี้ยังมีคิวที่เรียกหรือให้บริการอยู่ กรุณาจบคิวนั้นก่อน")

    def __init__(self, ticket=None):
        super().__init__()
        self.ticket = ticket


class CounterTaken(BookingError):
    code = "counter_taken"
    message = _("มีเจ้าหน้าที่ท่านอื่นนั่งที่ช่องบริการนี้แล้ว กรุณาเลือกช่องอื่น")


class NotAtCounter(BookingError):
    code = "not_at_counter"
    message = _("ท่านไม่ได้นั่งที่ช่องบริการนี้แล้ว กรุณาเลือกช่องบริการอีกครั้ง")


class ReasonNeeded(BookingError):
    code = "reason_needed"
    message = _("กรุณาบอกเหตุผลที่เรียกข้ามลำดับ")


class NotServedHere(BookingError):
    code = "not_served_here"
    message = _("ช่องบริการนี้ไม่ได้ให้บริการฝ่ายของบัตรคิวนี้")


class OtherDepartment(BookingError):
    code = "other_department"
    message = _("ย้ายได้เฉพาะเวลาของฝ่ายเดิม หากต้องการฝ่ายอื่นกรุณาจองใหม่")


class NoFreeTime(BookingError):
    """Nothing is free on the days to which the office could move a ticket."""

    code = "no_free_time"
    message = _("ไม่มีเวลาว่างในวันที่เปิดรับจอง กรุณาโทรแจ้งสมาชิก แล้วยกเลิกหรือเลือกวันให้เอง")


class IdempotencyKeyReused(BookingError):
    code = "idempotency_key_reused"
    message = _("คำขอนี้เคยใช้กับการจองอื่นแล้ว กรุณาเริ่มจองใหม่")
