"""LINE, behind one seam: every request to its servers is made here, and fails in one way (LineFault).

All calls go to settings.LINE_API_BASE, so that a test or the demo can put a server of its own in LINE's place. The SDK
takes half a second to import and is imported where it is used.
"""

import base64
import contextlib
import fcntl
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3
from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import constant_time_compare

# To connect, and to be answered, in seconds. The SDK has no limit of its own.
TIMEOUT = (2, 5)
UPLOAD_TIMEOUT = (2, 30)
# A sign-in asks LINE, twice at most, while somebody waits for the page. To connect, and to be answered in all.
TURN_SECONDS, SIGN_IN_SECONDS = 0.3, 1.2
REST_SECONDS = 10  # for which nothing more is asked after LINE was silent
SILENT = "line-was-silent"
LINE_API, LINE_PAGES = "https://api.line.me", "https://access.line.me"
# LINE's own script: only it knows who is signed in inside LINE. It may be loaded from LINE, but not copied.
LIFF_SDK = "https://static.line-scdn.net/liff/edge/2/sdk.js"


class LineFault(Exception):
    """LINE did not do what was asked. `permanent`: asking again will not help. `status`: None if it did not answer."""

    def __init__(self, what: str, *, status: int | None = None, permanent: bool = False):
        super().__init__(f"{what} (status {status})" if status else what)
        self.status = status
        self.permanent = permanent


@dataclass(frozen=True)
class Quota:
    """How many messages the office may send this month (None: no limit), and how many it has sent."""

    limit: int | None
    used: int


def is_on() -> bool:
    """Whether the office has a LINE channel for messages."""
    return bool(settings.LINE_CHANNEL_ACCESS_TOKEN)


def liff_sdk() -> str:
    """The address of LINE's script for LIFF. A server in LINE's place serves a stand-in."""
    return LIFF_SDK if settings.LINE_API_BASE == LINE_API else f"{settings.LINE_API_BASE}/liff/edge/2/sdk.js"


def push(*, user_id: str, messages: list[dict[str, Any]], retry_key: str) -> None:
    """Send messages to a user. With the same retry key LINE sends them once, and answers 409 to a repeat.

    Raises LineFault; not permanent for 5xx, 429 and silence.
    """
    from linebot.v3.messaging import PushMessageRequest

    request = PushMessageRequest.from_dict({"to": user_id, "messages": messages})
    try:
        _ask(lambda api: api.push_message(request, x_line_retry_key=retry_key, _request_timeout=TIMEOUT))
    except LineFault as fault:
        if fault.status != 409:
            raise


def reply(*, token: str, messages: list[dict[str, Any]]) -> None:
    """Answer an event; replies cost nothing. Raises LineFault."""
    from linebot.v3.messaging import ReplyMessageRequest

    request = ReplyMessageRequest.from_dict({"replyToken": token, "messages": messages})
    _ask(lambda api: api.reply_message(request, _request_timeout=TIMEOUT))


def quota() -> Quota:
    """This month's quota and how much of it is used. Raises LineFault."""
    limit = _ask(lambda api: api.get_message_quota(_request_timeout=TIMEOUT))
    used = _ask(lambda api: api.get_message_quota_consumption(_request_timeout=TIMEOUT))
    return Quota(limit=limit.value if limit.type == "limited" else None, used=used.total_usage)


def rich_menus() -> list[tuple[str, str]]:
    """Id and name of every menu that was made through the API. Raises LineFault."""
    found = _ask(lambda api: api.get_rich_menu_list(_request_timeout=TIMEOUT))
    return [(menu.rich_menu_id, menu.name) for menu in found.richmenus]


def add_rich_menu(menu: dict[str, Any], *, image: bytes) -> str:
    """Make a menu with its picture (a PNG) and return its id. Nobody sees it yet. Raises LineFault."""
    from linebot.v3.messaging import RichMenuRequest

    request = RichMenuRequest.from_dict(menu)
    menu_id: str = _ask(lambda api: api.create_rich_menu(request, _request_timeout=TIMEOUT)).rich_menu_id
    kind = {"Content-Type": "image/png"}
    _ask(
        lambda api: api.set_rich_menu_image(menu_id, body=image, _headers=kind, _request_timeout=UPLOAD_TIMEOUT),
        blobs=True,
    )
    return menu_id


def show_rich_menu(menu_id: str) -> None:
    """Show this menu to all who follow the account. Raises LineFault."""
    _ask(lambda api: api.set_default_rich_menu(menu_id, _request_timeout=TIMEOUT))


def delete_rich_menu(menu_id: str) -> None:
    """Raises LineFault."""
    _ask(lambda api: api.delete_rich_menu(menu_id, _request_timeout=TIMEOUT))


def signature_is_right(body: bytes, signature: str) -> bool:
    """Whether LINE signed this webhook body with the channel's secret."""
    if not settings.LINE_CHANNEL_SECRET:
        return False
    digest = hmac.new(settings.LINE_CHANNEL_SECRET.encode(), body, hashlib.sha256).digest()
    return constant_time_compare(base64.b64encode(digest).decode(), signature)


