"""Names: put together, and masked."""

import unicodedata

from members.thai_text import normalised

DOTS = "•••"
LEADING_VOWELS = "เแโใไ"
SARA_AM = "ำ"


def full_name(title: str, given_name: str, family_name: str) -> str:
    """The name as it is written: a Thai title touches the given name, any other stands apart."""
    given = given_name.strip()
    if title.strip():
        given = _with_title(title, given)
    return f"{given} {family_name.strip()}".strip()


def masked_name(title: str, given_name: str, family_name: str) -> str:
    """The title, then the first letter cluster of each name and always the same number of dots.

    "นาย", "เกียรติ", "ใจดี" gives "นายเกี••• ใจ•••". How long a name is does not show.
    """
    return full_name(title, _masked(given_name), _masked(family_name))


def first_cluster(name: str) -> str:
    """The first letter with everything that belongs to it: vowels before it, marks above and below, สระอำ."""
    letters = [letter for letter in normalised(name).strip() if unicodedata.category(letter) != "Cf"]
    end = 0
    while end < len(letters) and letters[end] in LEADING_VOWELS:
        end += 1
    end += 1
    while end < len(letters) and (unicodedata.category(letters[end])[0] == "M" or letters[end] == SARA_AM):
        end += 1
    return "".join(letters[:end])


def _masked(name: str) -> str:
    cluster = first_cluster(name)
    return cluster + DOTS if cluster else ""


def _with_title(title: str, given: str) -> str:
    title = title.strip()
    thai = "\u0e00" <= title[0] <= "\u0e7f"
    return f"{title}{given}" if thai else f"{title} {given}"
