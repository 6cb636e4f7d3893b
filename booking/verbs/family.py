"""A member books for another whom they look after."""

from typing import Any

from booking.verbs import locks
from booking.verbs.places import Booking, book
from members import family


@locks.verb
def book_for(*, carer_id: int, member_id: int, **booking: Any) -> Booking:
    """Book for a member who has consented to be looked after by the carer; `booking` is what `book` takes.

    One transaction, which holds the consent: who ends it waits for this booking, and none is made after.
    Locks the member's row, the consent, and what `book` locks. Raises members.errors.CareIsOver where the consent has
    ended, and whatever `book` raises."""
    family.lock(carer_id=carer_id, member_id=member_id)
    return book(member_id=member_id, **booking)
