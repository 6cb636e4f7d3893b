"""The guide, and its counter: visits of people, once a browser session, and nothing of who they were."""

import pytest
from django.urls import reverse

from booking.models.visits import total_visits
from tests.pages import text

pytestmark = pytest.mark.django_db

PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 12) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36 Line/13.1"}


def test_six_steps_with_pictures(client):
    page = client.get(reverse("guide"), headers=PHONE).content.decode()
    assert page.count("<h2>") == page.count('<img class="shot"') == 6


def test_a_visit_counts_once(client):
    first = client.get(reverse("guide"), headers=PHONE)
    again = client.get(reverse("guide"), headers=PHONE)
    assert "มีผู้เข้าชมหน้านี้ 1 ครั้ง" in text(first)
    assert "มีผู้เข้าชมหน้านี้ 1 ครั้ง" in text(again)
    client.cookies.clear()
    assert "มีผู้เข้าชมหน้านี้ 2 ครั้ง" in text(client.get(reverse("guide"), headers=PHONE))


def test_the_cookie_says_nothing_and_ends_with_the_browser(client):
    client.get(reverse("guide"), headers=PHONE)
    cookie = client.cookies["visited"]
    assert (cookie.value, cookie["max-age"], cookie["expires"]) == ("1", "", "")


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"User-Agent": "facebookexternalhit/1.1;line-poker/1.0"},
        {"User-Agent": ""},
        PHONE | {"Sec-Purpose": "prefetch;prerender"},
        PHONE | {"Purpose": "prefetch"},
    ],
)
def test_robots_and_prefetches_do_not_count(client, headers):
    assert client.get(reverse("guide"), headers=headers).status_code == 200
    assert total_visits() == 0
    assert "visited" not in client.cookies


def test_head_does_not_count(client):
    client.head(reverse("guide"), headers=PHONE)
    assert total_visits() == 0
