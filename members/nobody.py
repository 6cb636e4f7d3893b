"""Somebody who is no member. A number that nobody has is counted, compared and refused by the same statements as one
that somebody has: so the time of an answer tells no more than its words."""

import hashlib

from members.models import Member


def nobody(typed: str) -> Member:
    """Who would have this number or HMAC, and stands in no table. The same for the same: tries count together."""
    digest = hashlib.sha256(typed.encode()).digest()
    return Member(pk=-1 - int.from_bytes(digest[:7]))
