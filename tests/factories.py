"""Rows for tests, each with a default for everything. A test names only what it depends on."""

import datetime as dt
from itertools import count, cycle

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from booking import verbs
from booking.days import opening
from booking.models import Counter, CounterDepartment, DayException, Department, OpeningHours, Slot, Ticket, Topic
from booking.verbs import seats
from holidays.models import Holiday
from members.citizen_id import check_digit, citizen_id_hmac
from members.models import Member

_sequence = count(1)
# Counters have numbers of their own: a test that says a small number itself never meets one, and the column is a small
# integer, which the sequence of everything would outgrow in a long run.
_counter_numbers = cycle(range(1000, 30000))
# Given out in this order, so that departments stand in the order in which they were made. Tests that name a letter name
# one of the first five.
_LETTERS = "FGHIJKLMNOPQRSTUVWXYZABCDE"


def make_department(*, slug=None, letter=None, name="ฝ่ายสินเชื่อ", max_days_ahead=5, **fields) -> Department:
    """A department without hours, so without places. It issues tickets to walk-ins as early as anybody asks."""
    in_use = set(Department.objects.values_list("letter", flat=True))
    return Department.objects.create(
        slug=slug or f"department-{next(_sequence)}",
        letter=letter or next(letter for letter in _LETTERS if letter not in in_use),
        name=name,
        max_days_ahead=max_days_ahead,
        **{"walk_ins_minutes_before_opening": 12 * 60} | fields,
    )


def make_open_department(
    *,
    quota=4,
    weekdays=range(7),
    opens=dt.time(8, 30),
    closes=dt.time(15, 30),
    slot_minutes=30,
    break_starts=None,
    break_ends=None,
    **fields,
) -> Department:
    """A department that is open on `weekdays`, its places laid out."""
    department = make_department(**fields)
    OpeningHours.objects.bulk_create(
        OpeningHours(
            department=department,
            weekday=weekday,
            opens=opens,
            closes=closes,
            break_starts=break_starts,
            break_ends=break_ends,
            slot_minutes=slot_minutes,
            quota=quota,
        )
        for weekday in weekdays
    )
    opening.rules_changed([department])
    return department


def change(department, **fields) -> None:
    """Change a department as its form does: the days are laid out anew."""
    for name, value in fields.items():
        setattr(department, name, value)
    department.save(update_fields=list(fields))
    opening.rules_changed([department])


def make_holiday(*, days_ahead=1, date=None, name="วันหยุด", is_confirmed=True, **fields) -> Holiday:
    """A holiday of the whole office, in force, its places taken away."""
    holiday = Holiday.objects.create(date=date or in_days(days_ahead), name=name, is_confirmed=is_confirmed, **fields)
    opening.rules_changed()
    return holiday


def make_exception(
    *departments, days_ahead=1, date=None, until=None, start=None, quota=0, hours=None, reason="", **fields
) -> DayException:
    """A stretch that differs from the weekly hours, of these departments, of the whole office where there are none:
    closed where `quota` is 0. `start` is the half hour that begins then, `hours` are other hours (opens, closes)."""
    first = date or in_days(days_ahead)
    if isinstance(start, str):
        start = dt.time.fromisoformat(start)
    if start:
        ends = (dt.datetime.combine(first, start) + dt.timedelta(minutes=30)).time()
        fields = {"starts": start, "ends": ends} | fields
    if hours:
        fields = {
            "kind": "hours",
            "starts": hours[0],
            "ends": hours[1],
            "slot_minutes": 30,
            "quota": quota or 4,
        } | fields
    else:
        fields = {"kind": "quota" if quota else "closed", "quota": quota or None} | fields
    exception = DayException.objects.create(
        first_date=first, last_date=until or first, is_office=not departments, reason=reason, **fields
    )
    exception.departments.set(departments)
    opening.rules_changed()
    return exception


def make_slot(*, department=None, days_ahead=1, nth=0, **fields) -> Slot:
    """The nth slot of a day of an open department; `fields` are those of make_open_department."""
    department = department or make_open_department(**fields)
    return Slot.objects.of_day(department, in_days(days_ahead))[nth]


def make_member(
    *,
    member_number=None,
    is_registered=True,
    title="นาง",
    given_name="สมศรี",
    family_name="ใจดี",
    phone="0812345678",
    citizen_id=None,
    **fields,
) -> Member:
    nth = next(_sequence)
    return Member.objects.create(
        member_number=member_number or str(500000 + nth),
        citizen_id_hmac=citizen_id_hmac(citizen_id or make_citizen_id(nth)),
        title=title,
        given_name=given_name,
        family_name=family_name,
        phone=phone,
        is_registered=is_registered,
        **fields,
    )


def make_citizen_id(nth=None) -> str:
    first_twelve = f"3{next(_sequence) if nth is None else nth:011d}"
    return first_twelve + check_digit(first_twelve)


def make_ticket(*, member=None, slot=None, key=None, by=None, **slot_fields) -> Ticket:
    """A ticket booked the way members book."""
    booking = verbs.book(
        member_id=(member or make_member()).pk,
        slot_id=(slot or make_slot(**slot_fields)).pk,
        key=key or f"key-{next(_sequence)}",
        by=by,
    )
    return Ticket.objects.with_details().get(pk=booking.ticket_id)


def make_walk_in(*, department=None, by=None, **fields) -> Ticket:
    """A ticket issued at the office to somebody who came without one."""
    return verbs.walk_in(department=department or make_open_department(), by=by, **fields)


def make_counter(*, departments=(), clerk=None, number=None) -> Counter:
    """A counter that serves `departments` in this order, with a clerk sitting at it."""
    counter = Counter.objects.create(number=number or next(_counter_numbers))
    for position, department in enumerate(departments):
        CounterDepartment.objects.create(counter=counter, department=department, position=position)
    return seats.sign_in(counter=counter, by=clerk or make_user())


def make_user(*, username=None, group=None, is_staff=True, password="a-long-password-2569", **fields):
    user = get_user_model().objects.create_user(
        username or f"user{next(_sequence)}", password=password, is_staff=is_staff, **fields
    )
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def in_days(days: int) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=days)


def make_topic(*, department, name="ขอกู้สามัญ", **fields) -> Topic:
    return Topic.objects.create(department=department, name=name, **fields)
