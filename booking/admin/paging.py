"""Pages of lists that grow for years: counted, and turned, as far as a person would turn them."""

from django.core.paginator import Paginator
from django.utils.functional import cached_property

MOST = 5_000


class BoundedPaginator(Paginator):
    """The first MOST rows of a list. `has_more`: there are others, which a date, a filter or a search leads to.

    Counting a million rows takes longer than showing fifty of them, and so does the last of their pages.
    """

    template_name = "admin/office/pagination.html"

    @property
    def count(self):
        return min(self._found, MOST)

    @property
    def has_more(self):
        return self._found > MOST

    @cached_property
    def _found(self):
        return self.object_list.order_by()[: MOST + 1].count()