def verified_user(id_token: str, *, nonce: str | None = None) -> str | None:
    """The LINE user whose ID token this is, by the word of LINE's own server; None if it refuses the token.

    What the page says is never believed. `nonce`: what the token must carry, if our log-in began with one.
    Raises LineFault if LINE does not answer.
    """
    fields = {"id_token": id_token, "client_id": settings.LINE_LOGIN_CHANNEL_ID}
    if nonce:
        fields["nonce"] = nonce
    answer = _post("/oauth2/v2.1/verify", fields)
    if answer.status == 400:
        return None
    if answer.status != 200:
        raise LineFault("verify", status=answer.status)
    claims = answer.json()
    if claims.get("aud") != settings.LINE_LOGIN_CHANNEL_ID or (nonce and claims.get("nonce") != nonce):
        return None
    return claims.get("sub") or None


def log_in_is_on() -> bool:
    """Whether the office has a channel for LINE Login."""
    return bool(settings.LINE_LOGIN_CHANNEL_ID)


def log_in_address(*, redirect_uri: str, state: str, nonce: str, code_verifier: str) -> str:
    """Where a browser goes to log in with LINE. It comes back to `redirect_uri` with a code and the state.

    `code_verifier`: 43 characters or more, kept until the code is exchanged (PKCE).
    """
    challenge = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).decode().rstrip("=")
    query = {
        "response_type": "code",
        "client_id": settings.LINE_LOGIN_CHANNEL_ID,
        "redirect_uri": redirect_uri,
        "state": state,
        "nonce": nonce,
        "scope": "openid",
        "bot_prompt": "normal",  # also asks whether to add the office's account, without which no message arrives
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    # LINE's pages are on another host than its API; a server in LINE's place has one host for both.
    base = LINE_PAGES if settings.LINE_API_BASE == LINE_API else settings.LINE_API_BASE
    return f"{base}/oauth2/v2.1/authorize?{urlencode(query)}"


def exchange_code(*, code: str, redirect_uri: str, code_verifier: str) -> str | None:
    """The ID token for a code from LINE Login; None if LINE refuses the code. Raises LineFault."""
    answer = _post(
        "/oauth2/v2.1/token",
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": settings.LINE_LOGIN_CHANNEL_ID,
            "client_secret": settings.LINE_LOGIN_CHANNEL_SECRET,
            "code_verifier": code_verifier,
        },
    )
    if answer.status == 400:
        return None
    if answer.status != 200:
        raise LineFault("token", status=answer.status)
    token: str | None = answer.json().get("id_token")
    return token


def _ask(call: Callable[[Any], Any], *, blobs: bool = False) -> Any:
    """The answer to `call`, made through the SDK, which has no types. Raises LineFault."""
    from linebot.v3.messaging import ApiClient, Configuration, MessagingApi, MessagingApiBlob
    from linebot.v3.messaging.exceptions import ApiException

    # LINE takes pictures at another host. The SDK knows it unless it is told a host.
    host = None if settings.LINE_API_BASE == LINE_API else settings.LINE_API_BASE
    configuration = Configuration(host=host, access_token=settings.LINE_CHANNEL_ACCESS_TOKEN)
    configuration.retries = False  # the notice's row says when to try again
    try:
        with ApiClient(configuration) as client:
            return call(MessagingApiBlob(client) if blobs else MessagingApi(client))
    except ApiException as refusal:
        status = refusal.status or None  # 0 where no connection could be made safely
        permanent = status is not None and 400 <= status < 500 and status != 429
        raise LineFault("refused", status=status, permanent=permanent) from None
    except urllib3.exceptions.HTTPError as silence:
        raise LineFault(type(silence).__name__) from None


def _post(path: str, fields: dict[str, str]) -> urllib3.BaseHTTPResponse:
    """Ask LINE for a sign-in. Raises LineFault, at once if LINE was silent a moment ago (no page waits for it again),
    or if another sign-in is still waiting (LINE's silence holds up one process of the web server, no more)."""
    if cache.get(SILENT):
        raise LineFault("silent a moment ago")
    with _turn():
        try:
            answer = urllib3.request(
                "POST",
                settings.LINE_API_BASE + path,
                body=urlencode(fields),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                timeout=urllib3.Timeout(total=SIGN_IN_SECONDS),
                retries=False,
            )
        except urllib3.exceptions.HTTPError as silence:
            cache.set(SILENT, True, REST_SECONDS)
            raise LineFault(type(silence).__name__) from None
    if answer.status >= 500:
        cache.set(SILENT, True, REST_SECONDS)
    return answer


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """One sign-in of this machine asks LINE at a time. A file lock: the system releases it whatever happens."""
    until = time.monotonic() + TURN_SECONDS
    with (settings.VAR_DIR / "line.lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise LineFault("another sign-in waits for it") from None
                time.sleep(0.02)
        yield
