"""Every Thai sentence of the program has an English one, and what is compiled is what is written.

To bring locale/ up to date (gettext has to be installed):

    python manage.py makemessages -l en --no-location --no-wrap -i .venv -i var -i tests -i bench
    (write the English into locale/en/LC_MESSAGES/django.po)
    python manage.py compilemessages -l en
"""

import ast
import re
from pathlib import Path

import polib
import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
APPS = ["booking", "holidays", "members", "office", "queuesite"]
CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
TEXT = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
# The first is a plain one; of the second, which has a context before it, the sentence is what counts.
IN_TEMPLATE = re.compile(rf"\bn?(?:_|gettext)\({TEXT}")
IN_CONTEXT = re.compile(rf"\bpgettext\({TEXT}, {TEXT}")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\}|<[^>]+>")


def sentences_of_code() -> set[str]:
    found = set()
    for path in (path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", None) not in CALLS:
                continue
            found |= {
                argument.value
                for argument in node.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            }
    return found


def sentences_of_templates() -> set[str]:
    found = set()
    for path in (ROOT / "templates").rglob("*.html"):
        written = templatize(path.read_text())
        found |= {ast.literal_eval(text) for text in IN_TEMPLATE.findall(written)}
        found |= {ast.literal_eval(text) for _context, text in IN_CONTEXT.findall(written)}
    return found


def catalogue(language="en"):
    return polib.pofile(ROOT / "locale" / language / "LC_MESSAGES" / "django.po")


@pytest.mark.parametrize("sentences", [sentences_of_code, sentences_of_templates])
def test_every_sentence_has_an_english_one(sentences):
    used = sentences()
    assert len(used) > 80
    assert sorted(used - {entry.msgid for entry in catalogue() if entry.translated()}) == []


def test_nothing_is_half_translated():
    assert [entry.msgid for entry in catalogue() if not entry.translated() or entry.fuzzy] == []


def test_a_translation_keeps_what_is_filled_in():
    differing = [
        entry.msgid
        for entry in catalogue()
        for text in [entry.msgstr, *entry.msgstr_plural.values()]
        if text and sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(entry.msgid))
    ]
    assert differing == []


@pytest.mark.parametrize("language", ["en", "th"])
def test_what_is_compiled_is_what_is_written(language):
    compiled = polib.mofile(ROOT / "locale" / language / "LC_MESSAGES" / "django.mo")

    def texts(entries):
        return {(entry.msgctxt, entry.msgid): (entry.msgstr, entry.msgstr_plural) for entry in entries}

    assert texts(compiled) == texts(entry for entry in catalogue(language) if entry.translated() and not entry.obsolete)


def test_english_pages_are_english(client, db):
    client.cookies["django_language"] = "en"
    for address in ("/", "/status/", "/tickets/", "/guide/", "/t/unknown/", "/nothing/"):
        said = re.sub(r"<button[^>]*lang=\"th\">[^<]*|<p>[^<]*\(ตัวอย่าง\)", "", client.get(address).content.decode())
        thai = [text for text in re.findall(r"[\u0e00-\u0e7f]+", said) if text != "จองคิวออนไลน์"]
        assert not thai, address


def test_no_english_is_left_of_what_is_no_longer_said():
    said = sentences_of_code() | sentences_of_templates()

    assert sorted(entry.msgid for entry in catalogue() if entry.msgid not in said) == []
