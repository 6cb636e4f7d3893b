"""Django's tags for texts, in its own library's place: a text that stands in a template is looked up once for each
language, and not each time the page is drawn. A page has dozens, and each lookup passes through forty functions."""

from django.template import Library, Node
from django.templatetags import i18n
from django.utils.translation import get_language

register = Library()
register.tags |= i18n.register.tags
register.filters |= i18n.register.filters


@register.tag("translate")
@register.tag("trans")
def translate(parser, token):
    node = i18n.do_translate(parser, token)
    is_fixed = node.filter_expression.var.literal is not None and not node.filter_expression.filters
    return _Said(node) if is_fixed and not node.noop and node.message_context is None else node


class _Said(Node):
    child_nodelists = ()

    def __init__(self, translated: i18n.TranslateNode):
        self.name, translated.asvar = translated.asvar, None
        self.translated = translated
        self.said: dict[tuple[str | None, bool], str] = {}

    def render(self, context):
        key = get_language(), context.autoescape
        if key not in self.said:
            self.said[key] = self.translated.render(context)
        if self.name is None:
            return self.said[key]
        context[self.name] = self.said[key]
        return ""
