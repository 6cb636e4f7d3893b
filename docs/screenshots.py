"""Takes the pictures of the members' guide and of the staff's manual from a demo that runs:
python docs/screenshots.py http://127.0.0.1:8000 [setup day-list ...]

With names of PAGES only these are taken, else all.

Walks the member's way in each language, in Chromium, and writes static/img/guide/<language>/<step>.webp. Books one
ticket for each language, and cancels it. Then opens the pages of PAGES as staff, and writes static/img/manual/. Run it
while `manage.py simulate_day` is playing, and a minute or two after `manage.py wait_in_demo`, so that the pages have
something to show. Needs what requirements-dev.txt installs, and Debian's chromium with fonts.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "static" / "img"
FOLDER = IMAGES / "guide"
WIDTH, HEIGHT = 390, 900
# What stands below the head of the page, down to the buttons.
PART = {"x": 0, "y": 70, "width": WIDTH, "height": 640}
DEPARTMENT = "loans"

PASSWORD = "demo-queue-2569"  # of every log-in of the demo
# Whom each page of the manual shows itself to, and where it is.
PAGES = {
    "today": ("manager", "/admin/booking/department/today/"),
    "counter": ("counter1", "/counter/1/"),
    "kiosk": ("manager", "/kiosk/"),
    "board": ("manager", "/board/"),
    "tickets": ("manager", "/admin/booking/ticket/"),
    "day-list": ("manager", "/admin/booking/ticket/day-list/?department=3"),  # it has topics
    "waiting": ("manager", "/admin/booking/ticket/waiting/"),
    "calendar": ("manager", "/admin/booking/slot/calendar/"),
    "department": ("manager", "/admin/booking/department/1/change/"),
    "import": ("manager", "/admin/members/member/import/"),
    "messages": ("manager", "/admin/booking/messagechoice/"),
    "reports": ("manager", "/admin/booking/department/reports/"),
    "setup": ("manager", "/admin/office/setting/setup/"),
}


def main(site: str, *names: str) -> None:
    pages = {name: page for name, page in PAGES.items() if not names or name in names}
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        for language in () if names else ("th", "en"):
            context = browser.new_context(
                base_url=site,
                viewport={"width": WIDTH, "height": HEIGHT},
                is_mobile=True,
                has_touch=True,
                bypass_csp=True,
                reduced_motion="reduce",
                timezone_id="Asia/Bangkok",
            )
            context.add_cookies([{"name": "django_language", "value": language, "url": site}])
            walk(context.new_page(), FOLDER / language)
        for username in sorted({who for who, _path in pages.values()}):
            show_staff(browser, site, username, {name: path for name, (who, path) in pages.items() if who == username})
        browser.close()


def walk(page, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.goto("/status/")
    take(page, folder / "1-status.webp")

    page.goto("/")
    take(page, folder / "2-home.webp")

    page.goto(f"/book/{DEPARTMENT}/")
    page.locator("#citizen-id").fill(page.locator("[data-example]").first.inner_text())
    page.locator("main form .button").click()
    take(page, folder / "3-confirm.webp")

    page.locator("button[value=yes]").click()
    show_a_grey_day(page)
    take(page, folder / "4-days.webp")

    page.locator("a.day").nth(1).click()
    page.locator(".time input:not(:disabled) + label").nth(1).click()
    page.locator(".bar .button").click()
    page.wait_for_url("**/t/**")
    address = page.url.partition("?")[0]
    take(page, folder / "5-ticket.webp")

    page.goto(f"{address}cancel/")
    take(page, folder / "6-cancel.webp")
    page.locator("main form .button").first.click()


def show_staff(browser, site: str, username: str, pages: dict[str, str]) -> None:
    folder = IMAGES / "manual"
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(
        base_url=site, viewport={"width": 1280, "height": 800}, reduced_motion="reduce", timezone_id="Asia/Bangkok"
    )
    context.add_cookies([{"name": "django_language", "value": "th", "url": site}])
    page = context.new_page()
    page.goto("/admin/login/")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.locator("[type=submit]").first.click()
    page.wait_for_load_state()
    for name, path in pages.items():
        page.goto(path)
        page.wait_for_timeout(800)  # for letters, and for what the page asks for itself
        write(page.screenshot(), folder / f"{name}.webp")
    context.close()


def show_a_grey_day(page) -> None:
    """Scroll so that a white box stands beside a grey one, which is what the picture is to explain."""
    page.locator(".strip-days").evaluate(
        """strip => {
            const grey = strip.querySelector(".day-cannot");
            if (grey) strip.scrollLeft += grey.getBoundingClientRect().left - strip.clientWidth * 0.45;
        }"""
    )


def take(page, path: Path) -> None:
    # What only the demo shows is no part of the pages that members see.
    page.add_style_tag(content=".demo { display: none !important }")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)
    write(page.screenshot(clip=PART), path)


def write(screenshot: bytes, path: Path) -> None:
    picture = Image.open(io.BytesIO(screenshot)).convert("RGB")
    picture.quantize(96, dither=Image.Dither.NONE).convert("RGB").save(path, "WEBP", lossless=True, method=6)
    print(f"{path.relative_to(IMAGES)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["http://127.0.0.1:8000"]))
