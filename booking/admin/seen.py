"""What a page showed, in one field of its form: a signed list, however long. So no form grows with what it shows, and
nothing is done to a ticket that was not on the page."""

from django.core import signing

from booking.views import sent

SALT = "office.seen"
LONGEST = 2_500_000  # letters: no form may be longer


def sign(shown) -> str:
    """`shown` is anything that JSON can say."""
    return signing.dumps(shown, salt=SALT, compress=True)


def read(request, otherwise):
    """What the page showed; `otherwise` if the field is missing or not ours."""
    try:
        return signing.loads(sent.code(request, "seen", most=LONGEST), salt=SALT)
    except signing.BadSignature:
        return otherwise
