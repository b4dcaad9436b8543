"""The rails of this house: over which each partner is paid here."""

from functools import cache
from pathlib import Path

from django.conf import settings

from bekal.incentives.partners.pain001 import Account
from bekal.incentives.partners.rails import Form, Rail, RailsError, rails_from

__all__ = ["Account", "Form", "Rail", "RailsError", "house_rails"]


def house_rails() -> dict[str, Rail]:
    """By partner, as the file of `BEKAL_PAYOUT_RAILS` says; a partner that is not in it is paid by hand. The file is
    read once for each name it has had. Raises RailsError for one that cannot be."""
    return dict(_rails_of(settings.PAYOUT_RAILS_FILE))


@cache
def _rails_of(path: str) -> dict[str, Rail]:
    return rails_from(Path(path) if path else None)
