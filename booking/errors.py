"""Refusals that a person can cause: the registry of all of them stands at the end.

Each has a code for the API, a sentence that says what to do now, the API's status, who can cause it through the API
(its documentation is written from this), and where it leads a member.
"""

import datetime as dt
from enum import Enum, auto
from typing import TYPE_CHECKING

from django.utils.functional import Promise, lazystr
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from booking import thai
from members import line

if TYPE_CHECKING:
    from booking.models import Ticket, WaitingEntry

# Who can cause a refusal through the API: with a ticket or an identity, or with a member of staff's token.
MEMBERS, STAFF = "members", "staff"


class Leads(Enum):
    """Where a refused booking or move leads a member: where the next thing to do is."""

    HERE = auto()  # beside what was typed
    DAYS = auto()
    TIMES = auto()
    TICKET = auto()  # their own, where this device may open it


class BookingError(Exception):
    code = "refused"
    message: str | Promise = _("ทำรายการนี้ไม่ได้ กรุณาลองใหม่")
    status = 409  # a conflict with what is booked by now
    api: tuple[str, ...] = ()
    leads_to = Leads.HERE

    def __str__(self) -> str:
        return str(self.message)


class SlotFull(BookingError):
    code = "slot_full"
    message = _("ช่วงเวลานี้เต็มแล้ว กรุณาเลือกเวลาอื่น")
    api = (MEMBERS,)
    leads_to = Leads.TIMES


class AlreadyBooked(BookingError):
    """The member has a live ticket for this department and day: `ticket`, or None where it has just ended."""

    code = "already_booked"
    message = _("ท่านมีบัตรคิวของฝ่ายนี้ในวันเดียวกันแล้ว หนึ่งท่านจองได้หนึ่งคิวต่อฝ่ายต่อวัน")
    api = (MEMBERS, STAFF)
    leads_to = Leads.TICKET

    def __init__(self, ticket: "Ticket | None" = None):
        super().__init__()
        self.ticket = ticket


class DayClosed(BookingError):
    code = "day_closed"
    message = _("วันหรือเวลานี้ปิดรับจองแล้ว กรุณาเลือกวันอื่น")
    api = (MEMBERS, STAFF)
    leads_to = Leads.DAYS


class WalkInsClosed(BookingError):
    """Walk-ins are issued tickets from `opens_at` until `closes_at` today, and it is earlier or later."""

    code = "walk_ins_closed"
    message = _("ขณะนี้ฝ่ายนี้ไม่ออกบัตรคิวหน้าสำนักงาน กรุณามาในเวลาที่ออกบัตรคิว หรือจองล่วงหน้า")
    api = (STAFF,)

    def __init__(self, opens_at: dt.datetime | None = None, closes_at: dt.datetime | None = None):
        super().__init__()
        self.opens_at, self.closes_at = opens_at, closes_at

    def __str__(self) -> str:
        if self.opens_at is None or self.closes_at is None:
            return super().__str__()
        hours = {"opens": thai.clock(self.opens_at), "closes": thai.clock(self.closes_at)}
        return str(_("วันนี้ฝ่ายนี้ออกบัตรคิวหน้าสำนักงานตั้งแต่ %(opens)s ถึง %(closes)s") % hours)


class WindowPassed(BookingError):
    code = "window_passed"
    message = _("เลยเวลารับจองของช่วงนี้แล้ว กรุณาเลือกเวลาถัดไป")
    api = (MEMBERS,)
    leads_to = Leads.TIMES


class NotYetOpen(BookingError):
    code = "not_yet"
    message = _("ยังไม่เปิดรับจองวันที่เลือก กรุณาเลือกวันที่ใกล้กว่านี้")
    api = (MEMBERS,)
    leads_to = Leads.DAYS


class NotRegistered(BookingError):
    code = "not_registered"
    message = _("ไม่พบท่านในระบบไอเมมเบอร์ กรุณาตรวจสอบสถานะสมาชิก")
    status = 404
    api = (MEMBERS,)
    leads_to = Leads.DAYS


class TopicNotOffered(BookingError):
    """The department has no such topic on this day."""

    code = "topic_not_offered"
    message = _("ฝ่ายนี้ไม่รับเรื่องที่เลือกในวันนี้ กรุณาเลือกเรื่องหรือวันอื่น")
    api = (MEMBERS, STAFF)
    leads_to = Leads.DAYS


