from django.utils.translation import gettext as _


class YearWithoutData(Exception):
    """holidays/data/ has no file for `year`. make.py there writes one."""

    code = "year_without_data"

    def __init__(self, year: int):
        super().__init__(year)
        self.year = year

    def __str__(self) -> str:
        return _("ยังไม่มีข้อมูลวันหยุดของปี พ.ศ. %(year)d กรุณาเพิ่มวันหยุดทีละวัน") % {"year": self.year + 543}
