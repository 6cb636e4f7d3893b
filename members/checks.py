"""Settings that would open the look-up of members to everyone stop the start instead."""

from django.conf import settings
from django.core.checks import Error, register

from .identify import PROOFS
from .line_accounts import PROOFS as LINK_PROOFS
from .throttle import SCOPES, limit

SHORTEST_KEY = 32  # characters


@register("members")
def check_settings(app_configs, **kwargs):
    faults = []
    if settings.MEMBER_PROOF not in PROOFS:
        faults.append(Error(f"MEMBER_PROOF must be one of: {', '.join(PROOFS)}.", id="members.E001"))
    for scope in SCOPES:
        try:
            limit(scope)
        except (KeyError, ValueError):
            faults.append(
                Error(
                    f'LOOKUP_LIMIT_{scope.upper()} must be "tries/seconds", both above zero, as in 10/900.',
                    id="members.E002",
                )
            )
    if len(settings.CITIZEN_ID_KEY) < SHORTEST_KEY:
        faults.append(Error(f"CITIZEN_ID_KEY must have at least {SHORTEST_KEY} characters.", id="members.E003"))
    if settings.LINE_LINK_PROOF not in LINK_PROOFS:
        faults.append(Error(f"LINE_LINK_PROOF must be one of: {', '.join(LINK_PROOFS)}.", id="members.E004"))
    return faults