class MissedTooOften(BookingError):
    """The member did not come `missed` times lately. Until a day they book by telephone, or for today and tomorrow
    alone, as the department's rule (NoShowRule) says."""

    code = "missed_too_often"
    message = _("ท่านจองแล้วไม่มาหลายครั้ง ช่วงนี้กรุณาโทรจองกับเจ้าหน้าที่")
    status = 403
    api = (MEMBERS,)
    leads_to = Leads.DAYS

    def __init__(self, missed: int = 0, until: dt.date | None = None, rule: str = ""):
        super().__init__()
        self.missed, self.until, self.rule = missed, until, rule

    def __str__(self) -> str:
        if self.until is None:
            return super().__str__()
        facts = {"missed": self.missed, "until": thai.short_date(self.until)}
        if self.rule == "short":
            return str(_("ท่านจองแล้วไม่มา %(missed)d ครั้ง จึงจองได้เฉพาะวันนี้และพรุ่งนี้ จนถึง %(until)s") % facts)
        return str(_("ท่านจองแล้วไม่มา %(missed)d ครั้ง กรุณาโทรจองกับเจ้าหน้าที่ จนถึง %(until)s") % facts)


class IdentityUsed(BookingError):
    """The identity has booked a ticket; for another somebody has to say again who they are. The API's clients are told
    `identity_expired`: they have to ask for another either way."""

    code = "identity_used"
    message = _("การยืนยันตัวหนึ่งครั้งจองได้หนึ่งคิว กรุณากรอกเลขอีกครั้งเพื่อจองอีกคิว สิ่งที่เลือกไว้ยังอยู่")
    status = 401


class _ProofNeededWords:
    """By what the office has: LINE is offered only where it is set up."""

    def __str__(self) -> str:
        if line.log_in_is_on():
            return gettext(
                "ขณะนี้มีการใช้งานจากเครือข่ายนี้มากผิดปกติ กรุณายืนยันว่าเป็นท่านด้วยเลขท้าย 4 ตัวของเบอร์โทรศัพท์ "
                "รหัส 8 หลักจากเจ้าหน้าที่ หรือเข้าใช้ด้วย LINE"
            )
        return gettext(
            "ขณะนี้มีการใช้งานจากเครือข่ายนี้มากผิดปกติ กรุณายืนยันว่าเป็นท่านด้วยเลขท้าย 4 ตัวของเบอร์โทรศัพท์ หรือรหัส 8 หลักจากเจ้าหน้าที่"
        )


class ProofNeeded(BookingError):
    """So much is booked, or looked up in vain, from this address that a number is not enough."""

    code = "proof_needed"
    message = lazystr(_ProofNeededWords())
    status = 403
    api = (MEMBERS,)


class TooManyBookings(BookingError):
    """`retry_after`: whole seconds until another booking may succeed."""

    code = "too_many_bookings"
    message = _("จองหรือย้ายคิวหลายครั้งเกินไป กรุณารอสักครู่ แล้วลองใหม่")
    status = 429
    api = (MEMBERS,)
    leads_to = Leads.TIMES

    def __init__(self, retry_after: int = 1):
        super().__init__()
        self.retry_after = max(1, retry_after)


class TooManyTickets(BookingError):
    """The member holds as many tickets as one member may. `retry_after`: as in TooManyBookings, by whose
    code the API's clients are told."""

    code = "too_many_tickets"
    message = _("ท่านมีคิวที่จองไว้ครบจำนวนที่จองได้แล้ว หากต้องการจองเพิ่ม กรุณายกเลิกคิวที่ไม่ใช้ก่อน")
    status = 429
    leads_to = Leads.TIMES

    def __init__(self, retry_after: int = 1):
        super().__init__()
        self.retry_after = max(1, retry_after)


class WrongState(BookingError):
    code = "wrong_state"
    message = _("บัตรคิวนี้เปลี่ยนสถานะไปแล้ว กรุณาดูสถานะล่าสุด")
    api = (MEMBERS, STAFF)
    leads_to = Leads.DAYS


class TooEarly(BookingError):
    code = "too_early"
    message = _("ยังแจ้งมาถึงไม่ได้ กรุณาแจ้งอีกครั้งเมื่อใกล้เวลานัด")
    api = (MEMBERS, STAFF)


class NotToday(BookingError):
    code = "not_today"
    message = _("บัตรคิวนี้ไม่ใช่ของวันนี้ กรุณาตรวจวันที่บนบัตร")
    api = (MEMBERS, STAFF)


