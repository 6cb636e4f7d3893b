from booking.models.alarms import Alarm, AlarmChoice, AlarmTelling, StaffLine, StaffLineCode
from booking.models.board import BoardNotice, Clip
from booking.models.counters import Counter, CounterDepartment, Pace, QueueVersion, SeatEvent, WaitSpread
from booking.models.days import DepartmentDay
from booking.models.departments import Department
from booking.models.erasures import Erasure
from booking.models.exceptions import DayException
from booking.models.hours import OpeningHours, QuotaOverride
from booking.models.jobs import JobRun, KeyInUse
from booking.models.no_shows import ForgivenNoShows
from booking.models.notices import MessageChoice, Notice, NoticeCall
from booking.models.places import Place, Slot
from booking.models.profiles import CounterProfile, ProfileCounter, ProfileSwitch
from booking.models.settling import SettledTicket, Settlement
from booking.models.staff import StaffDepartment, StaffEvent
from booking.models.summaries import HourSummary, MessageSummary, SummarisedDay, TicketSummary
from booking.models.surges import ProofAsked
from booking.models.tallies import Tally
from booking.models.tickets import Ticket, TicketEvent, WaitPrediction
from booking.models.tokens import StaffToken
from booking.models.topics import Topic
from booking.models.visits import VisitCount
from booking.models.waiting import OfferMessage, WaitingEntry

__all__ = [
    "Erasure",
    "Alarm",
    "AlarmChoice",
    "AlarmTelling",
    "BoardNotice",
    "Clip",
    "Counter",
    "CounterDepartment",
    "CounterProfile",
    "DayException",
    "Department",
    "DepartmentDay",
    "ForgivenNoShows",
    "HourSummary",
    "JobRun",
    "KeyInUse",
    "MessageChoice",
    "MessageSummary",
    "Notice",
    "NoticeCall",
    "OfferMessage",
    "OpeningHours",
    "Pace",
    "Place",
    "ProfileCounter",
    "ProfileSwitch",
    "ProofAsked",
    "QueueVersion",
    "QuotaOverride",
    "SeatEvent",
    "SettledTicket",
    "Settlement",
    "Slot",
    "StaffDepartment",
    "StaffEvent",
    "StaffLine",
    "StaffLineCode",
    "StaffToken",
    "SummarisedDay",
    "Tally",
    "Ticket",
    "TicketEvent",
    "TicketSummary",
    "Topic",
    "VisitCount",
    "WaitPrediction",
    "WaitSpread",
    "WaitingEntry",
]
