"""Signing in by LINE: only with what LINE's own server vouches for, and only on the device that asked."""

import base64
import hashlib
import hmac
import json
import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from members.codes import issue_code
from members.models import LineAccount
from queuesite.demo import fake_line
from tests.factories import make_member, make_open_department, make_ticket, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

SOMCHAI, MALEE = fake_line.user_id(100001), fake_line.user_id(100003)
LOG_IN, CALLBACK = reverse("line_log_in"), reverse("line_callback")


@pytest.fixture
def account():
    return LineAccount.objects.create(member=make_member(), user_id=SOMCHAI, linked_at=timezone.now(), proved_by="code")


def is_in(client) -> bool:
    """Whether the device is signed in by LINE, linked or still to be."""
    by_line = client.get(reverse("line_unlink")).status_code == 200
    return by_line or client.get(reverse("line_link")).status_code == 200


# --- by LIFF ------------------------------------------------------------------------------------------------------


def test_who_is_linked_goes_on_to_book(client, server, account):
    answer = client.post(LOG_IN, {"id_token": server.id_token(sub=SOMCHAI)})
    assert answer["Location"] == reverse("home")
    assert account.member.full_name in text(client.get(reverse("line")))
    department = make_open_department()
    days = client.get(reverse("identify", args=[department.slug]))
    assert days["Location"] == reverse("days", args=[department.slug])


def test_the_token_may_come_as_json(client, server, account):
    answer = client.post(LOG_IN, {"id_token": server.id_token(sub=SOMCHAI)}, content_type="application/json")
    assert answer["Location"] == reverse("home")
    assert is_in(client)


def test_the_cookie_is_out_of_reach_of_scripts(client, server, account):
    client.post(LOG_IN, {"id_token": server.id_token(sub=SOMCHAI)})
    cookie = client.cookies["line"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 30 * 24 * 3600
    assert SOMCHAI not in cookie.value


def test_on_to_where_the_member_was_going_but_never_to_another_site(client, server, account):
    token = server.id_token(sub=SOMCHAI)
    for onward, leads_to in [
        ("/tickets/", "/tickets/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/" + "x" * 300, "/"),
    ]:
        assert client.post(LOG_IN, {"id_token": token, "next": onward})["Location"] == leads_to


def forged(server) -> dict:
    """Twelve tokens and more that must let nobody in."""
    good = server.id_token(sub=SOMCHAI)
    head, body, signature = good.split(".")
    now = time.time()

    def part(content) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    by_public_key = hmac.new(server.login_channel_id.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return {
        "signed with another key": server.id_token(sub=SOMCHAI, key=b"another key"),
        "signed with the channel's id": f"{head}.{body}.{base64.urlsafe_b64encode(by_public_key).decode().rstrip('=')}",
        "alg none": f"{part({'typ': 'JWT', 'alg': 'none'})}.{body}.",
        "alg none with the signature": f"{part({'typ': 'JWT', 'alg': 'none'})}.{body}.{signature}",
        "another user put in": f"{head}.{part(claims | {'sub': MALEE})}.{signature}",
        "expired": server.id_token(sub=SOMCHAI, exp=now - 1),
        "another channel's": server.id_token(sub=SOMCHAI, aud="1660000001"),
        "no audience": server.id_token(sub=SOMCHAI, aud=""),
        "another issuer's": server.id_token(sub=SOMCHAI, iss="https://access.line.example"),
        "nobody's": server.id_token(sub=""),
        "empty": "",
        "huge": good + "x" * 50_000,
        "truncated": good[:-3],
        "without a signature": f"{head}.{body}",
        "not a token": "let me in",
        "a user id": SOMCHAI,
        "in Thai": "ก.ข.ค",
    }


def test_forged_tokens_let_nobody_in(client, server, account):
    tokens = forged(server)
    assert len(tokens) >= 12
    for kind, token in tokens.items():
        for content_type in ({}, {"content_type": "application/json"}):
            answer = client.post(LOG_IN, {"id_token": token, "user_id": SOMCHAI, "userId": SOMCHAI}, **content_type)
            assert answer.status_code == 401, kind
            assert "ยังเข้าใช้ด้วย LINE ไม่ได้" in text(answer), kind
            assert not is_in(client), kind
    assert client.post(LOG_IN, {"id_token": server.id_token(sub=SOMCHAI)}).status_code == 302, "a good one does"


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"id_token": 5}', '{"id_token": null}', "\x00"])
def test_nonsense_is_refused_in_words(client, server, body):
    assert client.post(LOG_IN, body, content_type="application/json").status_code == 401


def test_a_token_kept_until_it_has_ended_is_of_no_use(client, server, account):
    token = server.id_token(sub=SOMCHAI, exp=time.time() + 60)
    assert client.post(LOG_IN, {"id_token": token}).status_code == 302
    later = Client()
    with time_machine.travel(timezone.now() + timezone.timedelta(seconds=61)):
        assert later.post(LOG_IN, {"id_token": token}).status_code == 401
    assert not is_in(later)


def test_what_the_page_says_of_the_user_is_not_taken(client, server, account):
    answer = client.post(LOG_IN, {"id_token": server.id_token(sub=MALEE), "user_id": SOMCHAI})
    assert answer["Location"] == reverse("line_link")


def test_only_by_post_and_not_from_another_site(server, account):
    strict = Client(enforce_csrf_checks=True)
    token = server.id_token(sub=SOMCHAI)
    assert strict.get(LOG_IN, {"id_token": token}).status_code == 405
    assert strict.post(LOG_IN, {"id_token": token}).status_code == 403
    page = strict.get(reverse("line") + "?stay")
    csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())[1]
    assert strict.post(LOG_IN, {"id_token": token, "csrfmiddlewaretoken": csrf}).status_code == 302
    as_json = strict.post(LOG_IN, {"id_token": token}, content_type="application/json", headers={"x-csrftoken": csrf})
    assert as_json.status_code == 302


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"hang": 0.1}])
def test_while_line_is_silent_there_is_another_way(client, server, account, fault):
    server.add_fault(**fault)
    answer = client.post(LOG_IN, {"id_token": server.id_token(sub=SOMCHAI)})
    assert answer.status_code == 503
    assert "จองคิวโดยไม่ใช้ LINE" in text(answer)
    assert not is_in(client)