class PresenceNeeded(BookingError):
    code = "presence_needed"
    message = _("กรุณาสแกน QR ที่จอหน้าสำนักงานเพื่อแจ้งว่ามาถึงแล้ว")
    api = (MEMBERS, STAFF)


class MemberHasTickets(BookingError):
    """Somebody is to be forgotten whose turn is still to come."""

    code = "member_has_tickets"
    message = _("สมาชิกท่านนี้ยังมีบัตรคิวที่ไม่สิ้นสุด กรุณายกเลิกก่อน แล้วแจ้งสมาชิก")


class CounterBusy(BookingError):
    """The counter is still calling or serving a ticket: `ticket`."""

    code = "counter_busy"
    message = _("ช่องบริการนี้ยังมีคิวที่เรียกหรือให้บริการอยู่ กรุณาจบคิวนั้นก่อน")
    api = (STAFF,)

    def __init__(self, ticket: "Ticket | None" = None):
        super().__init__()
        self.ticket = ticket


class TooLateToUndo(BookingError):
    code = "too_late_to_undo"
    message = _("เลย 1 นาทีหลังกดเสร็จสิ้นแล้ว จึงเรียกคืนไม่ได้")
    api = (STAFF,)


class CounterTaken(BookingError):
    code = "counter_taken"
    message = _("มีเจ้าหน้าที่ท่านอื่นนั่งที่ช่องบริการนี้แล้ว กรุณาเลือกช่องอื่น")
    api = (STAFF,)


class NotAColleague(BookingError):
    code = "not_a_colleague"
    message = _("ปล่อยช่องบริการนี้ได้เฉพาะผู้ที่นั่งช่องของฝ่ายเดียวกัน หรือผู้จัดการ")


class CounterInUse(BookingError):
    code = "counter_in_use"
    message = _("ช่องบริการนี้เพิ่งใช้งานเมื่อไม่ถึง 5 นาที จึงยังปล่อยไม่ได้")


class NotAtCounter(BookingError):
    code = "not_at_counter"
    message = _("ท่านไม่ได้นั่งที่ช่องบริการนี้แล้ว กรุณาเลือกช่องบริการอีกครั้ง")
    api = (STAFF,)


class ReasonNeeded(BookingError):
    code = "reason_needed"
    message = _("กรุณาบอกเหตุผลที่เรียกข้ามลำดับ")
    api = (STAFF,)


class NotYourDepartment(BookingError):
    code = "not_your_department"
    message = _("บัตรคิวนี้เป็นของฝ่ายอื่น ท่านดูได้เพียงหมายเลขและสถานะ")


class NotReceivedHere(BookingError):
    """The kiosk receives for other departments."""

    code = "not_received_here"
    message = _("บัตรคิวนี้เป็นของฝ่ายอื่น ซึ่งแจ้งมาถึงที่เครื่องนี้ไม่ได้ กรุณาแจ้งที่ฝ่ายนั้น หรือถามเจ้าหน้าที่")


class NotYourCounter(BookingError):
    code = "not_your_counter"
    message = _("ช่องบริการนี้ให้บริการฝ่ายที่ไม่ใช่ของท่าน กรุณาเลือกช่องอื่น หรือให้ผู้จัดการเพิ่มฝ่ายให้")
    api = (STAFF,)


class NotServedHere(BookingError):
    code = "not_served_here"
    message = _("ช่องบริการนี้ไม่ได้ให้บริการฝ่ายของบัตรคิวนี้")
    api = (STAFF,)


class OtherDepartment(BookingError):
    code = "other_department"
    message = _("ย้ายได้เฉพาะเวลาของฝ่ายเดิม หากต้องการฝ่ายอื่นกรุณาจองใหม่")
    api = (MEMBERS,)
    leads_to = Leads.DAYS


class TooManyMoves(BookingError):
    code = "too_many_moves"
    message = _("บัตรคิวนี้ย้ายครบจำนวนครั้งแล้ว หากต้องการเวลาอื่นกรุณายกเลิกแล้วจองใหม่ หรือติดต่อเจ้าหน้าที่")
    api = (MEMBERS,)


class NoFreeTime(BookingError):
    """Nothing is free on the days to which the office could move a ticket."""

    code = "no_free_time"
    message = _("ไม่มีเวลาว่างในวันที่เปิดรับจอง กรุณาโทรแจ้งสมาชิก แล้วยกเลิกหรือเลือกวันให้เอง")


