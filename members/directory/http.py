"""Reads i-member's members from a JSON service. docs/member-directory.yaml is its contract.

Numbers travel in the body of a POST, never in the address, because logs keep addresses.
"""

import json
from collections.abc import Iterator
from typing import Any

import urllib3
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from members.directory.answers import DirectoryFault, cells_of

SECONDS = 2
SECONDS_FOR_ALL = 30  # for one page of everybody
LONGEST = 8 * 1024 * 1024  # bytes of an answer
MOST_PAGES = 10_000

_pool = urllib3.PoolManager(num_pools=2, maxsize=8, retries=False)


@sensitive_variables("citizen_id")
def find(*, citizen_id: str = "", member_number: str = "") -> list[dict[str, str]]:
    """Who has this citizen ID or member number, as cells. Raises DirectoryFault."""
    wanted = {"citizen_id": citizen_id} if citizen_id else {"member_number": member_number}
    return _members(_ask("/members/find", wanted, seconds=SECONDS))


def everyone() -> Iterator[list[dict[str, str]]]:
    """Everybody, a page at a time. Raises DirectoryFault."""
    after = None
    for _page in range(MOST_PAGES):
        answer = _ask("/members/list", {"after": after}, seconds=SECONDS_FOR_ALL)
        yield _members(answer)
        after = answer.get("next")
        if not after:
            return
    raise DirectoryFault("its list has no end")


def _members(answer: dict[str, Any]) -> list[dict[str, str]]:
    members = answer.get("members")
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise DirectoryFault("members is not a list of objects")
    return [cells_of(member) for member in members]


@sensitive_variables("body")
def _ask(path: str, body: dict[str, Any], *, seconds: int) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if settings.DIRECTORY_TOKEN:
        headers["Authorization"] = f"Bearer {settings.DIRECTORY_TOKEN}"
    try:
        answer = _pool.request(
            "POST",
            settings.DIRECTORY_URL.rstrip("/") + path,
            body=json.dumps(body).encode(),
            headers=headers,
            timeout=urllib3.Timeout(total=seconds),
            redirect=False,
            preload_content=False,
        )
        try:
            text = answer.read(LONGEST + 1)
        finally:
            answer.release_conn()
    except urllib3.exceptions.HTTPError as silence:
        raise DirectoryFault(type(silence).__name__) from None
    if answer.status != 200:
        raise DirectoryFault(f"status {answer.status}")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise DirectoryFault("no JSON") from None
    if not isinstance(said, dict):
        raise DirectoryFault("no object")
    return said
