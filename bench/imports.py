"""A file of members through all its steps, as the web process and the worker do them: time, memory, the preview's size.

Run by itself (`python -m bench.imports`) it is the process that is measured: it reads the file from its input, does one
kind of work and prints what that took.
"""

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

STEPS = {"web": "read and keep (web)", "check": "check (worker)", "import": "write (worker)"}


def measure(url: str, *, rows: int) -> dict:
    """All rows new, then the same file with every member changed."""
    found = {"rows": rows, "runs": {}}
    for name, family_name in (("new", "ใจดี"), ("changed", "ใจงาม")):
        for kind in ("csv", "xlsx"):
            if name == "changed" and kind == "xlsx":
                continue
            file = _file(kind, rows, family_name)
            run = {STEPS[step]: _measured(url, step, file) for step in STEPS}
            run["size"], run["preview_kb"] = len(file), run[STEPS["check"]].pop("preview_kb")
            found["runs"][f"{name}, {kind}"] = run
            if kind == "csv" and name == "new":
                _measured(url, "forget", b"")
    return found


def _measured(url: str, step: str, file: bytes) -> dict:
    answer = subprocess.run(
        [sys.executable, "-m", "bench.imports", step],
        input=file,
        env=os.environ | {"DATABASE_URL": url},
        cwd=settings.BASE_DIR,
        capture_output=True,
        check=True,
    )
    return json.loads(answer.stdout.decode().splitlines()[-1])


def _file(kind: str, rows: int, family_name: str) -> bytes:
    from members.citizen_id import check_digit
    from members.files.spreadsheets import write

    headings = ["member_number", "citizen_id", "title", "given_name", "family_name", "phone", "email", "registered"]
    lines = []
    for n in range(rows):
        twelve = f"5{n:011d}"
        given_name, phone = f"สมศรี{n % 977}", f"08{n:08d}"
        number, citizen_id = f"{700_000 + n:06d}", twelve + check_digit(twelve)
        lines.append([number, citizen_id, "นาง", given_name, family_name, phone, f"m{n}@example.org", "1"])
    if kind == "xlsx":
        return write(kind, headings, lines)
    text = io.StringIO()
    csv.writer(text).writerows([headings, *lines])
    return text.getvalue().encode("utf-8-sig")


def _child(step: str) -> dict:
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.test import Client

    from members.files import importing
    from members.models import Member, MemberFile

    user = get_user_model().objects.filter(is_superuser=True).first() or get_user_model().objects.create_superuser(
        "bench"
    )
    began = time.perf_counter()
    found = {}
    if step == "forget":
        new = Member.objects.filter(imported_at__isnull=False)
        new._raw_delete(new.db)
    elif step == "web":
        importing.take_in(sys.stdin.buffer.read(), name="members", by=user)
    else:
        file = MemberFile.objects.latest("pk")
        if step == "import":
            importing.confirm(file=file, marks_missing=True, by=user)
        began = time.perf_counter()
        (importing.bring_in if step == "import" else importing.check)(file.pk)
    found["seconds"] = time.perf_counter() - began
    with Path("/proc/self/status").open() as status:
        found["peak_mb"] = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024
    if step == "check":
        client = Client(headers={"host": "127.0.0.1"})
        client.force_login(user)
        page = client.get(f"/admin/members/member/import/{file.pk}/")
        found["preview_kb"] = len(page.content) / 1000
    if step == "import":
        assert MemberFile.objects.latest("pk").state == MemberFile.State.DONE
    return found


if __name__ == "__main__":
    print(json.dumps(_child(sys.argv[1])))
