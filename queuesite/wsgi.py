import gc
import os
import re

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queuesite.settings")

_django = get_wsgi_application()
from queuesite import at_once  # noqa: E402 (its models need Django to be set up)

_answer = at_once.before(_django)
# Load every page's code before the first request, and keep the garbage collector away from it: walking through all of
# it again and again would be a tenth of a booking's cost.
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)


def application(environ, start_response):
    """Django decodes a request with any Python codec that its Content-Type names, and fails on `charset=hex` before any
    middleware could answer. Here everything is UTF-8, whatever is named."""
    content_type = environ.get("CONTENT_TYPE", "")
    if "charset" in content_type.lower():
        environ["CONTENT_TYPE"] = re.sub(r"(?i);[^;]*charset[^;]*", "", content_type)
    return _answer(environ, start_response)
