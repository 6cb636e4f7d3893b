"""What the demo is filled with: the guide's five departments, their hours, five counters with their clerks, and two
hundred members made up."""

import datetime as dt

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from booking import roles
from booking.days import opening
from booking.models import Counter, CounterDepartment, Department, OpeningHours, Topic
from holidays import calendar
from members import line
from members.citizen_id import check_digit, citizen_id_hmac
from members.codes import issue_code
from members.models import LineAccount, Member

FIRST_NUMBER, LAST_NUMBER = 100001, 100200
NOT_REGISTERED = {100199, 100200}
COUNTERS = range(1, 6)
# Whose made-up LINE accounts are linked already.
ON_LINE = [100001, 100002, 100003]

DEPARTMENTS = [
    {
        "slug": "loans",
        "letter": "A",
        "hue": Department.Hue.TEAL,
        "name": "ฝ่ายสินเชื่อ",
        "name_en": "Loans",
        "description": "ขอกู้เงิน และคำนวณสิทธิ์กู้",
        "description_en": "Loans and how much you may borrow",
        "bring": "บัตรประจำตัวประชาชน\nสลิปเงินเดือนเดือนล่าสุด",
        "bring_en": "Your ID card\nYour latest pay slip",
        "quota": 4,
    },
    {
        "slug": "finance",
        "letter": "B",
        "hue": Department.Hue.AMBER,
        "name": "ฝ่ายการเงิน",
        "name_en": "Finance",
        "description": "ฝากเงิน และถอนเงิน",
        "description_en": "Deposits and withdrawals",
        "bring": "บัตรประจำตัวประชาชน\nสมุดบัญชีเงินฝาก",
        "bring_en": "Your ID card\nYour passbook",
        "quota": 6,
    },
    {
        "slug": "administration",
        "letter": "C",
        "hue": Department.Hue.VIOLET,
        "name": "ฝ่ายอำนวยการ",
        "name_en": "Administration",
        "description": "สมัครสมาชิกสหกรณ์และศูนย์ประสานงาน ลาออก และโอนย้าย",
        "description_en": "Joining the cooperative and its coordination centres, leaving, transfers",
        "bring": "บัตรประจำตัวประชาชน\nทะเบียนบ้าน",
        "bring_en": "Your ID card\nYour house registration",
        "quota": 3,
    },
    {
        "slug": "legal",
        "letter": "D",
        "hue": Department.Hue.ROSE,
        "name": "ฝ่ายกฎหมาย",
        "name_en": "Legal",
        "description": "คลินิกคลายทุกข์ พักชำระหนี้ และปรับโครงสร้างหนี้",
        "description_en": "The debt-relief clinic, pausing repayment, restructuring debt",
        "bring": "บัตรประจำตัวประชาชน\nเอกสารสัญญาเงินกู้ (ถ้ามี)",
        "bring_en": "Your ID card\nYour loan contract, if you have it",
        "quota": 2,
    },
    {
        "slug": "funeral-aid",
        "letter": "E",
        "hue": Department.Hue.OLIVE,
        "name": "ฝ่ายสมาคมฌาปนกิจสงเคราะห์",
        "name_en": "Funeral aid association",
        "description": "ทุกเรื่องของสมาคมฌาปนกิจสงเคราะห์",
        "description_en": "Everything of the funeral-aid association",
        "bring": "บัตรประจำตัวประชาชน\nใบมรณบัตร (กรณีขอรับเงินสงเคราะห์)",
        "bring_en": "Your ID card\nThe death certificate, if you claim the aid",
        "quota": 3,
    },
]

# Of one department alone: the others show the way without topics.
TOPICS = {
    "administration": [
        {
            "name": "สมัครสมาชิกใหม่",
            "name_en": "Joining the cooperative",
            "bring": "บัตรประจำตัวประชาชน\nทะเบียนบ้าน\nสลิปเงินเดือนเดือนล่าสุด\nสมุดบัญชีธนาคาร",
            "bring_en": "Your ID card\nYour house registration\nYour latest pay slip\nYour bank book",
        },
        {
            "name": "ลาออก และคืนค่าหุ้น",
            "name_en": "Leaving, and having shares paid back",
            "minutes": 60,
            "bring": "บัตรประจำตัวประชาชน\nสมุดบัญชีธนาคาร\nหนังสือลาออก",
            "bring_en": "Your ID card\nYour bank book\nYour letter of resignation",
        },
        {
            "name": "โอนย้ายสังกัด หรือแก้ไขข้อมูล",
            "name_en": "Transfers and changes of details",
            "online_url": "https://example.org/imember/",
        },
    ]
}

_TITLES = ["นาย", "นาง", "นางสาว"]
_MEN = "สมชาย ประเสริฐ วิชัย สุรชัย อนุชา ธนากร เกรียงไกร ไพโรจน์ เอกชัย โกวิท ณรงค์ ปรีชา มานะ สมบัติ บุญเลิศ".split()
_WOMEN = "สมศรี มาลี วันเพ็ญ สุภาพร เพ็ญศรี กัลยา นงลักษณ์ ใจดี แสงเดือน โสภา รัตนา อรุณี จินตนา ปราณี บุญช่วย".split()
_FAMILIES = (
    "ใจดี ศรีสุข แก้วมณี ทองดี บุญมา วงศ์ษา เจริญสุข แสงทอง รักเรียน ไชยวงศ์ มั่นคง พูลสวัสดิ์ โพธิ์ทอง สุขสวัสดิ์ อินทร์แก้ว ศรีวิไล เพชรรัตน์"
).split()


