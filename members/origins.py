"""Where a request comes from, as keyed hashes: enough to count by, and to see that two requests came from one place.
Nothing can be read back from them.

An IPv4 address is counted as it is. With IPv6 a home or a telephone has a whole /64, and a site often a /48, so both
are counted.
"""

import hashlib
import hmac
import ipaddress
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

HEX_DIGITS = 32


class Origin(NamedTuple):
    """Hashes. `network`: the /48 of an IPv6 address, else None. `device`: None if the request had no cookie."""

    address: str
    network: str | None
    device: str | None

    @property
    def block(self) -> str:
        """The widest of what is counted."""
        return self.network or self.address


def origin_of(*, address: str, device: str) -> Origin:
    """The origin of a request: `address` comes from throttle.client_address(), `device` names the browser ("" for
    none)."""
    network = network_of(address)
    return Origin(
        address=_hash("address", address),
        network=_hash("network", network) if network else None,
        device=_hash("device", device) if device else None,
    )


def network_of(address: str) -> str:
    """The /48 that an IPv6 address lies in; "" for any other address."""
    if ":" not in address:
        return ""
    return str(ipaddress.ip_network((address, 48), strict=False).network_address)


def _hash(kind: str, value: str) -> str:
    return hmac.new(_key(settings.CITIZEN_ID_KEY), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()[:HEX_DIGITS]


@lru_cache(maxsize=2)
def _key(secret: str) -> bytes:
    """A separate key, made from the key of citizen IDs."""
    return hmac.new(secret.encode(), b"members.origins", hashlib.sha256).digest()
