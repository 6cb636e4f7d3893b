"""What the board shows and says: the calls of today, how many wait, the notices, and the words of a call.

Reads, each in a fixed number of queries. Numbers and counters only: no names, nothing that opens a ticket.
"""

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from booking import prepared
from booking.calling import order
from booking.models import Counter, Department
from booking.models.tickets import code_of

# Those that are current come first, so that a board shows each counter that is calling, and one that had lost its line
# learns of every call.
MOST_CALLS = 40

BEFORE_NUMBER, BEFORE_COUNTER, LAST_WORD = "ขอเชิญหมายเลข", "ที่ช่องบริการ", "ค่ะ"
DIGITS = "ศูนย์ หนึ่ง สอง สาม สี่ ห้า หก เจ็ด แปด เก้า".split()
TENS, TWO_BEFORE_TENS, ONE_AFTER_TENS = "สิบ", "ยี่", "เอ็ด"
TEST = "ทดสอบเสียง เสียงพร้อมแล้วค่ะ"


@dataclass(frozen=True)
class Call:
    """A call as everybody may see it. `is_current`: the member has not come yet."""

    number: str
    counter: int
    department: str
    hue: str
    called_at: dt.datetime
    is_current: bool

    @property
    def key(self) -> str:
        """Names this call: a recall is another one."""
        return f"{self.number}.{int(self.called_at.timestamp() * 1000)}"

    @property
    def words(self) -> list[str]:
        """What a voice says, each a clip that staff may record: ขอเชิญหมายเลข A ศูนย์ หนึ่ง สอง ที่ช่องบริการ สาม ค่ะ"""
        return words_of(self.number, self.counter)


def calls(department: Department | None = None) -> list[Call]:
    """Today's calls that hold, newest first; of one department, those out of its queue. One query.

    A call that was undone, put back or sent on is none any more.
    """
    asked = {"today": timezone.localdate(), "department": department and department.pk, "most": MOST_CALLS}
    return [
        Call(
            number=code_of(letter, number),
            counter=counter,
            department=slug,
            hue=hue,
            called_at=called_at,
            is_current=is_current,
        )
        for called_at, _pk, is_current, number, letter, hue, slug, counter in sorted(
            prepared.rows(CALLS, asked), reverse=True
        )
    ]


CALLS = """
SELECT called_at, ticket.id, state = 'called' AS is_current, ticket.number, issuer.letter, issuer.hue, queue.slug,
       counter.number
  FROM booking_ticket ticket
  JOIN booking_department issuer ON issuer.id = ticket.department_id
  JOIN booking_department queue ON queue.id = ticket.queue_id
  JOIN booking_counter counter ON counter.id = ticket.counter_id
 WHERE date = %(today)s AND called_at IS NOT NULL AND state <> 'cancelled'
   AND (%(department)s::bigint IS NULL OR queue_id = %(department)s::bigint)
 ORDER BY is_current DESC, called_at DESC, ticket.id DESC
 LIMIT %(most)s
"""


def waiting_by_department() -> dict[int, int]:
    """How many wait to be called, by the id of the department in whose queue they stand; one query."""
    return {pk: waiting for pk, kinds in order.counts().items() if (waiting := kinds.get("waiting"))}


def needed_words() -> list[str]:
    """Every word that the board may have to say in this office; two queries."""
    letters = Department.objects.active().order_by("letter").values_list("letter", flat=True)
    numbers = Counter.objects.filter(is_active=True).order_by("number").values_list("number", flat=True)
    words = [BEFORE_NUMBER, BEFORE_COUNTER, LAST_WORD, *"".join(letters), *DIGITS]
    for number in numbers:
        words += counted(number)
    return list(dict.fromkeys(words))


def words_of(number: str, counter: int) -> list[str]:
    said = [DIGITS[int(sign)] if sign.isdecimal() else sign for sign in number]
    return [BEFORE_NUMBER, *said, BEFORE_COUNTER, *counted(counter), LAST_WORD]


def counted(number: int) -> list[str]:
    """A number as one counts in Thai, up to 99 (21: ยี่ สิบ เอ็ด); above, its digits."""
    if number > 99:
        return [DIGITS[int(digit)] for digit in str(number)]
    tens, ones = divmod(number, 10)
    words = []
    if tens > 1:
        words.append(TWO_BEFORE_TENS if tens == 2 else DIGITS[tens])
    if tens:
        words.append(TENS)
    if ones or not tens:
        words.append(ONE_AFTER_TENS if ones == 1 and tens else DIGITS[ones])
    return words
