"""A real Chromium, held like a telephone in Thailand.

    def test_something(phone): phone.goto("/")

`phone` is a Playwright page on the live server; `old_phone` the same with JavaScript switched off; `new_phone()` makes
further ones, and `new_page(size)` those of any other size, each a device with cookies of its own.
"""

import os
import shutil
import time
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from playwright.sync_api import expect, sync_playwright

HOW_TO_GET_CHROMIUM = (
    "Browser tests need Chromium and Thai fonts. On Debian or Ubuntu: "
    "apt install chromium-headless-shell fonts-thai-tlwg fonts-noto-core (or set CHROMIUM to the path of one)."
)
BUSY = 30_000  # ms that a machine may stand still which others share
TELEVISION, DESK, TABLET, TELEPHONE = (1920, 1080), (1280, 800), (1024, 768), (390, 844)  # CSS pixels
SCREENSHOTS = Path(os.environ["VAR_DIR"]) / "screenshots"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
# The theme's column of delete boxes has an empty heading.
BACK_OFFICE_RULES = {
    "runOnly": AXE_RULES["runOnly"],
    "rules": {"empty-table-header": {"enabled": False}},
    "resultTypes": ["violations"],
}


def chromium_path() -> str | None:
    # The same browser without its windows comes first: it takes a third of the processor time.
    names = [os.environ.get("CHROMIUM", ""), "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium():
    path = chromium_path()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_CHROMIUM)
        pytest.skip(HOW_TO_GET_CHROMIUM)
    # Playwright runs an event loop in this thread, in which Django would refuse to use the database, and keeps other
    # connections than outside of it. Processes forked later are outside: they must not find an open one of ours there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    connections.close_all()
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    expect.set_options(timeout=BUSY)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def new_page(chromium, live_server):
    """Makes pages on the live server, each on a device of its own, of a size in CSS pixels; `user` is signed in there.
    Further options are Playwright's; service workers run only where an option allows them. A script that fails, or
    anything that the strict policy stops, fails the test."""
    contexts, troubles = [], []

    def make(size, *, user=None, **options):
        width, height = size
        settled = {"locale": "th-TH", "timezone_id": "Asia/Bangkok", "service_workers": "block"} | options
        if options.get("bypass_csp"):  # for axe, which reads the colours of a moment: not while something fades in
            settled["reduced_motion"] = "reduce"
        context = chromium.new_context(base_url=live_server.url, viewport={"width": width, "height": height}, **settled)
        context.set_default_timeout(BUSY)
        contexts.append(context)
        if user:
            sign_in(context, user, live_server.url)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if is_trouble(message) else None)
        page.troubles = troubles
        return page

    yield make
    for context in contexts:
        context.close()
    wait_for_rest(live_server)
    assert not troubles, troubles


@pytest.fixture
def new_phone(new_page):
    def make(*, width=390, **options):
        return new_page((width, 844), is_mobile=True, has_touch=True, **options)

    return make


@pytest.fixture
def phone(new_phone):
    return new_phone()


@pytest.fixture
def old_phone(new_phone):
    """Without JavaScript."""
    return new_phone(java_script_enabled=False)


def sign_in(context, user, url: str) -> None:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])


def wait_for_rest(live_server) -> None:
    """Until the server has answered what open pages asked of it last. A request still being answered would hold rows of
    the database that is emptied next: a deadlock, and the next test would find this one's departments."""
    give_up_at, ours = time.monotonic() + 60, psutil.Process()
    while any(one.laddr.port == live_server.thread.port and one.raddr for one in ours.net_connections("tcp")):
        assert time.monotonic() < give_up_at, "The server is still answering a page that has been closed."
        time.sleep(0.01)


def is_trouble(message) -> bool:
    # A refusal's status (404, 422) is reported as a failed load, and is no trouble; nor is a request that was given up
    # for a newer one, which htmx reports by these two names.
    given_up = message.text.partition(",")[0] in ("htmx:afterRequest", "htmx:sendAbort")
    return message.type == "error" and not given_up and not message.text.startswith("Failed to load resource")


