"""The rails of this house: over which each partner is paid here."""

from functools import cache
from pathlib import Path

from django.conf import settings

from bekal.incentives.partners.hours import Amount
from bekal.incentives.partners.pain001 import Account
from bekal.incentives.partners.rails import Form, Rail, RailsError, rails_from

__all__ = ["Account", "Amount", "Form", "Rail", "RailsError", "house_rails", "rails_of"]


def house_rails() -> dict[str, Rail]:
    """By partner, as the file of `BEKAL_PAYOUT_RAILS` says; a partner that is not in it is paid by hand. The file is
    read once for each name it has had. Raises RailsError for one that cannot be."""
    return dict(rails_of(settings.PAYOUT_RAILS_FILE))


@cache
def rails_of(path: str) -> dict[str, Rail]:
    """By partner, as that file says; none without a name. Raises RailsError."""
    return rails_from(Path(path) if path else None)
