"""What is missing in a form is said by the page, in its language: never by the browser's bubble."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = Path(settings.BASE_DIR) / "templates"
ASKED_BY_BROWSERS = re.compile(
    r"\brequired\b|\bminlength=|\bpattern=|type=\"(email|number|url)\"|_new_password\.html|_walk_in_fields\.html"
)
PAGES = [
    path
    for folder in ("booking", "counter", "kiosk")
    for path in sorted((TEMPLATES / folder).rglob("*.html"))
    if "<form" in path.read_text()
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_forms_that_browsers_would_check_are_sent_as_they_are(path):
    forms = re.findall(r"<form\b(.*?)>(.*?)</form>", path.read_text().replace("->", ""), flags=re.DOTALL)
    checked = [tag for tag, inside in forms if ASKED_BY_BROWSERS.search(inside)]
    assert [tag for tag in checked if "novalidate" not in tag] == []


def test_there_are_such_forms():
    assert sum(bool(ASKED_BY_BROWSERS.search(path.read_text())) for path in PAGES) >= 8
