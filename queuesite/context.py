from django.conf import settings

from booking.views import looks
from members import accounts
from office.settings import office


def of_the_office(request) -> dict:
    """The office's own facts, for every template."""
    return {"office": office, "look": looks.version(), "demo": settings.DEMO, "own_imember": accounts.is_on()}


def name_of_office(request) -> str:
    """Below the heading of the back office."""
    return office.name