# --- by LINE Login ------------------------------------------------------------------------------------------------


def set_out(client, **query) -> dict:
    """Begin a log-in; gives what LINE's page was told."""
    answer = client.get(reverse("line_start"), query)
    address = urlsplit(answer["Location"])
    assert address.path == "/oauth2/v2.1/authorize"
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def agree(server, told, *, user=SOMCHAI, **instead) -> dict:
    """What LINE's page sends back with."""
    names = ("redirect_uri", "nonce", "code_challenge")
    code = server.code(sub=user, **{name: told[name] for name in names} | instead)
    return {"code": code, "state": told["state"]}


def refused(answer) -> bool:
    return answer["Location"] == reverse("line") + "?why=line_refused"


def test_there_and_back(client, server, account):
    told = set_out(client, next="/tickets/")
    assert told["redirect_uri"] == "http://testserver" + CALLBACK
    answer = client.get(CALLBACK, agree(server, told))
    assert answer["Location"] == "/tickets/"
    assert is_in(client)


def test_lines_own_pages_and_the_address_of_the_host_in_use(client, settings):
    settings.LINE_LOGIN_CHANNEL_ID = "1650000000"
    address = client.get(reverse("line_start"), secure=True, headers={"host": "queue.example.org"})["Location"]
    assert address.startswith("https://access.line.me/oauth2/v2.1/authorize?")
    query = parse_qs(urlsplit(address).query)
    assert query["redirect_uri"] == ["https://queue.example.org/line/callback/"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == ["openid"]


def test_the_way_back_is_good_once(client, server, account):
    back = agree(server, set_out(client))
    client.get(CALLBACK, back)
    client.post(reverse("line_leave"))
    assert refused(client.get(CALLBACK, back))
    assert not is_in(client)


def test_another_device_is_not_let_in(client, server, account):
    back = agree(server, set_out(client))
    victim = Client()
    assert refused(victim.get(CALLBACK, back)), "one that never set out"
    own = set_out(victim)
    assert refused(victim.get(CALLBACK, back)), "one that set out for itself"
    set_out(victim)
    assert refused(victim.get(CALLBACK, back | {"state": own["state"]})), "with a state of before"
    assert not is_in(victim)


@pytest.mark.parametrize(
    "instead",
    [{"nonce": "another"}, {"nonce": ""}, {"code_challenge": "x" * 43}, {"redirect_uri": "https://evil.example/"}],
)
def test_a_code_that_was_meant_for_another_log_in(client, server, account, instead):
    told = set_out(client)
    assert refused(client.get(CALLBACK, agree(server, told, **instead)))
    assert not is_in(client)


def test_who_does_not_agree_at_line_may_book_without_it(client, server):
    told = set_out(client)
    answer = client.get(CALLBACK, {"error": "access_denied", "state": told["state"]})
    assert refused(answer)
    assert "จองคิวโดยไม่ใช้ LINE" in text(client.get(answer["Location"]))


@pytest.mark.parametrize("query", [{}, {"state": ""}, {"code": "x"}, {"state": "ก", "code": "ก"}, {"state": "\x00"}])
def test_a_callback_out_of_nowhere(client, server, query):
    assert refused(client.get(CALLBACK, query))
    set_out(client)
    assert refused(client.get(CALLBACK, query))


def test_a_log_in_begun_eleven_minutes_ago(client, server, account):
    told = set_out(client)
    with time_machine.travel(timezone.now() + timezone.timedelta(minutes=11)):
        assert refused(client.get(CALLBACK, agree(server, told)))


def test_line_silent_on_the_way_back(client, server, account):
    told = set_out(client)
    server.fail(503)
    answer = client.get(CALLBACK, agree(server, told))
    assert "ขณะนี้ติดต่อ LINE ไม่ได้" in text(client.get(answer["Location"]))


# --- linking, page by page ----------------------------------------------------------------------------------------


def sign_in(client, server, user=SOMCHAI, **form):
    return client.post(LOG_IN, {"id_token": server.id_token(sub=user), **form})


@pytest.fixture(autouse=True)
def telephone_as_proof(settings):
    settings.LINE_LINK_PROOF = "member_proof"


def identify(client, member, *, proof="5678", **form):
    form |= {"by": "member_number", "member_number": member.member_number, "proof": proof}
    return client.post(reverse("line_link"), form)


def test_from_the_first_sign_in_to_the_own_name(client, server):
    member = make_member(title="นาง", given_name="เพ็ญศรี", family_name="ใจดี")
    assert sign_in(client, server)["Location"] == reverse("line_link")
    assert identify(client, member)["Location"] == reverse("line_confirm")
    page = client.get(reverse("line_confirm"))
    assert "นางเพ็••• ใจ•••" in text(page)
    assert "เพ็ญศรี" not in page.content.decode()
    assert "รหัสผูกบัญชี" not in text(page)

    answer = client.post(reverse("line_confirm"), {"answer": "yes"})

    assert LineAccount.objects.get().user_id == SOMCHAI
    said = text(client.get(answer["Location"]))
    assert "ผูกบัญชี LINE แล้ว" in said
    assert "นางเพ็ญศรี ใจดี" in said
    assert client.get(reverse("line_link"))["Location"] == reverse("line"), "what linking needed is forgotten"


def test_linking_leads_on_to_where_the_member_was_going(client, server):
    sign_in(client, server, next="/book/loans/days/")
    identify(client, make_member())
    assert client.post(reverse("line_confirm"), {"answer": "yes"})["Location"] == "/book/loans/days/"


def test_no_is_no(client, server):
    sign_in(client, server)
    identify(client, make_member())
    for answer in ({"answer": "no"}, {}):
        assert client.post(reverse("line_confirm"), answer)["Location"] == reverse("line_link")
    assert not LineAccount.objects.exists()


def test_without_signing_in_by_line_there_is_no_linking(client, server):
    member = make_member()
    for page in ("line_link", "line_confirm", "line_unlink"):
        assert client.get(reverse(page))["Location"] == reverse("line")
        assert client.post(reverse(page), {"answer": "yes"})["Location"] == reverse("line")
    assert identify(client, member)["Location"] == reverse("line")
    assert not LineAccount.objects.exists()


def test_a_name_confirmed_for_booking_links_nothing(client, server, settings):
    """The number alone let it through there; here a proof is asked for."""
    from tests.pages import confirm_name

    settings.LINE_LINK_PROOF = "member_proof"
    sign_in(client, server)
    confirm_name(client, make_open_department())
    client.cookies["line_claim"] = client.cookies["identity"].value
    answer = client.post(reverse("line_confirm"), {"answer": "yes"})
    assert answer["Location"] == reverse("line_link") + "?expired"
    assert "กรุณากรอกเลขของท่านอีกครั้ง" in text(client.get(answer["Location"]))
    assert not LineAccount.objects.exists()


def test_the_telephone_is_asked_for_where_it_is_the_proof(client, server, settings):
    settings.LINE_LINK_PROOF = "code"
    sign_in(client, server)
    assert "เลขท้าย 4 ตัว" not in text(client.get(reverse("line_link")))
    settings.LINE_LINK_PROOF = "member_proof"
    assert "เลขท้าย 4 ตัว" in text(client.get(reverse("line_link")))
    member = make_member(phone="0812345678")
    assert identify(client, member, proof="0000").status_code == 422
    assert identify(client, member, proof="5678").status_code == 302


def test_a_refused_number_is_told_beside_the_field_with_what_was_typed(client, server):
    sign_in(client, server)
    answer = client.post(reverse("line_link"), {"by": "citizen_id", "citizen_id": "๑-๑๙๙๐ 0"})
    assert answer.status_code == 422
    assert 'value="๑-๑๙๙๐ 0"' in answer.content.decode()
    assert "เลขประจำตัวประชาชนมี 13 หลัก" in text(answer)
    assert "สมัครใช้บริการครั้งแรก" in text(identify(client, make_member(is_registered=False)))


def test_look_ups_are_counted_as_everywhere(client, server, settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"address": "1/900"}
    sign_in(client, server)
    identify(client, make_member())
    answer = identify(client, make_member())
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_the_clerks_code_page_by_page(client, server, settings):
    settings.LINE_LINK_PROOF, settings.DEMO = "code", False  # the demo's pages make codes of their own
    member = make_member()
    sign_in(client, server)
    identify(client, member, proof="")
    assert "รหัสผูกบัญชี 8 หลัก" in text(client.get(reverse("line_confirm")))
    code = issue_code(member=member, by=make_user())

    for typed, said in [("", "กรุณากรอกรหัส 8 หลัก"), ("1234", "รหัสนี้ใช้ไม่ได้"), ("\x00", "กรุณากรอกรหัส 8 หลัก")]:
        answer = client.post(reverse("line_confirm"), {"answer": "yes", "code": typed})
        assert answer.status_code == 422
        assert said in text(answer)
    assert client.post(reverse("line_confirm"), {"answer": "yes", "code": code}).status_code == 302
    assert LineAccount.objects.get().member == member


def test_two_line_users_on_one_telephone(client, server):
    """A claim made as one of them is none for the other."""
    sign_in(client, server, SOMCHAI)
    identify(client, make_member())
    claim = client.cookies["line_claim"].value
    sign_in(client, server, MALEE)
    client.cookies["line_claim"] = claim
    answer = client.post(reverse("line_confirm"), {"answer": "yes"})
    assert answer["Location"] == reverse("line_link") + "?expired"
    assert not LineAccount.objects.exists()


def test_signing_in_as_another_ends_the_first_on_this_device(client, server, account):
    ticket = make_ticket(member=account.member)
    sign_in(client, server, SOMCHAI)
    sign_in(client, server, MALEE)
    assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 404


# --- an office without LINE, and what stays with it ---------------------------------------------------------------


def test_without_line_the_page_says_so_and_leads_to_the_booking(client):
    said = client.get(reverse("line"))
    assert "ยังไม่เปิดให้เข้าใช้ด้วย LINE" in text(said)
    assert f'href="{reverse("home")}"' in said.content.decode()
    assert client.get(reverse("line_start"))["Location"] == reverse("line")
    assert "บัญชี LINE" not in text(client.get(reverse("home")))


def test_liff_is_loaded_only_where_the_office_has_an_app(client, server, settings):
    assert "liff" not in client.get(reverse("line")).content.decode()
    settings.LINE_LIFF_ID = "1650000000-abcd"
    page = client.get(reverse("line"))
    assert 'data-liff="1650000000-abcd"' in page.content.decode()
    policy = page["Content-Security-Policy"]
    assert f"script-src 'self' {server.url}/liff/edge/2/sdk.js;" in policy + ";"
    assert "unsafe" not in policy
    assert "https://api.line.me" in policy
    elsewhere = client.get(reverse("home"))["Content-Security-Policy"]
    assert "https://api.line.me" not in elsewhere and "/liff/" not in elsewhere


def test_liff_comes_from_lines_own_address(client, settings):
    settings.LINE_LOGIN_CHANNEL_ID = settings.LINE_LOGIN_CHANNEL_SECRET = "1650000000"
    settings.LINE_LIFF_ID = "1650000000-abcd"
    page = client.get(reverse("line"))
    assert 'src="https://static.line-scdn.net/liff/edge/2/sdk.js"' in page.content.decode()
    policy = [directive.strip() for directive in page["Content-Security-Policy"].split(";")]
    assert "script-src 'self' https://static.line-scdn.net/liff/edge/2/sdk.js" in policy


def test_no_user_id_in_addresses_and_pages(client, server):
    found = []
    for answer in (
        sign_in(client, server),
        client.get(reverse("line_link")),
        identify(client, make_member()),
        client.get(reverse("line_confirm")),
        client.post(reverse("line_confirm"), {"answer": "yes"}),
        client.get(reverse("line")),
    ):
        found += [answer.get("Location", ""), answer.content.decode()]
    assert not [one for one in found if SOMCHAI in one]