def citizen_id(member_number: int) -> str:
    """The made-up citizen ID of a demo member: 119900, the member number, and the right check digit."""
    first_twelve = f"119900{member_number}"
    return first_twelve + check_digit(first_twelve)


def phone(member_number: int) -> str:
    """The made-up telephone number of a demo member."""
    return f"08{member_number:08d}"


def example_ids() -> list[str]:
    """Two citizen IDs that may be tried out; the page shows them in demo mode only."""
    return [citizen_id(FIRST_NUMBER), citizen_id(FIRST_NUMBER + 1)]


def example_ids_to_link() -> list[str]:
    """Two citizen IDs of members without a LINE account: a link that ends no other needs no clerk's code."""
    numbers = [str(number) for number in range(FIRST_NUMBER, LAST_NUMBER + 1)]
    free = Member.objects.filter(member_number__in=numbers, is_registered=True, line_account=None)
    return [citizen_id(int(number)) for number in free.values_list("member_number", flat=True)[:2]]


def example_code(member: Member) -> str:
    """A clerk's code for a member; the page shows it in demo mode only. "" where nobody of the staff is left."""
    clerk = get_user_model().objects.filter(is_staff=True, is_active=True).first()
    return issue_code(member=member, by=clerk) if clerk else ""


@transaction.atomic
def seed() -> None:
    """Fill in what is missing of the demo data; what is there already, changed or not, stays as it is."""
    _seed_holidays()
    _seed_departments()
    _seed_counters()
    _seed_members()
    _seed_staff()
    _seed_line_accounts()
    opening.rules_changed()


def _seed_holidays() -> None:
    this_year = timezone.localdate().year
    for year in (this_year, this_year + 1):
        if year not in calendar.years_with_data():
            continue
        drafts = calendar.load_year(year)
        calendar.confirm([holiday for holiday in drafts if not holiday.is_optional])


def _seed_departments() -> None:
    for position, facts in enumerate(DEPARTMENTS, start=1):
        facts = dict(facts)
        quota = facts.pop("quota")
        department, created = Department.objects.get_or_create(
            slug=facts.pop("slug"), defaults=facts | {"position": position}
        )
        if not created:
            continue
        for nth, topic in enumerate(TOPICS.get(department.slug, []), start=1):
            Topic.objects.create(department=department, position=nth, **topic)
        for weekday in range(5):
            OpeningHours.objects.create(
                department=department,
                weekday=weekday,
                opens=dt.time(8, 30),
                closes=dt.time(15, 30),
                break_starts=dt.time(12),
                break_ends=dt.time(13),
                slot_minutes=30,
                quota=quota,
            )


def _seed_counters() -> None:
    """Each counter serves all departments, each another one first. Nobody sits there until they sign in."""
    departments = list(
        Department.objects.filter(slug__in=[facts["slug"] for facts in DEPARTMENTS]).order_by("position")
    )
    for nth, number in enumerate(COUNTERS):
        counter, created = Counter.objects.get_or_create(number=number)
        if not created or not departments:
            continue
        own_first = nth % len(departments)
        for position, department in enumerate(departments[own_first:] + departments[:own_first]):
            CounterDepartment.objects.create(counter=counter, department=department, position=position)


def _seed_members() -> None:
    known = set(Member.objects.values_list("member_number", flat=True))
    numbers = range(FIRST_NUMBER, LAST_NUMBER + 1)
    Member.objects.bulk_create(_made_up_member(number) for number in numbers if str(number) not in known)


def _made_up_member(number: int) -> Member:
    nth = number - FIRST_NUMBER
    title = _TITLES[nth % 3]
    given = _MEN if title == "นาย" else _WOMEN
    return Member(
        member_number=str(number),
        citizen_id_hmac=citizen_id_hmac(citizen_id(number)),
        title=title,
        given_name=given[(nth // 3) % len(given)],
        family_name=_FAMILIES[nth % len(_FAMILIES)],
        phone=phone(number),
        is_registered=number not in NOT_REGISTERED,
    )


def _seed_staff() -> None:
    users = get_user_model().objects
    clerks = [(f"counter{number}", roles.CLERK, f"เจ้าหน้าที่สาธิต {number}") for number in COUNTERS]
    for username, group, first_name in [("manager", roles.MANAGER, "ผู้จัดการสาธิต"), *clerks]:
        if users.filter(username=username).exists():
            continue
        user = users.create_user(username, password=settings.DEMO_PASSWORD, first_name=first_name, is_staff=True)
        user.groups.add(Group.objects.get(name=group))


def line_user_id(member_number: int) -> str:
    """The LINE user whom the demo's fake LINE takes for this member (queuesite/demo/fake_line.py says the same)."""
    return f"U{member_number:032d}"


def _seed_line_accounts() -> None:
    if settings.LINE_API_BASE == line.LINE_API and settings.LINE_CHANNEL_ACCESS_TOKEN:
        return  # LINE's own servers are never asked for users who are made up
    for number in ON_LINE:
        member = Member.objects.get(member_number=str(number))
        is_linked = LineAccount.objects.filter(Q(member=member) | Q(user_id=line_user_id(number))).exists()
        if not is_linked:
            LineAccount.objects.create(
                member=member, user_id=line_user_id(number), linked_at=timezone.now(), proved_by="code"
            )
