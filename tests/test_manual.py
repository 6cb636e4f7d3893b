"""The staff's manual: chapters for staff only, and a link from each page to the chapter that explains it."""

import re

import pytest
from django.contrib.staticfiles import finders
from django.test import RequestFactory
from django.urls import reverse

from booking import roles
from booking.admin import dashboard
from booking.views import manual
from tests.factories import make_user
from tests.pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client):
    user = make_user(group=roles.CLERK)
    client.force_login(user)
    return user


def test_the_contents_lead_to_every_chapter(client, clerk):
    page = client.get(reverse("manual")).content.decode()
    for slug in manual.CHAPTERS:
        assert reverse("manual_chapter", args=[slug]) in page


@pytest.mark.parametrize("slug", manual.CHAPTERS)
def test_a_chapter_has_its_text_and_pictures_that_are_there(client, clerk, slug):
    page = client.get(reverse("manual_chapter", args=[slug]))
    html = page.content.decode()
    assert manual.read(slug).title in text(page)
    assert "<h2>" in html
    pictures = re.findall(r"!\[([^\]]+)\]\(\.\./\.\./static/(.+?)\)", (manual.FOLDER / f"{slug}.md").read_text())
    assert pictures
    for told, path in pictures:
        assert finders.find(path), path
        assert f'alt="{told}"' in html
    assert "../" not in html and ".md" not in html


def test_every_chapter_that_a_chapter_names_is_there():
    for slug in manual.CHAPTERS:
        named = re.findall(r"\]\(([a-z]+)\.md", (manual.FOLDER / f"{slug}.md").read_text())
        assert set(named) <= set(manual.CHAPTERS)
    assert {path.stem for path in manual.FOLDER.glob("*.md")} == set(manual.CHAPTERS)


def test_strangers_are_sent_to_the_log_in(client):
    for address in (reverse("manual"), reverse("manual_chapter", args=["today"])):
        answer = client.get(address)
        assert answer.status_code == 302 and answer["Location"].startswith(reverse("admin:login"))


def test_a_chapter_that_is_not_there(client, clerk):
    assert client.get(reverse("manual_chapter", args=["secrets"])).status_code == 404
    assert client.post(reverse("manual")).status_code == 405


def test_every_page_of_the_sidebar_has_a_chapter(client, admin_user):
    request = RequestFactory().get("/admin/")
    request.user = admin_user
    links = [item["link"] for group in dashboard.sidebar(request) for item in group["items"]]
    client.force_login(admin_user)
    assert len(links) > 20
    for link in links:
        name = client.get(link, follow=True).resolver_match.view_name
        assert manual.about(name) != reverse("manual"), name


def test_the_longest_beginning_wins():
    assert manual.about("admin:booking_ticket_changelist") == reverse("manual_chapter", args=["tickets"])
    assert manual.about("admin:booking_ticket_day_list") == reverse("manual_chapter", args=["paper"])
    assert manual.about("") == manual.about("admin:password_change") == reverse("manual")


def test_pages_have_the_link(client):
    client.force_login(make_user(group=roles.MANAGER))
    assert reverse("manual_chapter", args=["days"]) in client.get(reverse("admin:booking_calendar")).content.decode()
    assert reverse("manual_chapter", args=["counter"]) in client.get(reverse("counters")).content.decode()
