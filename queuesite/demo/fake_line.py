"""A LINE of our own, on loopback: for tests, and for the demo where the office has no channel yet.

It answers as LINE does (messages, replies, quota, rich menus, ID tokens, log-in), keeps what it was sent, signs and
sends webhook events, and fails when told to. It runs alone, `python -m queuesite.demo.fake_line --port 9000`, or in a
test:

    with fake_line.running() as server:
        settings.LINE_API_BASE = server.url
        server.fail(500, times=2)
        ...
        assert len(server.pushes) == 1

Over the wire the same is had below `/fake/`: `GET messages menu pushes requests`, `POST faults event code`.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import html
import json
import os
import random
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from queuesite.demo import line_shapes

ISSUER = "https://access.line.me"


def user_id(number: int) -> str:
    """The made-up LINE user who is this demo member."""
    return f"U{number:032d}"


# In place of LINE's script for LIFF, as it is where nobody is signed in: no token, so the page keeps its button.
LIFF_STAND_IN = """
window.liff = {
  init: () => Promise.resolve(),
  isInClient: () => /\\bLine\\//.test(navigator.userAgent),
  getIDToken: () => null,
};
"""
# Who may be chosen at the log-in page, by the names of the demo's members; demo/office.py links the first three.
USERS = {
    user_id(100001): "สมชาย",
    user_id(100002): "สมศรี",
    user_id(100003): "สมศรี แก้ว",
    user_id(100004): "ประเสริฐ",
    user_id(100005): "มาลี",
}


@dataclass
class Fault:
    """How the next calls go wrong.

    `status`      the answer; None: the line is dropped, after `hang` seconds of silence
    `accepts`     what was asked is done all the same, and only the answer is lost
    `times`       how many calls; None: until `heal()`
    `share`       of the calls, by chance
    `path`        of calls whose path begins so
    `before`, `after`  no fault, but a delay of at most so many seconds, by chance, before and after what was asked
    """

    status: int | None = None
    hang: float = 0
    accepts: bool = False
    times: int | None = 1
    share: float = 1
    path: str = ("/v2/", "/oauth2/")
    before: float = 0
    after: float = 0

    @property
    def is_delay(self) -> bool:
        return bool(self.before or self.after)


@dataclass
class Answer:
    body: dict | bytes = field(default_factory=dict)
    status: int = 200
    kind: str = "application/json"
    location: str = ""


class Refused(Exception):
    """LINE says no; with what it would answer."""

    def __init__(self, status: int, body: dict):
        super().__init__(status)
        self.answer = Answer(body, status)


class FakeLine:
    """The server and all that it keeps; nothing outlives it."""

    def __init__(
        self,
        *,
        port: int = 0,
        access_token: str = "fake-access-token",
        channel_secret: str = "fake-channel-secret",
        login_channel_id: str = "1650000000",
        login_channel_secret: str = "fake-login-secret",
        webhook_url: str = "",
    ):
        self.access_token = access_token
        self.channel_secret = channel_secret
        self.login_channel_id = login_channel_id
        self.login_channel_secret = login_channel_secret
        # Where events are sent to; may be set later.
        self.webhook_url = webhook_url
        self.quota: int | None = None  # messages a month; None is no limit
        self.requests: list[dict] = []  # every call to LINE: {method, path, status, retry_key}
        self.pushes: list[dict] = []  # those that were accepted: {to, messages, retry_key, request_id, at}
        self.replies: list[dict] = []
        self.chats: dict[str, list[dict]] = defaultdict(list)  # what each user's telephone shows
        self.blocked_by: set[str] = set()
        self.rich_menus: dict[str, dict] = {}
        self.default_rich_menu: str | None = None
        self.calls = 0  # that have reached it, answered or not
        self.version = 0  # rises with every change of a chat
        self._accepted: dict[str, str] = {}  # retry key -> request id
        self._reply_tokens: dict[str, str] = {}
        self._codes: dict[str, dict] = {}
        self._key = secrets.token_bytes(32)
        self._faults: list[Fault] = []
        self._chance = random.Random(7)
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"line": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    # --- to run it -----------------------------------------------------------------------------------------------

    def serve(self) -> None:
        self._http.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()

    # --- to make it fail -----------------------------------------------------------------------------------------

    def fail(self, status: int, **fault) -> None:
        """The next call, or `times` calls, are answered with this status; see Fault."""
        self.add_fault(status=status, **fault)

    def hang(self, seconds: float = 3600, **fault) -> None:
        """The next call waits so long for an answer that never comes."""
        self.add_fault(hang=seconds, **fault)

    def drop(self, **fault) -> None:
        """The next call's line is dropped without an answer."""
        self.add_fault(**fault)

    def add_fault(self, **fault) -> None:
        if isinstance(fault.get("path"), list):
            fault["path"] = tuple(fault["path"])
        with self._lock:
            self._faults.append(Fault(**fault))

    def heal(self) -> None:
        """No faults any more; who still hangs is let go without an answer."""
        with self._lock:
            self._faults.clear()
        self._stopping.set()
        self._stopping = threading.Event()

    def fault_for(self, path: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if not path.startswith(fault.path) or self._chance.random() >= fault.share:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def wait(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def chance(self) -> float:
        return self._chance.random()

    # --- what LINE does of itself --------------------------------------------------------------------------------

    def id_token(self, *, sub: str, aud: str | None = None, exp: float | None = None, nonce: str = "", **claims) -> str:
        """An ID token as LINE would issue it; `claims` overrides any part of it, `key=` signs it with another key."""
        key = claims.pop("key", self._key)
        now = time.time()
        body = {
            "iss": ISSUER,
            "sub": sub,
            "aud": self.login_channel_id if aud is None else aud,
            "exp": int(now + 3600 if exp is None else exp),
            "iat": int(now),
            "name": USERS.get(sub, "LINE"),
        }
        if nonce:
            body["nonce"] = nonce
        signed = f"{_encode({'typ': 'JWT', 'alg': 'HS256'})}.{_encode(body | claims)}"
        return f"{signed}.{_base64(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"

    def code(self, *, sub: str, redirect_uri: str, nonce: str = "", code_challenge: str = "") -> str:
        """A code of LINE Login for a user who has agreed; good once."""
        code = secrets.token_urlsafe(16)
        self._codes[code] = {
            "sub": sub,
            "redirect_uri": redirect_uri,
            "nonce": nonce,
            "code_challenge": code_challenge,
        }
        return code

    def event(self, user: str, kind: str, **fields) -> dict:
        """A webhook event of a user, with a reply token: event(user, "message", text="คิว"), event(user, "postback",
        data="..."), event(user, "follow"), event(user, "unfollow"). Its fields may be changed before it is sent."""
        event = {
            "type": kind,
            "mode": "active",
            "timestamp": int(time.time() * 1000),
            "source": {"type": "user", "userId": user},
            "webhookEventId": uuid.uuid4().hex.upper(),
            "deliveryContext": {"isRedelivery": False},
        }
        if kind != "unfollow":
            event["replyToken"] = token = secrets.token_hex(16)
            self._reply_tokens[token] = user
        if kind == "message":
            event["message"] = {"type": "text", "id": str(time.time_ns()), "quoteToken": "q", "text": fields["text"]}
        elif kind == "postback":
            event["postback"] = {"data": fields["data"]}
        elif kind == "follow":
            event["follow"] = {"isUnblocked": user in self.blocked_by}
        return event

    def webhook(self, *events: dict) -> tuple[bytes, dict]:
        """Body and headers of the call by which LINE hands over these events."""
        body = json.dumps({"destination": "U" + "0" * 32, "events": events}, ensure_ascii=False).encode()
        signature = base64.b64encode(hmac.new(self.channel_secret.encode(), body, hashlib.sha256).digest()).decode()
        return body, {"X-Line-Signature": signature, "Content-Type": "application/json; charset=utf-8"}

    def act(self, user: str, kind: str, *, text: str = "", data: str = "") -> None:
        """A user does something in the chat: it shows there, and the event is sent to the webhook, as LINE would."""
        with self._lock:
            event = self.event(user, kind, text=text, data=data)
            if kind == "unfollow":
                self.blocked_by.add(user)
            elif kind == "follow":
                self.blocked_by.discard(user)
            if text:
                self._show(user, {"by": "user", "text": text})
            elif kind in ("follow", "unfollow"):
                self._show(user, {"by": "nobody", "event": kind})
        threading.Thread(target=self._send, args=(event,), daemon=True).start()

    def _send(self, event: dict) -> None:
        body, headers = self.webhook(event)
        request = urllib.request.Request(self.webhook_url, data=body, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(request, timeout=10).close()
        except OSError as refusal:
            with self._lock:
                self._show(event["source"]["userId"], {"by": "nobody", "event": "undelivered", "why": str(refusal)})

    def _show(self, user: str, entry: dict) -> None:
        self.version += 1
        self.chats[user].append(entry | {"at": time.time(), "nth": self.version})

    # --- what it is asked ----------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict, headers, body: bytes) -> Answer:
        if path.startswith("/v2/") and headers.get("Authorization") != f"Bearer {self.access_token}":
            raise _no(401, "Authentication failed. Confirm that the access token in the authorization header is valid.")
        for wanted, pattern, ask in ASKED:
            match = re.fullmatch(pattern, path)
            if match and wanted == method:
                with self._lock:
                    return ask(self, _Asked(query, headers, body, match.groups()))
        raise _no(404, "Not found")

    def _push(self, asked) -> Answer:
        order = asked.json()
        key = asked.headers.get("X-Line-Retry-Key")
        if key is not None and not _is_uuid(key):
            raise _no(400, "The value for the 'X-Line-Retry-Key' header is invalid")
        if key in self._accepted:
            raise Refused(
                409, {"message": "The retry key is already accepted", "acceptedRequestId": self._accepted[key]}
            )
        self._require(line_shapes.faults_of_push(order))
        if not re.fullmatch(r"U[0-9a-f]{32}", str(order.get("to"))):
            raise _no(400, "The property, 'to', in the request body is invalid")
        if self.quota is not None and self._used() + len(order["messages"]) > self.quota:
            raise _no(429, "You have reached your monthly limit.")
        request_id = str(uuid.uuid4())
        if key:
            self._accepted[key] = request_id
        self.pushes.append(order | {"retry_key": key, "request_id": request_id, "at": time.time()})
        self._deliver(order["to"], order["messages"])
        return Answer({"sentMessages": [{"id": str(time.time_ns())} for _ in order["messages"]]})

    def _reply(self, asked) -> Answer:
        order = asked.json()
        self._require(line_shapes.faults_of_reply(order))
        user = self._reply_tokens.pop(order.get("replyToken"), None)
        if user is None:
            raise _no(400, "Invalid reply token")
        self.replies.append({"to": user, "messages": order["messages"], "at": time.time()})
        self._deliver(user, order["messages"])
        return Answer({"sentMessages": [{"id": str(time.time_ns())} for _ in order["messages"]]})

    def _deliver(self, user: str, messages: list[dict]) -> None:
        if user not in self.blocked_by:  # LINE accepts it all the same
            for message in messages:
                self._show(user, {"by": "office", "message": message})

    def _quota(self, asked) -> Answer:
        return Answer({"type": "none"} if self.quota is None else {"type": "limited", "value": self.quota})

    def _consumption(self, asked) -> Answer:
        return Answer({"totalUsage": self._used()})

    def _used(self) -> int:
        return sum(len(push["messages"]) for push in self.pushes)

    def _info(self, asked) -> Answer:
        return Answer({"userId": "U" + "0" * 32, "basicId": "@demo", "displayName": "Demo", "chatMode": "bot"})

    def _rich_menu_create(self, asked) -> Answer:
        menu = asked.json()
        self._require(line_shapes.faults_of_rich_menu(menu))
        key = f"richmenu-{secrets.token_hex(16)}"
        self.rich_menus[key] = {"menu": menu | {"richMenuId": key}, "image": None, "kind": ""}
        return Answer({"richMenuId": key})

    def _rich_menu_list(self, asked) -> Answer:
        return Answer({"richmenus": [kept["menu"] for kept in self.rich_menus.values()]})

    def _rich_menu_get(self, asked) -> Answer:
        return Answer(self._menu(asked)["menu"])

    def _rich_menu_delete(self, asked) -> Answer:
        self._menu(asked)
        del self.rich_menus[asked.parts[0]]
        if self.default_rich_menu == asked.parts[0]:
            self.default_rich_menu = None
        return Answer()

    def _rich_menu_upload(self, asked) -> Answer:
        menu, kind = self._menu(asked), asked.headers.get("Content-Type", "")
        if kind not in ("image/png", "image/jpeg"):
            raise _no(400, "The content type is not supported")
        if not 0 < len(asked.body) <= 1024 * 1024:
            raise _no(413 if asked.body else 400, "The image is empty or larger than 1 MB")
        if menu["image"]:
            raise _no(400, "An image has already been uploaded to the richmenu")
        menu["image"], menu["kind"] = asked.body, kind
        return Answer()

    def _rich_menu_image(self, asked) -> Answer:
        menu = self._menu(asked)
        if not menu["image"]:
            raise _no(404, "Not found")
        return Answer(menu["image"], kind=menu["kind"])

    def _default_set(self, asked) -> Answer:
        if not self._menu(asked)["image"]:
            raise _no(400, "must upload richmenu image before applying it to user")
        self.default_rich_menu = asked.parts[0]
        return Answer()

    def _default_get(self, asked) -> Answer:
        if not self.default_rich_menu:
            raise _no(404, "no default richmenu")
        return Answer({"richMenuId": self.default_rich_menu})

    def _default_cancel(self, asked) -> Answer:
        self.default_rich_menu = None
        return Answer()

    def _menu(self, asked) -> dict:
        if asked.parts[0] not in self.rich_menus:
            raise _no(404, "richmenu not found")
        return self.rich_menus[asked.parts[0]]

    def _liff_sdk(self, asked) -> Answer:
        return Answer(LIFF_STAND_IN.encode(), kind="text/javascript")

    def _verify(self, asked) -> Answer:
        form = asked.form()
        claims = self._claims(form.get("id_token", ""))
        wrong = (
            "Invalid IdToken."
            if claims is None
            else "Invalid IdToken Issuer."
            if claims.get("iss") != ISSUER
            else "IdToken expired."
            if not isinstance(claims.get("exp"), int) or claims["exp"] <= time.time()
            else "Invalid IdToken Audience."
            if not form.get("client_id") or claims.get("aud") != form["client_id"]
            else "Invalid IdToken Nonce."
            if form.get("nonce") and claims.get("nonce") != form["nonce"]
            else "Invalid IdToken Subject Identifier."
            if form.get("user_id") and claims.get("sub") != form["user_id"]
            else ""
        )
        if wrong:
            raise Refused(400, {"error": "invalid_request", "error_description": wrong})
        return Answer(claims)

    def _claims(self, token: str) -> dict | None:
        signed, _, signature = token.rpartition(".")
        right = _base64(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())
        if not hmac.compare_digest(signature.encode(), right.encode()):
            return None
        return json.loads(_from_base64(signed.partition(".")[2]))

    def _token(self, asked) -> Answer:
        form = asked.form()
        if (form.get("client_id"), form.get("client_secret")) != (self.login_channel_id, self.login_channel_secret):
            raise Refused(400, {"error": "invalid_client", "error_description": "invalid client_id or client_secret"})
        kept = self._codes.pop(form.get("code"), None)
        if form.get("grant_type") != "authorization_code" or kept is None:
            raise Refused(400, {"error": "invalid_grant", "error_description": "invalid authorization code"})
        if kept["redirect_uri"] != form.get("redirect_uri"):
            raise Refused(400, {"error": "invalid_grant", "error_description": "redirect_uri does not match"})
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if kept["code_challenge"] and kept["code_challenge"] != _base64(verifier):
            raise Refused(400, {"error": "invalid_grant", "error_description": "code_verifier does not match"})
        return Answer(
            {
                "access_token": secrets.token_urlsafe(24),
                "expires_in": 2592000,
                "id_token": self.id_token(sub=kept["sub"], nonce=kept["nonce"]),
                "refresh_token": secrets.token_urlsafe(12),
                "scope": "openid profile",
                "token_type": "Bearer",
            }
        )

    def _authorize(self, asked) -> Answer:
        """The log-in page: choose who you are. With `as=<user>` it goes back at once, as after agreeing."""
        order = asked.query
        if order.get("response_type") != "code" or order.get("client_id") != self.login_channel_id:
            raise Refused(400, {"error": "invalid_request", "error_description": "response_type or client_id"})
        if not order.get("redirect_uri") or "openid" not in order.get("scope", "").split() or not order.get("state"):
            raise Refused(400, {"error": "invalid_request", "error_description": "redirect_uri, scope or state"})
        chosen = order.pop("as", None)
        back = order["redirect_uri"] + ("&" if "?" in order["redirect_uri"] else "?")
        if chosen == "nobody":
            return Answer(status=302, location=back + urlencode({"error": "access_denied", "state": order["state"]}))
        if chosen:
            names = ("redirect_uri", "nonce", "code_challenge")
            code = self.code(sub=chosen, **{name: order.get(name, "") for name in names})
            return Answer(status=302, location=back + urlencode({"code": code, "state": order["state"]}))
        choices = [*USERS.items(), ("nobody", "ไม่อนุญาต")]
        links = "".join(
            f'<li><a href="?{html.escape(urlencode(order | {"as": user}))}">{html.escape(name)}</a></li>'
            for user, name in choices
        )
        return Answer(LOGIN_PAGE.replace("LINKS", links).encode(), kind="text/html; charset=utf-8")

    # --- to look into it, and to move it, from another process ---------------------------------------------------

    def _fake_messages(self, asked) -> Answer:
        user = asked.query.get("user")
        return Answer({"version": self.version, "users": {user: self.chats[user]} if user else self.chats})

    def _fake_menu(self, asked) -> Answer:
        kept = self.rich_menus.get(self.default_rich_menu)
        if kept is None:
            return Answer({"menu": None, "image": None, "kind": ""})
        image = base64.b64encode(kept["image"]).decode()
        return Answer({"menu": kept["menu"], "image": image, "kind": kept["kind"]})

    def _fake_pushes(self, asked) -> Answer:
        return Answer({"pushes": self.pushes})

    def _fake_requests(self, asked) -> Answer:
        return Answer({"requests": self.requests})

    def _fake_faults(self, asked) -> Answer:
        order = asked.json()
        if "quota" in order:
            self.quota = order.pop("quota")
        if order.pop("heal", False):
            self.heal()
        if order:
            self.add_fault(**order)
        return Answer()

    def _fake_event(self, asked) -> Answer:
        order = asked.json()
        self.act(order["user"], order["kind"], text=order.get("text", ""), data=order.get("data", ""))
        return Answer()

    def _fake_code(self, asked) -> Answer:
        return Answer({"code": self.code(**asked.json())})

    @staticmethod
    def _require(faults: list[dict]) -> None:
        if faults:
            message = f"The request body has {len(faults)} error(s)"
            raise Refused(400, {"message": message, "details": faults})


ASKED = [
    ("POST", "/v2/bot/message/push", FakeLine._push),
    ("POST", "/v2/bot/message/reply", FakeLine._reply),
    ("GET", "/v2/bot/message/quota", FakeLine._quota),
    ("GET", "/v2/bot/message/quota/consumption", FakeLine._consumption),
    ("GET", "/v2/bot/info", FakeLine._info),
    ("POST", "/v2/bot/richmenu", FakeLine._rich_menu_create),
    ("GET", "/v2/bot/richmenu/list", FakeLine._rich_menu_list),
    ("GET", "/v2/bot/richmenu/([^/]+)", FakeLine._rich_menu_get),
    ("DELETE", "/v2/bot/richmenu/([^/]+)", FakeLine._rich_menu_delete),
    ("POST", "/v2/bot/richmenu/([^/]+)/content", FakeLine._rich_menu_upload),
    ("GET", "/v2/bot/richmenu/([^/]+)/content", FakeLine._rich_menu_image),
    ("POST", "/v2/bot/user/all/richmenu/([^/]+)", FakeLine._default_set),
    ("GET", "/v2/bot/user/all/richmenu", FakeLine._default_get),
    ("DELETE", "/v2/bot/user/all/richmenu", FakeLine._default_cancel),
    ("POST", "/oauth2/v2.1/verify", FakeLine._verify),
    ("POST", "/oauth2/v2.1/token", FakeLine._token),
    ("GET", "/oauth2/v2.1/authorize", FakeLine._authorize),
    ("GET", "/liff/edge/2/sdk.js", FakeLine._liff_sdk),
    ("GET", "/fake/messages", FakeLine._fake_messages),
    ("GET", "/fake/menu", FakeLine._fake_menu),
    ("GET", "/fake/pushes", FakeLine._fake_pushes),
    ("GET", "/fake/requests", FakeLine._fake_requests),
    ("POST", "/fake/faults", FakeLine._fake_faults),
    ("POST", "/fake/event", FakeLine._fake_event),
    ("POST", "/fake/code", FakeLine._fake_code),
]

LOGIN_PAGE = """<!doctype html><html lang="th"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>LINE (ตัวอย่าง)</title><style>
body{font:18px/1.6 sans-serif;max-width:24rem;margin:2rem auto;padding:0 1rem}ul{list-style:none;padding:0}
a{display:block;margin:.6rem 0;padding:.9rem 1rem;border-radius:.6rem;background:#e9eef3;color:#111}
</style><h1>LINE (ตัวอย่าง)</h1><p>เลือกว่าท่านคือใคร</p><ul>LINKS</ul></html>"""


@contextlib.contextmanager
def running(**channel):
    """A fake LINE in a thread of this process, for as long as the block lasts."""
    server = FakeLine(**channel)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5)


@contextlib.contextmanager
def in_a_process():
    """A fake LINE in a process of its own, for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "queuesite.demo.fake_line", "--port", str(port)]
    process = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[2])
    try:
        other = Elsewhere(f"http://127.0.0.1:{port}")
        other.wait_until_there()
        yield other
    finally:
        process.terminate()
        process.wait(30)


class Elsewhere:
    """A fake LINE in another process; `get` and `post` reach what is below /fake/. Raise OSError where it is silent."""

    def __init__(self, url: str):
        self.url = url

    def get(self, what: str, **query) -> dict:
        return self._ask(f"{what}?{urlencode(query)}")

    def post(self, what: str, **order) -> dict:
        return self._ask(what, json.dumps(order).encode())

    def wait_until_there(self) -> None:
        for _ in range(600):  # a machine with much else to do takes long to load a program
            with contextlib.suppress(OSError):
                self.get("requests")
                return
            time.sleep(0.1)
        raise OSError(f"no fake LINE at {self.url}")

    def _ask(self, path: str, body: bytes | None = None) -> dict:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(f"{self.url}/fake/{path}", data=body), timeout=30) as answer:
            return json.load(answer)


class _Asked:
    def __init__(self, query, headers, body, parts):
        self.query, self.headers, self.body, self.parts = query, headers, body, parts

    def json(self) -> dict:
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise _no(400, "The request body could not be parsed as JSON")
        return found

    def form(self) -> dict:
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}


class _Handler(BaseHTTPRequestHandler):
    line: FakeLine
    protocol_version = "HTTP/1.1"

    def _handle(self):
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not address.path.startswith("/fake/"):
            self.line.calls += 1
        fault = self.line.fault_for(address.path)
        answer = None
        if fault and fault.is_delay:
            self.line.wait(fault.before * self.line.chance())
        if not fault or fault.is_delay or fault.accepts:
            query = {name: values[-1] for name, values in parse_qs(address.query).items()}
            try:
                answer = self.line.answer(self.command, address.path, query, self.headers, body)
            except Refused as refusal:
                answer = refusal.answer
        if fault and fault.is_delay:
            self.line.wait(fault.after * self.line.chance())
        elif fault:
            self.line.wait(fault.hang)
            answer = Answer({"message": "made to fail"}, fault.status) if fault.status else None
        if not address.path.startswith("/fake/"):
            self.line.requests.append(
                {
                    "method": self.command,
                    "path": address.path,
                    "status": answer and answer.status,
                    "retry_key": self.headers.get("X-Line-Retry-Key"),
                }
            )
        if answer is None:
            self.close_connection = True
            return
        self._write(answer)

    do_GET = do_POST = do_DELETE = _handle  # noqa: N815 (the names are the library's)

    def _write(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body, ensure_ascii=False).encode()
        with contextlib.suppress(OSError):  # who asked has gone
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Line-Request-Id", str(uuid.uuid4()))
            if answer.location:
                self.send_header("Location", answer.location)
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *args):
        pass


def _no(status: int, message: str) -> Refused:
    return Refused(status, {"message": message})


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _encode(part: dict) -> str:
    return _base64(json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def main() -> None:
    parser = argparse.ArgumentParser(description="A LINE of our own, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=9000)
    given = {
        "access_token": os.environ.get("LINE_CHANNEL_ACCESS_TOKEN"),
        "channel_secret": os.environ.get("LINE_CHANNEL_SECRET"),
        "login_channel_id": os.environ.get("LINE_LOGIN_CHANNEL_ID"),
        "login_channel_secret": os.environ.get("LINE_LOGIN_CHANNEL_SECRET"),
        "webhook_url": os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000") + "/line/webhook/",
    }
    server = FakeLine(
        port=parser.parse_args().port, **{name: value for name, value in given.items() if value is not None}
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()


if __name__ == "__main__":
    main()
