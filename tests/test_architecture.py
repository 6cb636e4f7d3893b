"""What the contracts of import-linter (pyproject.toml) cannot say of the house."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_holidays_package_is_not_installed_beside_our_app():
    import holidays

    assert Path(holidays.__file__).parent == ROOT / "holidays"


DECISIONS = (ROOT / "docs/decisions.md").read_text()
BELOW_THE_ORM = re.compile(
    r"\.cursor\(|Cursor\(|\.raw\(|RawSQL\(|connection\.execute\(|\.extra\(|prepared\.(?:first_row|rows)\("
)


def test_what_stands_below_the_orm_is_listed():
    table = DECISIONS.partition("below the ORM")[2].partition("Besides these")[0]
    listed = set(re.findall(r"`([\w/]+\.py)`", table)) - {"tests/test_architecture.py"}
    found = {
        str(path.relative_to(ROOT))
        for app in ("booking", "members", "holidays", "office", "queuesite")
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts and BELOW_THE_ORM.search(path.read_text())
    }
    assert found == listed


# A form as a whole goes to a Django form; a field of it is read by booking/views/sent.py.
BY_HAND = re.compile(r"request\.POST(?:\.|\[)| in request\.POST")


def test_what_a_form_sent_is_read_in_one_place():
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "booking").rglob("*.py")
        if BY_HAND.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"booking/views/sent.py"}
