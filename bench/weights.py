"""What a member's telephone loads: the bytes on the way to a ticket, fonts included, in a real Chromium."""

import os
import shutil

from playwright.sync_api import sync_playwright

from bench.servers import serving
from queuesite.demo import office

CHROMIUM = [os.environ.get("CHROMIUM", ""), "chromium-headless-shell", "chromium", "google-chrome"]


def measure(url: str) -> dict:
    """Kilobytes over the line, headers included, page by page, each one after those before it in one browser."""
    path = next((path for name in CHROMIUM if name and (path := shutil.which(name))), None)
    if path is None:
        return {
            "missing": "Chromium is needed: apt install chromium-headless-shell, or set CHROMIUM to the path of one."
        }
    found = {}
    with serving(url, workers=1) as server, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        page = browser.new_context(locale="th-TH", is_mobile=True, viewport={"width": 390, "height": 844}).new_page()
        loaded = []
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))

        def weigh(name: str) -> None:
            page.wait_for_load_state("networkidle")
            found[name] = sum(loaded) / 1000
            loaded.clear()

        page.goto(f"http://127.0.0.1:{server.port}/")
        weigh("home, the first page")
        page.locator("a[href^='/book/']").first.click()
        weigh("identify")
        page.locator("input[name=citizen_id]").fill(office.citizen_id(office.FIRST_NUMBER))
        page.get_by_role("button", name="ต่อไป").click()
        page.wait_for_url("**/confirm/**")
        weigh("confirm")
        page.get_by_role("button", name="ใช่", exact=True).click()
        page.wait_for_url("**/days/")
        weigh("days")
        page.locator("a.day").first.click()
        page.wait_for_url("**/days/*-*/**")
        weigh("times")
        page.locator(".time input:not(:disabled) + label").first.click()
        page.get_by_role("button", name="จองคิว").click()
        page.wait_for_url("**/t/**")
        weigh("ticket")
        browser.close()
    return {"kilobytes": found}
