"""The office's screens in a real Chromium: televisions, and tablets on which staff are signed in."""

import pytest
from django.conf import settings
from django.test import Client

from tests.browser import is_trouble

TELEVISION, TABLET, TELEPHONE = (1920, 1080), (1024, 768), (390, 844)


@pytest.fixture
def new_screen(chromium, live_server):
    """Makes pages of a size in CSS pixels, each on a device of its own; `user` is signed in there. Further options are
    Playwright's. A script that fails, or anything that the strict policy stops, fails the test."""
    contexts, troubles = [], []

    def make(size, *, user=None, **options):
        settled = {"locale": "th-TH", "timezone_id": "Asia/Bangkok"} | options
        width, height = size
        context = chromium.new_context(base_url=live_server.url, viewport={"width": width, "height": height}, **settled)
        context.set_default_timeout(10_000)
        contexts.append(context)
        if user:
            sign_in(context, user, live_server.url)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if is_trouble(message) else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not troubles


def sign_in(context, user, url: str) -> None:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])


def cut_off(page) -> list[str]:
    """Text whose marks above or below are cut: higher than the box that hides what overflows."""
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((one) => one.checkVisibility() && one.innerText && !one.matches(".unseen"))
            .filter((one) => getComputedStyle(one).overflowY === "hidden")
            .filter((one) => one.clientHeight && one.scrollHeight > one.clientHeight + 1)
            .map((one) => `${one.scrollHeight} > ${one.clientHeight}: ${one.outerHTML.slice(0, 120)}`)"""
    )
