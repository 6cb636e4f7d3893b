"""A pytest plugin that keeps every page outside the back office that the tests see, to be shown to an HTML checker:

    KEPT_PAGES=var/kept python -m pytest -p tests.kept_pages tests/test_pages*.py tests/test_counter*.py
    java -jar vnu.jar var/kept/*.html

Parts of pages are left out: the checker wants a whole document.
"""

import hashlib
import os
from pathlib import Path

from django.test.client import Client

FOLDER = Path(os.environ["KEPT_PAGES"])
request = Client.request


def request_and_keep(self, **environ):
    response = request(self, **environ)
    is_html = not response.streaming and response.get("Content-Type", "").startswith("text/html")
    is_whole = is_html and b"<!doctype" in response.content[:40].lower()
    if is_whole and not environ.get("PATH_INFO", "").startswith("/admin/"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        test = os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split("[")[0].split(" ")[0]
        name = f"{test}-{hashlib.sha256(response.content).hexdigest()[:8]}.html"
        (FOLDER / name).write_bytes(response.content)
    return response


Client.request = request_and_keep
