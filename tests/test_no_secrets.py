"""Nothing secret and nobody's citizen ID stands in the repository."""

import re
import subprocess

import pytest

from members.citizen_id import check_digit
from queuesite.demo import office
from queuesite.launcher.postgres import BASE_DIR

SECRETS = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a token of GitHub": r"\bgh[opsur]_[A-Za-z0-9]{36}",
    "a key of Amazon": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a key of Google": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "a token of Slack": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a channel's access token of LINE": r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{160,180}=(?![A-Za-z0-9+/=])",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
    "a password in an address": r"\b(?:postgres(?:ql)?|mysql|redis|smtps?|https?)://[^\s:/@{}<>\"']+:(?!password@)[^\s@/{}<>\"']{6,}@",
}
CITIZEN_ID = re.compile(r"(?<![\d.])\d[ -]?\d{4}[ -]?\d{5}[ -]?\d{2}[ -]?\d(?!\d)")
# Made up by the demo, by tests.factories, or plain to see: digits in a row.
MADE_UP = re.compile(r"119900\d{7}|30000\d{8}|(\d)\1{5}\d+|1234567890\d{3}|\d*00000000\d*")
VENDORED = ("tests/vendor/", "static/vendor/")


def found_in(text: str) -> list[str]:
    secrets = [what for what, pattern in SECRETS.items() if re.search(pattern, text)]
    return secrets + [f"the citizen ID {one[:1]}...{one[-2:]}" for one in real_citizen_ids(text)]


def real_citizen_ids(text: str) -> set[str]:
    digits = {re.sub(r"\D", "", one) for one in CITIZEN_ID.findall(text)}
    return {
        one for one in digits if one[0] in "12345678" and check_digit(one[:12]) == one[12] and not MADE_UP.match(one)
    }


def test_no_file_has_any():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=BASE_DIR, capture_output=True, check=True)
    found = {}
    for name in listed.stdout.decode().split("\0"):
        path = BASE_DIR / name
        if not path.is_file() or name.startswith(VENDORED):
            continue
        content = path.read_bytes()
        if b"\0" not in content[:1000] and (faults := found_in(content.decode(errors="replace"))):
            found[name] = faults
    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        "-----BEGIN " + "RSA PRIVATE KEY-----",
        "gh" + "p_" + "a1B2" * 9,
        "AK" + "IA" + "ABCDEFGHIJKLMNOP",
        "LINE_CHANNEL_ACCESS_TOKEN=" + "aB3+" * 42 + "xYz=",
        "ey" + "J0eXAiOiJKV1Qi" + ".ey" + "JzdWIiOiIxMjM0" + "." + "c2lnbmF0dXJl" * 3,
        "DATABASE_URL=postgres://queue" + ":correct-horse@db.example.org/queue",
    ],
)
def test_control_each_kind_is_found(planted):
    assert found_in(f"before {planted} after")


def test_control_a_citizen_id_is_found_however_it_is_written():
    digits = "310140025713"
    digits += check_digit(digits)
    dashed = f"{digits[0]}-{digits[1:5]}-{digits[5:10]}-{digits[10:12]}-{digits[12]}"
    assert real_citizen_ids(f"เลข {digits} ค่ะ") == real_citizen_ids(dashed) == {digits}
    assert not real_citizen_ids(office.citizen_id(office.FIRST_NUMBER))
