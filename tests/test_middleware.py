"""Each middleware is decided for pages and for the API alike: the API is answered by queuesite.middleware.api, and what
stands below it never sees a request of the API."""

import pytest
from django.conf import settings

THE_API = "queuesite.middleware.api"

# Those above it see every request.
FOR_BOTH = {
    "queuesite.logs.request_id",
    "queuesite.middleware.whose_address",
    "queuesite.middleware.small_bodies",
    "django.middleware.security.SecurityMiddleware",
    "queuesite.away.database_faults",
}
# Those below it see pages alone; why the API does without.
FOR_PAGES = {
    "queuesite.cleaned.addresses_and_cookies": "serializers refuse what pages clean",
    "whitenoise.middleware.WhiteNoiseMiddleware": "files are no part of the API",
    "queuesite.middleware.content_security_policy": "the API sends the strict policy itself",
    "django.middleware.gzip.GZipMiddleware": "answers are short",
    "queuesite.middleware.thai_until_switched": "a program asks for the language that it wants",
    "django.middleware.locale.LocaleMiddleware": "the API chooses the language itself",
    "django.middleware.common.CommonMiddleware": "the API looks at the host and tells the length itself",
    "django.contrib.sessions.middleware.SessionMiddleware": "callers are known by token, identity or secret",
    "django.middleware.csrf.CsrfViewMiddleware": "no cookie gives the API any right",
    "queuesite.cleaned.forms": "the API takes JSON, and serializers check it",
    "queuesite.cleaned.ranges": "serializers and addresses check the range of each number",
    "django.contrib.auth.middleware.AuthenticationMiddleware": "staff are known by their token",
    "django_otp.middleware.OTPMiddleware": "staff are known by their token",
    "queuesite.staff_door.door": "staff are known by their token",
    "queuesite.middleware.uploads_of_staff": "nothing is uploaded through the API",
    "queuesite.log_in.limits": "no password is typed there",
    "queuesite.middleware.MessagesOfTheBackOffice": "the answer says all",
    "django.middleware.clickjacking.XFrameOptionsMiddleware": "JSON is shown in no frame",
    "django_htmx.middleware.HtmxMiddleware": "for parts of pages",
    "simple_history.middleware.HistoryRequestMiddleware": "the API changes nothing of which history is kept",
    "axes.middleware.AxesMiddleware": "no password is typed there",
}


def test_each_middleware_is_decided_for_both():
    before, after = split(settings.MIDDLEWARE)
    assert set(before) == FOR_BOTH
    assert set(after) == FOR_PAGES.keys()


def test_one_that_is_not_decided_would_be_found():
    for place in (0, len(settings.MIDDLEWARE)):
        changed = settings.MIDDLEWARE[:]
        changed.insert(place, "somebody.middleware.New")
        before, after = split(changed)
        assert (set(before), set(after)) != (FOR_BOTH, FOR_PAGES.keys())


@pytest.mark.django_db
def test_the_api_is_answered_before_the_rest(client):
    page, answer = client.get("/"), client.get("/api/v1/departments/")
    assert "X-Frame-Options" in page
    assert "X-Frame-Options" not in answer
    assert answer["X-Content-Type-Options"] == "nosniff"


def split(names):
    at = names.index(THE_API)
    return names[:at], names[at + 1 :]