class IdempotencyKeyReused(BookingError):
    code = "idempotency_key_reused"
    message = _("คำขอนี้เคยใช้กับการจองอื่นแล้ว กรุณาเริ่มจองใหม่")
    status = 422
    api = (MEMBERS, STAFF)
    leads_to = Leads.TIMES


# --- of pages alone ---


class NoTimeChosen(BookingError):
    code = "no_time"
    message = _("กรุณาเลือกเวลาก่อน แล้วแตะปุ่มด้านล่าง")
    leads_to = Leads.TIMES


class DayFull(BookingError):
    code = "day_full"
    message = _("วันที่เลือกเต็มแล้ว กรุณาเลือกวันอื่น")
    leads_to = Leads.DAYS


class WhoFirst(BookingError):
    """Nobody on this device has said yet who they are."""

    code = "who_first"
    message = _("กรุณากรอกเลขของท่านก่อน สิ่งที่เลือกไว้ยังอยู่")


class WhoAgain(BookingError):
    """The members' IdentityExpired, where something had been chosen."""

    code = "identity_expired"
    message = _("กรุณากรอกเลขของท่านอีกครั้ง การยืนยันตัวตนใช้ได้ครั้งละ 15 นาที สิ่งที่เลือกไว้ยังอยู่")


class AnotherBegun(BookingError):
    """The page was shown for one person, and another has begun to book on this device since."""

    code = "another_begun"
    message = _("ท่านเริ่มจองให้อีกคนในเครื่องนี้ กรุณากรอกเลขของผู้ที่จะจองให้ สิ่งที่เลือกไว้ยังอยู่")


class WrongLink(BookingError):
    code = "wrong_link"
    message = _("ลิงก์นี้เปิดบัตรคิวไม่ได้ กรุณาสแกน QR บนบัตรอีกครั้ง")


class ChooseDepartment(BookingError):
    code = "choose_department"
    message = _("กรุณาเลือกฝ่าย")


class NotFound(BookingError):
    code = "not_found"
    message = _("ไม่พบบัตรคิวนี้ของวันนี้ กรุณาตรวจหมายเลข แล้วลองอีกครั้ง")


class TooManyNames(BookingError):
    code = "too_many_names"
    message = _("พบมากกว่า 8 คิว กรุณาพิมพ์ชื่อให้ยาวขึ้น หรือพิมพ์ชื่อและนามสกุล")


class BeingCalled(BookingError):
    """A colleague, `name`, telephones the member at this moment."""

    code = "being_called"
    message = _("มีเพื่อนร่วมงานกำลังโทรหาสมาชิกท่านนี้")

    def __init__(self, name: str = ""):
        super().__init__()
        self.name = name

    def __str__(self) -> str:
        return str(_("%s กำลังโทรหาสมาชิกท่านนี้") % self.name if self.name else self.message)


class CallAgainTooLate(BookingError):
    """What is offered to the member is kept until `ends_at` only."""

    code = "call_again_too_late"
    message = _("คิวที่เสนอเก็บไว้ไม่ถึงเวลานั้น กรุณาโทรอีกครั้งก่อน")

    def __init__(self, ends_at: dt.datetime | None = None):
        super().__init__()
        self.ends_at = ends_at

    def __str__(self) -> str:
        if self.ends_at is None:
            return super().__str__()
        return str(_("คิวที่เสนอเก็บไว้ถึง %(time)s กรุณาโทรอีกครั้งก่อนเวลานั้น") % {"time": thai.clock(self.ends_at)})


class NoSuchMember(BookingError):
    code = "no_such_member"
    message = _("ไม่พบเลขทะเบียนนี้ กรุณาตรวจเลข หรือเว้นว่างไว้")


class TwoTicketsOfOneDay(BookingError):
    """Both entries of a member hold a live ticket of one department and day: `ticket` is one of them."""

    code = "two_tickets_of_one_day"
    message = _("ทั้งสองรายการมีบัตรคิวของฝ่ายเดียวกันในวันเดียวกัน กรุณายกเลิกใบหนึ่งก่อน แล้วจึงรวม")

    def __init__(self, ticket: "Ticket | None" = None):
        super().__init__()
        self.ticket = ticket


class TwoLineAccounts(BookingError):
    code = "two_line_accounts"
    message = _("ทั้งสองรายการผูกบัญชี LINE ไว้ กรุณาเลิกผูกบัญชีหนึ่งก่อน แล้วจึงรวม")