# What measures a page waits until all of it is there: what a test has seen of it may stand before its style sheet, or
# before the rest of the page.


def violations(page, rules=AXE_RULES) -> list[str]:
    """What axe finds on a page, in a line each. The page's context must have been made with bypass_csp=True."""
    page.wait_for_load_state()
    page.add_script_tag(path=AXE)
    found = page.evaluate("rules => axe.run(document, rules)", rules)["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


def sideways_scroll(page) -> int:
    """By how many pixels the page is wider than the screen."""
    page.wait_for_load_state()
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def scrolled_sideways(page) -> list[str]:
    """Parts of the page whose right edge is only seen after scrolling: most often columns of a table."""
    page.wait_for_load_state()
    return page.evaluate(
        """() => [...document.querySelectorAll("main *, #page *")]
            .filter((one) => one.checkVisibility() && ["auto", "scroll"].includes(getComputedStyle(one).overflowX))
            .filter((one) => !one.matches("textarea, select") && one.scrollWidth > one.clientWidth + 1)
            .map((one) => `${one.scrollWidth} > ${one.clientWidth}: ${one.outerHTML.slice(0, 120)}`)"""
    )


def looks_right_at_desk_and_on_tablet(page, name: str) -> None:
    """A page of the back office, at both sizes: nothing runs out of it, and no table hides columns; then what axe says
    at the smaller. The pictures are kept under var/ to be looked at. The page's context must have been made with
    bypass_csp=True."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for width, height in (DESK, TABLET):
        page.set_viewport_size({"width": width, "height": height})
        assert sideways_scroll(page) == 0, (name, width)
        assert scrolled_sideways(page) == [], (name, width)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png", full_page=True)
    assert violations(page, BACK_OFFICE_RULES) == [], name


def lines_of(element) -> int:
    """In how many lines the text of an element (a locator) is broken."""
    return element.evaluate(
        "one => { const all = document.createRange(); all.selectNodeContents(one); return all.getClientRects().length }"
    )


def small_text(page, *, least=18) -> list[str]:
    """Visible text below `least` pixels."""
    page.wait_for_load_state()
    return page.evaluate(
        """least => {
            const found = [];
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
                if (!text || !element.checkVisibility()) continue;
                const size = parseFloat(getComputedStyle(element).fontSize);
                if (size < least) found.push(`${size}: ${text}`);
            }
            return found;
        }""",
        least,
    )


def small_targets(page, *, least=48) -> list[str]:
    """Links, buttons, fields and labelled radios that a finger could miss: less than `least` pixels high or wide."""
    page.wait_for_load_state()
    return page.evaluate(
        """least => {
            const found = [];
            for (const element of document.querySelectorAll("a, button, input, label[for]")) {
                const box = element.getBoundingClientRect(), style = getComputedStyle(element);
                const unseen = !element.checkVisibility() || style.opacity === "0" || element.type === "hidden";
                const caption = element.matches("label.label"), skip = element.matches(".skip");
                if (unseen || caption || skip) continue;
                if (box.height < least - 0.5 || box.width < least - 0.5)
                    found.push(`${box.width}x${box.height}: ${element.outerHTML.slice(0, 120)}`);
            }
            return found;
        }""",
        least,
    )


def cut_off(page) -> list[str]:
    """Text whose marks above or below are cut: higher than the box that hides what overflows."""
    page.wait_for_load_state()
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((one) => one.checkVisibility() && one.innerText && !one.matches(".unseen"))
            .filter((one) => getComputedStyle(one).overflowY === "hidden")
            .filter((one) => one.clientHeight && one.scrollHeight > one.clientHeight + 1)
            .map((one) => `${one.scrollHeight} > ${one.clientHeight}: ${one.outerHTML.slice(0, 120)}`)"""
    )
