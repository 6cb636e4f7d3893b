"""The demo's telephone shows what LINE would show, and what is done on it reaches our webhook, signed."""

import json
import time
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from django.urls import reverse

from booking.messages import sending
from members import line
from members.models import LineAccount
from queuesite.demo import fake_line
from tests.factories import make_member, make_slot, make_ticket

pytestmark = pytest.mark.django_db

USER, OTHER = fake_line.user_id(100001), fake_line.user_id(100002)


@pytest.fixture
def server(server, settings):
    settings.DEMO = True
    settings.PUBLIC_URL = "http://testserver"
    return server


@pytest.fixture
def webhook(server):
    """Stands where our webhook stands, and keeps what LINE sends there."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802 (the name is the library's)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((body, self.headers["X-Line-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args): ...

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        server.webhook_url = f"http://127.0.0.1:{http.server_port}/line/webhook/"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield lambda: (wait_for(received), received.pop())[1]
        http.shutdown()
        thread.join()


def wait_for(received):
    for _ in range(6000):
        if received:
            return
        time.sleep(0.01)
    raise AssertionError("nothing came")


@pytest.fixture
def sent(server):
    """A ticket whose message has been sent to USER."""
    member = make_member()
    LineAccount.objects.create(member=member, user_id=USER, linked_at="2026-11-01T00:00Z", proved_by="code")
    ticket = make_ticket(member=member, slot=make_slot(days_ahead=3))
    sending.send_owed()
    return ticket


def test_a_message_shows_with_its_number_and_buttons(client, sent):
    page = client.get(reverse("demo_line"), {"user": USER}).content.decode()

    assert sent.code in page
    assert "จองคิวแล้ว" in page
    assert f'href="/t/{sent.public_id}/#{sent.secret}"' in page
    assert f'value="cancel:{sent.public_id}"' in page
    assert f"hue-{sent.department.hue}" in page
    assert "style=" not in page


def test_the_card_s_picture_is_of_this_site_by_whatever_name_it_is_open(client, server, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    member = make_member()
    LineAccount.objects.create(member=member, user_id=USER, linked_at="2026-11-01T00:00Z", proved_by="code")
    ticket = make_ticket(member=member, slot=make_slot(days_ahead=3))
    sending.send_owed()

    page = client.get(reverse("demo_line"), {"user": USER}).content.decode()

    address = reverse("ticket_qr", args=[ticket.public_id])
    assert f'src="{address}"' in page
    assert "127.0.0.1:8000" not in page
    assert client.get(address)["Content-Type"] == "image/png"


def test_the_menu_is_below_the_chat(client, server):
    page = client.get(reverse("demo_line")).content.decode()

    assert 'aria-label="จองคิวออนไลน์"' in page
    assert 'value="tickets:"' in page
    assert client.get(reverse("demo_line_menu")).content.startswith(b"\x89PNG")
    client.get(reverse("demo_line"))
    assert len(server.rich_menus) == 1, "made once"


def test_each_user_has_a_telephone_of_their_own(client, sent):
    assert sent.code not in client.get(reverse("demo_line"), {"user": OTHER}).content.decode()
    assert client.get(reverse("demo_line"), {"user": "U" + "f" * 32}).status_code == 404


def test_an_open_page_is_told_when_there_is_something_new(client, sent):
    address = reverse("demo_line_chat")
    first = client.get(address, {"user": USER, "shown": "0"})
    assert (first.status_code, sent.code in first.content.decode()) == (200, True)
    assert client.get(address, {"user": USER, "shown": first["X-Version"]}).status_code == 204


@pytest.mark.parametrize(
    ("tapped", "expected"),
    [
        ({"kind": "message", "text": "คิว"}, {"type": "message", "message": {"text": "คิว"}}),
        ({"kind": "postback", "data": "cancel:1"}, {"type": "postback", "postback": {"data": "cancel:1"}}),
        ({"kind": "follow"}, {"type": "follow"}),
        ({"kind": "unfollow"}, {"type": "unfollow"}),
    ],
)
def test_what_is_done_there_is_sent_to_the_webhook_and_signed(client, server, webhook, tapped, expected):
    answer = client.post(reverse("demo_line_act"), {"user": USER} | tapped)

    assert answer["Location"] == f"{reverse('demo_line')}?user={USER}"
    body, signature = webhook()
    assert line.signature_is_right(body, signature)
    (event,) = json.loads(body)["events"]
    assert event["source"]["userId"] == USER
    for name, value in expected.items():
        assert event[name] == value if isinstance(value, str) else value.items() <= event[name].items()


@pytest.mark.parametrize("tapped", [{"kind": "message", "text": " "}, {"kind": "other"}, {}])
def test_nothing_is_made_of_what_makes_no_sense(client, server, tapped):
    assert client.post(reverse("demo_line_act"), {"user": USER} | tapped).status_code == 302
    assert not server.chats[USER]


def test_who_blocked_the_account_is_shown_nothing_more(client, server, webhook, sent):
    client.post(reverse("demo_line_act"), {"user": USER, "kind": "unfollow"})
    before = len(server.chats[USER])

    line.push(user_id=USER, messages=[{"type": "text", "text": "unseen"}], retry_key=str(uuid.uuid4()))

    assert len(server.chats[USER]) == before
    assert "เลิกบล็อก" in client.get(reverse("demo_line"), {"user": USER}).content.decode()


@pytest.mark.parametrize("name", ["demo_line", "demo_line_chat", "demo_line_menu"])
def test_it_is_there_in_the_demo_only(client, server, settings, name):
    settings.DEMO = False
    assert client.get(reverse(name)).status_code == 404
    settings.DEMO, settings.LINE_API_BASE = True, line.LINE_API
    assert client.get(reverse(name)).status_code == 404
    assert client.post(reverse("demo_line_act"), {"user": USER, "kind": "follow"}).status_code == 404


def test_while_the_fake_line_is_away_the_page_says_so(client, server, settings):
    settings.LINE_API_BASE = "http://127.0.0.1:9"

    answer = client.get(reverse("demo_line"))

    assert answer.status_code == 503
    assert "กรุณารอสักครู่" in answer.content.decode()