class PriorityNeedsReason(BookingError):
    code = "priority_reason"
    message = _("กรุณาบอกเหตุผลของคิวพิเศษ")


class NoSuchTicket(BookingError):
    code = "no_such_ticket"
    message = _("ไม่พบบัตรคิวนี้ของวันนี้ กรุณาตรวจหมายเลขบนบัตร")


class NoWaitingList(BookingError):
    """The department keeps none, or the topic takes longer than a time."""

    code = "no_waiting_list"
    message = _("ฝ่ายนี้ไม่มีรายการรอคิวว่างของวันหรือเรื่องที่เลือก กรุณาเลือกวันอื่น")
    api = (MEMBERS,)
    leads_to = Leads.DAYS


class NotFullYet(BookingError):
    """What somebody would wait for can be booked."""

    code = "not_full_yet"
    message = _("ขณะนี้มีคิวว่าง กรุณาเลือกเวลาแล้วจองได้เลย")
    api = (MEMBERS,)
    leads_to = Leads.TIMES


class WaitsTooOften(BookingError):
    """The member waits for as many days as one member may hold tickets."""

    code = "waits_too_often"
    message = _("ท่านรอคิวว่างไว้ครบจำนวนแล้ว หากต้องการรอวันอื่น กรุณาออกจากรายการที่ไม่ใช้ก่อน")
    api = (MEMBERS,)
    leads_to = Leads.DAYS


class AlreadyWaits(BookingError):
    """Somebody has put the member on the day's list before, and nothing proves that it is they who ask now: `entry`."""

    code = "already_waits"
    message = _("ท่านอยู่ในรายการรอของวันนี้แล้ว ดูได้ในเครื่องที่ขอรอไว้ หรือจากลิงก์ในข้อความที่ได้รับ")
    api = (MEMBERS,)
    leads_to = Leads.DAYS

    def __init__(self, entry: "WaitingEntry"):
        super().__init__()
        self.entry = entry


class OfferOver(BookingError):
    """The place is no longer offered to the member."""

    code = "offer_over"
    api = (MEMBERS,)
    message = _("เลยเวลาที่เก็บคิวนี้ไว้ให้ท่านแล้ว คิวนี้เสนอให้ผู้รอคนต่อไป หากยังต้องการ กรุณาขอรอคิวว่างอีกครั้ง")


class NotCarriedOut(BookingError):
    """A fault of ours, with one ticket of many; the log has it, and the others are gone on with."""

    code = "not_carried_out"
    message = _("ระบบขัดข้องกับบัตรคิวใบนี้ ยังไม่มีการเปลี่ยนแปลง กรุณาเปิดบัตรคิวแล้วทำอีกครั้ง หรือแจ้งผู้ดูแลระบบ")


# Every refusal. Pages find the sentence for a code here; one that is missing is found by tests/test_refusals.py.
REFUSALS = (
    SlotFull,
    AlreadyBooked,
    DayClosed,
    WalkInsClosed,
    WindowPassed,
    NotYetOpen,
    NotRegistered,
    BeingCalled,
    CallAgainTooLate,
    MissedTooOften,
    TopicNotOffered,
    IdentityUsed,
    ProofNeeded,
    TooManyBookings,
    TooManyTickets,
    MemberHasTickets,
    WrongState,
    TooEarly,
    NotToday,
    PresenceNeeded,
    CounterBusy,
    TooLateToUndo,
    CounterTaken,
    NotAColleague,
    CounterInUse,
    NotAtCounter,
    ReasonNeeded,
    NotYourDepartment,
    NotReceivedHere,
    NotYourCounter,
    NotServedHere,
    OtherDepartment,
    TooManyMoves,
    NoFreeTime,
    IdempotencyKeyReused,
    NoTimeChosen,
    DayFull,
    WhoFirst,
    WhoAgain,
    AnotherBegun,
    WrongLink,
    ChooseDepartment,
    NotFound,
    TooManyNames,
    NoSuchMember,
    TwoTicketsOfOneDay,
    TwoLineAccounts,
    PriorityNeedsReason,
    NoSuchTicket,
    NoWaitingList,
    NotFullYet,
    WaitsTooOften,
    AlreadyWaits,
    OfferOver,
    NotCarriedOut,
)
BY_CODE = {kind.code: kind for kind in REFUSALS}
