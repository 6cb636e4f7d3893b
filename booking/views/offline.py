"""What a member's telephone keeps for when it has no line: a service worker, the page it shows then, and the manifest
with which the service can be put among the telephone's apps."""

from django.http import JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from booking.colours import COUNTER, PAPER
from booking.views.access import access


@require_safe
@access("anyone")
def worker(request):
    """The service worker. It is at the root, since a worker controls nothing above its own folder."""
    response = render(request, "booking/offline/worker.js", content_type="text/javascript")
    patch_cache_control(response, no_cache=True)
    return response


@require_safe
@access("anyone")
def page(request):
    """Shown instead of any member's page while there is no connection. It names nobody, since the telephone keeps
    it."""
    response = render(request, "booking/offline/page.html")
    patch_cache_control(response, no_cache=True)
    return response


@require_safe
@access("anyone")
def manifest(request):
    found = {
        "name": _("บัตรคิวออนไลน์"),
        "short_name": _("บัตรคิว"),
        "lang": get_language(),
        "start_url": reverse("home"),
        "scope": "/",
        "display": "standalone",
        "background_color": COUNTER,
        "theme_color": PAPER,
        "icons": [{"src": static("img/icon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    response = JsonResponse(found, content_type="application/manifest+json")
    patch_cache_control(response, no_cache=True)
    return response
