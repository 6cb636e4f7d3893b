"""`manage.py line_rich_menu`: our menu with its picture is shown to all, may be made again, and leaves others alone."""

import io

import pytest
from django.core.management import CommandError, call_command
from linebot.v3.messaging import ApiClient
from PIL import Image

from booking.line import rich_menu
from members import line


@pytest.fixture
def server(server, settings):
    settings.IMEMBER_LOGIN_URL = "https://imember.example.org/login"
    settings.LINE_LIFF_ID = ""
    return server


def make_menu() -> str:
    said = io.StringIO()
    call_command("line_rich_menu", stdout=said)
    return said.getvalue()


def shown(server) -> dict:
    return server.rich_menus[server.default_rich_menu]


def test_the_menu_leads_to_i_member_to_booking_and_to_one_s_tickets(server):
    assert server.default_rich_menu is None

    said = make_menu()

    assert server.default_rich_menu in said
    areas = shown(server)["menu"]["areas"]
    assert [area["action"]["label"] for area in areas] == ["ไอเมมเบอร์", "จองคิวออนไลน์", "บัตรคิวของฉัน"]
    assert [area["action"].get("uri") or area["action"]["data"] for area in areas] == [
        "https://imember.example.org/login",
        "https://queue.example.org/line/",
        "tickets:",
    ]


def test_with_liff_booking_opens_inside_line(server, settings):
    settings.LINE_LIFF_ID = "1650000000-abcdefgh"
    make_menu()

    assert shown(server)["menu"]["areas"][1]["action"]["uri"] == "https://liff.line.me/1650000000-abcdefgh"


def test_every_place_on_the_menu_leads_somewhere_and_none_to_two(server):
    make_menu()
    bounds = [area["bounds"] for area in shown(server)["menu"]["areas"]]

    for x in range(2500):
        assert sum(each["x"] <= x < each["x"] + each["width"] for each in bounds) == 1
    assert {(each["y"], each["height"]) for each in bounds} == {(0, 843)}


def test_the_picture_is_as_large_as_the_menu_and_small_enough_to_send(server):
    make_menu()
    kept = shown(server)

    image = Image.open(io.BytesIO(kept["image"]))
    assert (image.format, image.size) == ("PNG", (2500, 843))
    assert len(kept["image"]) < 1_000_000
    # Each column has the colour of its ticket.
    assert [image.convert("RGB").getpixel((x, 60)) for x in (416, 1250, 2083)] == [
        (0x5A, 0x2A, 0x86),
        (0x0A, 0x4A, 0x9F),
        (0xFF, 0xFF, 0xFF),
    ]


def test_made_again_it_replaces_its_own_and_leaves_others_alone(server):
    make_menu()
    first = server.default_rich_menu
    others = line.add_rich_menu(rich_menu.menu() | {"name": "ของสหกรณ์"}, image=rich_menu.draw())

    said = make_menu()

    assert first in said
    assert set(server.rich_menus) == {others, server.default_rich_menu}
    assert server.default_rich_menu != first


def test_what_failed_halfway_is_cleared_away_by_the_next_run(server):
    make_menu()
    first = server.default_rich_menu
    server.fail(500, path="/v2/bot/richmenu/richmenu-")

    with pytest.raises(CommandError, match="500"):
        make_menu()
    assert server.default_rich_menu == first
    make_menu()

    assert list(server.rich_menus) == [server.default_rich_menu]


def test_a_wrong_token_is_said(server, settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = "wrong"

    with pytest.raises(CommandError, match=r"401.*LINE_CHANNEL_ACCESS_TOKEN"):
        make_menu()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("LINE_CHANNEL_ACCESS_TOKEN", "LINE_CHANNEL_ACCESS_TOKEN"),
        ("IMEMBER_LOGIN_URL", "IMEMBER_LOGIN_URL"),
        ("PUBLIC_URL", "LINE_LIFF_ID or PUBLIC_URL"),
    ],
)
def test_a_setting_that_is_missing_is_named(server, settings, name, said):
    settings.OWN_IMEMBER = False
    setattr(settings, name, "")

    with pytest.raises(CommandError, match=said):
        make_menu()
    assert server.calls == 0


def test_line_itself_takes_the_picture_at_its_other_host(settings, monkeypatch):
    """The SDK knows LINE's two hosts only as long as it is told none."""
    settings.LINE_API_BASE, settings.LINE_CHANNEL_ACCESS_TOKEN = line.LINE_API, "token"
    asked = []

    def call_api(client, path, method, *args, _host=None, **kwargs):
        asked.append((client.configuration.host or _host, method, path))
        return type("Made", (), {"rich_menu_id": "richmenu-1"})

    monkeypatch.setattr(ApiClient, "call_api", call_api)
    settings.IMEMBER_LOGIN_URL, settings.PUBLIC_URL = "https://imember.example.org", "https://queue.example.org"
    line.add_rich_menu(rich_menu.menu(), image=b"png")

    assert asked == [
        ("https://api.line.me", "POST", "/v2/bot/richmenu"),
        ("https://api-data.line.me", "POST", "/v2/bot/richmenu/{richMenuId}/content"),
    ]
