import os
import re

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queuesite.settings")

_django = get_wsgi_application()


def application(environ, start_response):
    """Django reads a request in any codec of Python's that its Content-Type names, and falls over `charset=hex` before
    a middleware could answer. Here everything is UTF-8, so what is named does not count."""
    content_type = environ.get("CONTENT_TYPE", "")
    if "charset" in content_type.lower():
        environ["CONTENT_TYPE"] = re.sub(r"(?i);[^;]*charset[^;]*", "", content_type)
    return _django(environ, start_response)
