"""What issuing and confirming one-time codes have in common: the limits, and how a code is kept."""

import re
from datetime import timedelta

from bekal.accounts.privacy import blind

LIFETIME = timedelta(minutes=10)
ATTEMPT_COUNT = 5
# A person's own limit: a code costs money to send, and each one brings five new tries.
CODES_AN_HOUR = 5
# Everybody's limit. Five tries on each of 680,000 accounts would open three of them; a thousand wrong tries an hour
# open one account in a thousand hours, and wrong fingers alone do not reach a thousand.
FAILURES_AN_HOUR = 1_000
HOUR = timedelta(hours=1)

_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def is_well_formed(code: str) -> bool:
    """Six ASCII digits and nothing else."""
    return _CODE.fullmatch(code) is not None


def code_hash(holder_id: int, subject: str, code: str) -> bytes:
    """32 bytes: the code is bound to its holder and subject, and worth nothing without the key."""
    return blind("one-time-code", f"{holder_id}\0{subject}\0{code}")
