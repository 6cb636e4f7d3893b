"""Boards of offices of every size, on screens that lie and that stand: every counter that calls has its row, every
department is shown in its turn, and nothing is cut off."""

import os
import secrets

import pytest
from django.utils import timezone

from booking.models import Counter, Department, Ticket
from booking.models.tickets import State
from tests.browser import TELEVISION, cut_off, sideways_scroll

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UPRIGHT = (1080, 1920)
LONG = "ฝ่ายสมาคมฌาปนกิจสงเคราะห์และสวัสดิการสมาชิกผู้สูงอายุ"
HUES = Department.Hue.values


def furnish(departments: int, counters: int) -> None:
    """An office in which every counter is calling somebody, and in whose queues people wait."""
    made = Department.objects.bulk_create(
        Department(
            slug=f"d{nth}",
            letter=chr(ord("A") + nth),
            name=LONG if nth % 3 == 0 else f"ฝ่ายที่ {nth + 1}",
            hue=HUES[nth % len(HUES)],
            position=nth,
        )
        for nth in range(departments)
    )
    seats = Counter.objects.bulk_create(Counter(number=number) for number in range(1, counters + 1))
    now = timezone.now()
    for nth, counter in enumerate(seats):
        called_at = now - timezone.timedelta(seconds=nth * 7)
        _ticket(made[nth % departments], 1 + nth, state=State.CALLED, counter=counter, called_at=called_at)
    for nth in range(3 * departments):
        _ticket(made[nth % departments], 300 + nth, state=State.WAITING)


def _ticket(department, number, **fields) -> None:
    now = timezone.now()
    Ticket.objects.create(
        public_id=secrets.token_urlsafe(16),
        secret_hash=secrets.token_hex(32),
        department=department,
        queue=department,
        date=timezone.localdate(),
        number=number,
        due_at=now,
        issued_at=now,
        arrived_at=now,
        **fields,
    )


@pytest.mark.parametrize("size", [TELEVISION, UPRIGHT], ids=["lies", "stands"])
@pytest.mark.parametrize(("departments", "counters"), [(1, 1), (5, 5), (9, 12), (17, 12), (26, 40)])
def test_every_counter_and_department_is_seen_and_nothing_is_cut_off(new_page, size, departments, counters):
    furnish(departments, counters)
    page = new_page(size)
    page.goto("/board/")
    _keep_picture(page, f"{departments}-{counters}-{size[0]}")

    rows = page.locator("[data-call][data-current]:visible")
    assert rows.count() == counters
    ends = max(box["y"] + box["height"] for box in (row.bounding_box() for row in rows.all()))
    assert ends <= page.locator("#waiting").bounding_box()["y"]
    seen = set()
    for nth in range(page.locator(".waiting-page").count()):
        page.evaluate(f"shownPage = {nth}; showPage()")
        seen |= {tile.inner_text() for tile in page.locator(".queue-letter:visible").all()}
        assert not _cut_off(page)
        assert page.evaluate(OUT_OF_ITS_TILE) == []
    assert sideways_scroll(page) == 0
    assert len(seen) == departments
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


@pytest.mark.parametrize("size", [TELEVISION, UPRIGHT], ids=["lies", "stands"])
@pytest.mark.parametrize("letters", [12, 53, 100])
def test_a_board_of_one_department_fits_the_screen(new_page, size, letters):
    furnish(5, 12)
    Department.objects.filter(slug="d0").update(name=(LONG * 2)[:letters])
    page = new_page(size)
    page.goto("/board/d0/")
    assert not _cut_off(page)
    assert sideways_scroll(page) == 0
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert page.evaluate(OUT_OF_ITS_TILE) == []
    assert page.locator(".queue-waits").inner_text() == "รอ 3 คิว"
    _keep_picture(page, f"one-department-{letters}-{size[0]}")


# Parts of a department's tile that reach out of it, or have no room at all.
OUT_OF_ITS_TILE = """() => [...document.querySelectorAll(".queue")]
    .filter((tile) => tile.checkVisibility())
    .flatMap((tile) => [...tile.children].map((part) => [tile.getBoundingClientRect(), part]))
    .filter(([room, part]) => {
        const box = part.getBoundingClientRect();
        const beside = box.left < room.left || box.right > room.right;
        return !box.width || beside || box.top < room.top || box.bottom > room.bottom;
    })
    .map(([room, part]) => part.className)"""


def _cut_off(page) -> list[str]:
    """What is cut off, but for names of departments, which end in dots after two lines."""
    return [one for one in cut_off(page) if "queue-name" not in one]


def _keep_picture(page, name: str) -> None:
    """For whoever wants to look: BOARD_PICTURES names a folder."""
    if folder := os.environ.get("BOARD_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png")
