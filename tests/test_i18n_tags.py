"""Our tag for texts says what Django's says, in each language, however often it is drawn."""

import pytest
from django.core import checks
from django.template import Context, Engine
from django.templatetags.i18n import TranslateNode
from django.utils import translation

PLAIN = Engine(libraries={"i18n": "django.templatetags.i18n"})
OURS = Engine(libraries={"i18n": "queuesite.i18n_tags"})
TEMPLATES = [
    '{% translate "จองคิว" %}',
    '{% trans "จองคิว" %}',
    '{% translate "จองคิว" as said %}[{{ said }}] {{ said|upper }}',
    '{% translate "100%" %} {% translate "<b>&" %} {% autoescape off %}{% translate "<b>&" %}{% endautoescape %}',
    '{% translate "จองคิว" noop %}',
    '{% translate "จองคิว"|upper %}',
    '{% translate "จองคิว" context "ที่ไม่มี" %}',
    "{% translate text %}",
    '{% translate "จองคิว" as said %}{% if said %}{% blocktranslate %}{{ said }}!{% endblocktranslate %}{% endif %}',
    '{% for one in "ab" %}{% translate "ยกเลิก" %}{{ one }}{% endfor %}',
]


def drawn(engine: Engine, source: str) -> list[str]:
    """As it is drawn in one language after the other and back, by one template."""
    template = engine.from_string("{% load i18n %}" + source)
    said = []
    for language in ["th", "en", "th", "en"]:
        with translation.override(language):
            said.append(template.render(Context({"text": "ยกเลิก"})))
    return said


@pytest.mark.parametrize("source", TEMPLATES)
def test_it_says_what_djangos_says(source):
    assert drawn(OURS, source) == drawn(PLAIN, source)


def test_it_says_something_else_in_each_language():
    thai, english, *_again = drawn(OURS, TEMPLATES[0])

    assert thai == "จองคิว"
    assert english != thai


def test_a_text_is_looked_up_once_for_each_language(monkeypatch):
    asked, render = [], TranslateNode.render
    monkeypatch.setattr(TranslateNode, "render", lambda node, context: asked.append(1) or render(node, context))

    drawn(OURS, TEMPLATES[0])

    assert len(asked) == 2


def test_no_other_library_stands_in_the_place_of_another():
    warned = [str(one.msg) for one in checks.run_checks() if one.id == "templates.W003"]

    assert len(warned) == 1
    assert "'i18n'" in warned[0]
    assert "queuesite.i18n_tags" in warned[0]
