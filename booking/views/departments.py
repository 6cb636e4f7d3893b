"""The department that an address names."""

from django.http import Http404

from booking.kept import kept
from booking.models import Department


def department_or_404(slug: str) -> Department:
    """One that members may come to. Raises Http404."""
    found = _active(slug=slug)
    if not found:
        raise Http404
    return found[0]


@kept
def _active(*, slug):
    return Department.objects.active().filter(slug=slug)
