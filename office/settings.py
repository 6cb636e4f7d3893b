"""Every setting of the office, one row each. Read them from `office`: `office.phone`.

The first value of each is what the environment says (`.env.example`); the back office changes it from then on. Limits
can only be made tighter than the environment has them. Secrets, addresses of servers, what proves a member and the
second factor are not here: whoever runs the machine answers for them.
"""

from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from office.kinds import Address, AtMost, Colour, Picture, Switch, Telephone, Words
from office.kinds import Kind as Kind

FACTS, LOOKS, LIMITS, SLIP = "facts", "looks", "limits", "slip"
SECTIONS = {
    FACTS: _("สำนักงาน"),
    LOOKS: _("ตราและสี"),
    LIMITS: _("ขีดจำกัดและการเก็บข้อมูล"),
    SLIP: _("บัตรคิวที่พิมพ์"),
}


def _none() -> str:
    return ""


def tries(scope: str) -> int:
    """How many look-ups the environment allows: the first number of "10/900"."""
    return int(settings.LOOKUP_LIMITS[scope].split("/")[0])


class Office:
    name_th = Words(FACTS, _("ชื่อสำนักงาน"), first=lambda: settings.OFFICE_NAME)
    name_en = Words(FACTS, _("ชื่อสำนักงาน (อังกฤษ)"), first=lambda: settings.OFFICE_NAME_EN)
    phone = Telephone(
        FACTS, _("โทรศัพท์"), first=lambda: settings.OFFICE_PHONE, longest=60, hint=_("แสดงท้ายทุกหน้าของสมาชิก แตะแล้วโทรได้")
    )
    address = Words(
        FACTS,
        _("ที่อยู่"),
        first=lambda: settings.OFFICE_ADDRESS,
        longest=300,
        hint=_("แสดงท้ายทุกหน้า ในข้อความถึงสมาชิก และในปฏิทิน"),
    )
    map_url = Address(FACTS, _("ลิงก์แผนที่"), first=_none, longest=300, hint=_("เช่น ลิงก์จาก Google Maps สมาชิกแตะเพื่อดูทางมา"))
    privacy_contact = Words(
        FACTS,
        _("ผู้ดูแลข้อมูลส่วนบุคคล"),
        first=_none,
        longest=200,
        hint=_("ชื่อหรือตำแหน่ง โทรศัพท์ อีเมล แสดงในหน้าข้อมูลส่วนบุคคล"),
    )
    privacy_words = Words(
        FACTS,
        _("ข้อความเพิ่มในหน้าข้อมูลส่วนบุคคล"),
        first=_none,
        longest=1000,
        lines=4,
        hint=_("เช่น ฐานทางกฎหมาย หรือลิงก์นโยบายของสหกรณ์"),
    )
    login_url = Address(FACTS, _("ลิงก์เข้าสู่ระบบไอเมมเบอร์"), first=lambda: settings.IMEMBER_LOGIN_URL, longest=300)
    register_url = Address(FACTS, _("ลิงก์สมัครไอเมมเบอร์"), first=lambda: settings.IMEMBER_REGISTER_URL, longest=300)
    forgot_url = Address(FACTS, _("ลิงก์ลืมรหัสผ่านไอเมมเบอร์"), first=lambda: settings.IMEMBER_FORGOT_URL, longest=300)

    logo = Picture(LOOKS, _("ตรา"), first=_none)
    colour_book = Colour(LOOKS, _("สีของปุ่ม จองคิว"), first=_none, hint=_("เว้นว่างไว้ ใช้สีน้ำเงินของระบบ"))
    colour_login = Colour(LOOKS, _("สีของปุ่ม เข้าสู่ระบบไอเมมเบอร์"), first=_none, hint=_("เว้นว่างไว้ ใช้สีม่วงของระบบ"))
    colour_line = Colour(LOOKS, _("สีของเส้นใต้หัวหน้าเว็บ"), first=_none, hint=_("เว้นว่างไว้ ใช้เส้นสีเทา"))

    bookings_live = AtMost(LIMITS, _("บัตรคิวที่สมาชิกหนึ่งคนถือพร้อมกันได้ (ใบ)"), first=lambda: settings.BOOKING_LIMITS["live"])
    bookings_of_day = AtMost(
        LIMITS, _("จองและย้ายของสมาชิกหนึ่งคนใน 24 ชั่วโมง (ครั้ง)"), first=lambda: settings.BOOKING_LIMITS["day"]
    )
    bookings_of_device = AtMost(
        LIMITS, _("จองจากเครื่องเดียวใน 1 ชั่วโมง (ครั้ง)"), first=lambda: settings.BOOKING_LIMITS["device"]
    )
    bookings_of_address = AtMost(
        LIMITS,
        _("จองจากอินเทอร์เน็ตจุดเดียวใน 1 ชั่วโมง (ครั้ง)"),
        first=lambda: settings.BOOKING_LIMITS["address"],
        hint=_("เกินจากนี้ยังจองได้ แต่ต้องยืนยันตัวตน โรงเรียนทั้งแห่งอาจเป็นจุดเดียวกัน"),
    )
    moves = AtMost(LIMITS, _("สมาชิกย้ายบัตรคิวใบเดิมได้ (ครั้ง)"), first=lambda: settings.MOST_MOVES)
    lookups_of_identifier = AtMost(
        LIMITS, _("ค้นหาด้วยเลขเดียวกันในช่วงหนึ่ง (ครั้ง)"), first=lambda: tries("identifier"), least=3
    )
    lookups_of_device = AtMost(LIMITS, _("ค้นหาจากเครื่องเดียวในช่วงหนึ่ง (ครั้ง)"), first=lambda: tries("device"), least=3)
    lookups_of_address = AtMost(
        LIMITS, _("ค้นหาจากอินเทอร์เน็ตจุดเดียวในช่วงหนึ่ง (ครั้ง)"), first=lambda: tries("address"), least=10
    )
    lookups_of_network = AtMost(
        LIMITS, _("ค้นหาจากเครือข่าย IPv6 เดียวในช่วงหนึ่ง (ครั้ง)"), first=lambda: tries("network"), least=10
    )
    cards_of_day = AtMost(
        LIMITS,
        _("ข้อความเรื่องการจองของสมาชิกเองใน 24 ชั่วโมง (ข้อความ)"),
        first=lambda: settings.LINE_CARDS_A_DAY,
        hint=_("การเรียกคิวและเรื่องที่สหกรณ์เปลี่ยน ส่งเสมอ"),
    )
    keeps_names_days = AtMost(
        LIMITS,
        _("เก็บชื่อสมาชิกไว้กับบัตรคิวที่ผ่านไปแล้ว (วัน)"),
        first=lambda: settings.UNLINK_AFTER_DAYS,
        least=7,
        hint=_("พ้นแล้วบัตรคิวเหลือไว้นับสถิติเท่านั้น ลดลงแล้วชื่อที่ลบไปจะเอากลับมาไม่ได้"),
    )
    keeps_history_days = AtMost(
        LIMITS,
        _("เก็บประวัติการแก้ไขข้อมูลสมาชิก (วัน)"),
        first=lambda: settings.KEEP_HISTORY_DAYS,
        least=30,
        hint=_("ใครแก้ไขชื่อหรือโทรศัพท์ของสมาชิกเมื่อใด ลบแล้วเอากลับมาไม่ได้"),
    )
    keeps_log_ins_days = AtMost(
        LIMITS,
        _("เก็บบันทึกการเข้าสู่ระบบของเจ้าหน้าที่ (วัน)"),
        first=lambda: settings.KEEP_LOG_INS_DAYS,
        least=90,
        hint=_("ชื่อผู้ใช้ ที่อยู่อินเทอร์เน็ต และเวลา ของทุกครั้งที่เข้าสู่ระบบหรือพยายาม"),
    )
    keeps_files_days = AtMost(
        LIMITS,
        _("เก็บรายการไฟล์สมาชิกที่นำเข้าแล้ว (วัน)"),
        first=lambda: settings.KEEP_FILES_DAYS,
        least=7,
        hint=_("จำนวนใหม่ เปลี่ยน หายไป และแถวที่ผิดตามที่พิมพ์มา ตัวไฟล์เองไม่เก็บเมื่อนำเข้าแล้ว"),
    )
    keeps_line_events_days = AtMost(
        LIMITS,
        _("เก็บเลขเหตุการณ์จาก LINE (วัน)"),
        first=lambda: settings.KEEP_LINE_EVENTS_DAYS,
        least=3,
        hint=_("เพียงเลขที่กันไม่ให้ทำเรื่องเดียวกันซ้ำ ไม่มีข้อความ LINE ส่งเหตุการณ์เดิมซ้ำได้หลายวัน"),
    )
    keeps_lookup_counts_days = AtMost(
        LIMITS,
        _("เก็บจำนวนครั้งที่ค้นหาสมาชิกไม่พบ (วัน)"),
        first=lambda: settings.KEEP_LOOKUP_COUNTS_DAYS,
        least=29,
        hint=_("นับรายชั่วโมง ไม่รู้ว่าเป็นของผู้ใด ใช้เทียบกับสี่สัปดาห์ก่อนว่ามีใครเดาเลขหรือไม่"),
    )
    log_in_failures = AtMost(
        LIMITS, _("เจ้าหน้าที่ใส่รหัสผ่านผิดจากที่เดียวกันได้ (ครั้ง)"), first=lambda: settings.LOGIN_FAILURE_LIMIT, least=3
    )
    log_ins_of_name = AtMost(
        LIMITS, _("ใส่รหัสผ่านผิดของชื่อเดียวจากทุกที่ (ครั้ง)"), first=lambda: settings.LOGIN_LIMIT_NAME, least=10
    )
    log_ins_of_address = AtMost(
        LIMITS, _("ลองชื่อผู้ใช้จากที่เดียวกันได้ (ชื่อ)"), first=lambda: settings.LOGIN_LIMIT_ADDRESS, least=5
    )
    idle_minutes = AtMost(
        LIMITS, _("ออกจากระบบหลังบ้านเองเมื่อไม่ได้ใช้ (นาที)"), first=lambda: settings.STAFF_IDLE_MINUTES, least=5
    )

    slip_logo = Switch(SLIP, _("พิมพ์ตรา"), first=lambda: False)
    slip_wait = Switch(SLIP, _("พิมพ์เวลารอโดยประมาณ"), first=lambda: True)
    slip_qr = Switch(SLIP, _("พิมพ์ QR ให้ดูคิวทางโทรศัพท์"), first=lambda: True)
    slip_bring = Switch(SLIP, _("พิมพ์สิ่งที่ต้องนำมา"), first=lambda: False)
    slip_words = Words(SLIP, _("ข้อความท้ายบัตร"), first=_none, longest=200, lines=2)
    slip_words_en = Words(SLIP, _("ข้อความท้ายบัตร (อังกฤษ)"), first=_none, longest=200, lines=2)

    @property
    def name(self) -> str:
        """The office's name in the language of the page."""
        return (self.name_en or self.name_th) if get_language() == "en" else self.name_th

    @property
    def slip_closing(self) -> str:
        return (self.slip_words_en or self.slip_words) if get_language() == "en" else self.slip_words


office = Office()
ROWS: dict[str, Kind[Any]] = {name: row for name, row in vars(Office).items() if isinstance(row, Kind)}
