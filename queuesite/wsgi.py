import gc
import os
import re

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queuesite.settings")

_django = get_wsgi_application()
# Every page's code is loaded before the first request, and from here on left alone by the garbage collector: walking
# through all of it again and again would be a tenth of what a booking takes.
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)


def application(environ, start_response):
    """Django reads a request in any codec of Python's that its Content-Type names, and falls over `charset=hex` before
    a middleware could answer. Here everything is UTF-8, so what is named does not count."""
    content_type = environ.get("CONTENT_TYPE", "")
    if "charset" in content_type.lower():
        environ["CONTENT_TYPE"] = re.sub(r"(?i);[^;]*charset[^;]*", "", content_type)
    return _django(environ, start_response)
