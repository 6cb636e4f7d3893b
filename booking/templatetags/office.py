"""What the pages of the back office need besides."""

import re

from django import template
from django.utils.translation import get_language

from booking import thai

register = template.Library()


@register.filter
def buddhist_years(text) -> str:
    """ธันวาคม 2569 for Django's ธันวาคม 2026."""
    if get_language() == "en":
        return str(text)
    return re.sub(r"\b20[0-9]{2}\b", lambda year: str(int(year[0]) + thai.ERA), str(text))
