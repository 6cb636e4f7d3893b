"""Member numbers that a spreadsheet took for numbers: 004501 became 4501.

A number without its leading zeros is its significant digits. They find a member if no number is exactly what was typed,
and if they belong to one member only.
"""

from collections import Counter
from collections.abc import Iterable

MAX_WIDTH = 12


def significant(number: str) -> str:
    """The digits without the zeros in front; "" for nothing but zeros."""
    return number.lstrip("0")


def padded(number: str, width: int | None) -> str:
    """With leading zeros up to the office's width (None: it has none). A longer number stays as it is."""
    return number.zfill(width or 0)


def proposed_width(numbers: Iterable[str]) -> int | None:
    """The width that these numbers seem to have: that of the numbers that kept their zeros, else the most frequent.
    None if that says nothing: there are no numbers, or as many widths as magnitudes."""
    with_zeros: Counter[int] = Counter()
    all_of_them: Counter[int] = Counter()
    for number in numbers:
        all_of_them[len(number)] += 1
        with_zeros[len(number)] += number.startswith("0")
    with_zeros = +with_zeros
    if with_zeros:
        return with_zeros.most_common(1)[0][0]
    if not all_of_them:
        return None
    width, count = all_of_them.most_common(1)[0]
    return width if width == max(all_of_them) and count * 2 >= all_of_them.total() else None
