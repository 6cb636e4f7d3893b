"""The way back on the same telephone: the browser keeps the page of the number, with what was typed, as long as it
lives."""

import pytest

from tests.browser import chromium_path, wait_for_rest
from tests.factories import make_citizen_id, make_member, make_open_department

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What Chromium without windows says of every page that it is asked to go back to. Any other reason is the page's own.
OF_THE_BROWSER = {"BackForwardCacheDisabledForDelegate", "BrowsingInstanceNotSwapped"}


@pytest.fixture
def page(chromium, live_server):
    """In a browser that may keep pages for the way back, which Playwright turns off."""
    browser = chromium.browser_type.launch(
        executable_path=chromium_path(),
        args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield browser.new_page(base_url=live_server.url, locale="th-TH")
    browser.close()
    wait_for_rest(live_server)


def reasons_not_to_keep(page, address) -> set[str]:
    """Why the page at this address was not kept while another was open; empty if it was."""
    reasons = []
    protocol = page.context.new_cdp_session(page)
    protocol.send("Page.enable")
    protocol.on(
        "Page.backForwardCacheNotUsed",
        lambda event: reasons.extend(one["reason"] for one in event["notRestoredExplanations"]),
    )
    page.evaluate("history.back()")  # page.go_back() waits for a load, which a kept page does not have
    page.wait_for_function("address => location.pathname === address", arg=address)
    page.wait_for_timeout(500)
    return set(reasons)


def test_the_citizen_id_is_there_after_back(page):
    department, citizen_id = make_open_department(), make_citizen_id()
    make_member(citizen_id=citizen_id)
    address = f"/book/{department.slug}/"
    page.goto(address)
    page.locator("#citizen-id").press_sequentially(citizen_id)
    page.get_by_role("button", name="ต่อไป").click()
    page.wait_for_url("**/confirm/")

    reasons = reasons_not_to_keep(page, address)

    assert reasons <= OF_THE_BROWSER
    if not reasons:
        assert page.locator("#citizen-id").input_value().replace("-", "") == citizen_id


def test_control_a_page_with_tickets_is_not_kept(page):
    page.goto("/tickets/")
    page.goto("/guide/")

    assert reasons_not_to_keep(page, "/tickets/") - OF_THE_BROWSER
