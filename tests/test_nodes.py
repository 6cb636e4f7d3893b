"""Several web servers on one database: what one began another ends, and a rolling restart loses nothing."""

import contextlib
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from bench.servers import serving
from members.files import importing
from members.models import Member, MemberFile
from queuesite.launcher import postgres
from tests.test_member_import import csv_file, numbered

pytestmark = [pytest.mark.slow, pytest.mark.real_clock]

CSRF = "a" * 32


def ask(port, path, cookies, data=None, kind="application/x-www-form-urlencoded"):
    """The page, and the address that it was found at in the end."""
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "Content-Type": kind}
    with urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers), timeout=30
    ) as answer:
        return answer.read().decode(), urlsplit(answer.url).path


@pytest.mark.django_db(transaction=True)
def test_a_file_that_one_node_took_is_shown_and_confirmed_by_another(client, manager):
    cookies = {"sessionid": client.cookies["sessionid"].value, "csrftoken": CSRF}
    connection.close()
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    with contextlib.ExitStack() as both:
        # DEBUG: no collected files are needed.
        one, other = (both.enter_context(serving(database, workers=1, DEBUG="on")).port for _ in range(2))
        file = SimpleUploadedFile("members.csv", csv_file(*numbered(3)))
        body = encode_multipart(BOUNDARY, {"import_file": file, "csrfmiddlewaretoken": CSRF})
        _, at = ask(one, "/admin/members/member/import/", cookies, body, MULTIPART_CONTENT)
        importing.check(MemberFile.objects.get().pk)
        shown, _ = ask(other, at, cookies)
        assert "members.csv" in shown
        said = urllib.parse.urlencode({"do": "confirm", "csrfmiddlewaretoken": CSRF}).encode()
        ask(other, at, cookies, said)
        importing.bring_in(MemberFile.objects.get().pk)
        shown, _ = ask(one, at, cookies)
    assert MemberFile.objects.get().state == MemberFile.State.DONE
    assert Member.objects.count() == 3


def test_a_rolling_restart_loses_nothing():
    """The short form of what docs/performance.md has the figures of."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "nodes"],
        cwd=postgres.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all held" in done.stdout
