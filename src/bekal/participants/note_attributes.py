"""`note_attributes`: which phone numbers, e-mail addresses and accounts people have, by keyed hash, however they came.

Whatever wrote a contact point or an account (a page, a verb, an import), its present value is found here by what it is
encrypted as, which is another text at each writing. So nothing has to be told, and a second look writes nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from bekal.accounts.privacy import blind, decrypt
from bekal.core.rules import RULES
from bekal.core.text import tidy
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows
from bekal.participants.models import AttributeSighting, PaymentPartner
from bekal.participants.register import phone_number

# Looked at in one transaction.
CHUNK_COUNT = 10_000
_PRESENT = """
    SELECT participant_id, kind, value_encrypted AS value FROM participants_contactpoint
    UNION ALL SELECT participant_id, partner, number_encrypted FROM participants_payoutaccount
    UNION ALL SELECT participant_id, partner, number_encrypted FROM participants_secondpayoutaccount
"""
NEW_SQL = f"""
SELECT present.participant_id, present.kind, present.value FROM ({_PRESENT}) present
WHERE NOT EXISTS (SELECT 1 FROM participants_attributesighting known
                  WHERE known.participant_id = present.participant_id
                    AND known.source_sha256 = sha256(present.value))
LIMIT %s
"""
REPLACED_SQL = f"""
UPDATE participants_attributesighting known SET replaced_at = %s
WHERE replaced_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM ({_PRESENT}) present
                  WHERE present.participant_id = known.participant_id AND sha256(present.value) = known.source_sha256)
"""
_COLUMNS = ("participant_id", "kind", "value_hash", "source_sha256", "first_seen_at")


@dataclass(frozen=True, slots=True)
class NotedAttributes:
    """How many values were new, how many people no longer have, and how many old ones were deleted."""

    noted_count: int
    replaced_count: int
    forgotten_count: int


def note_attributes(*, at: datetime) -> NotedAttributes:
    """Write down every value that is new, chunk by chunk; mark what was replaced, and delete by the rule of this day
    what was replaced long ago. The same again changes nothing."""
    day = programme_day(at)
    noted_count = 0
    while chunk_count := _note_chunk(at):
        noted_count += chunk_count
    with connection.cursor() as cursor:
        cursor.execute(REPLACED_SQL, [at])
        replaced_count = cursor.rowcount
    until = at - timedelta(days=RULES.value("sighting_kept_days", day))
    return NotedAttributes(
        noted_count, replaced_count, AttributeSighting.objects.filter(replaced_at__lt=until).delete()[0]
    )


@transaction.atomic
def _note_chunk(at: datetime) -> int:
    with connection.cursor() as cursor:
        # Two at once would write the same rows.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('participants.note_attributes'))")
        cursor.execute(NEW_SQL, [CHUNK_COUNT])
        rows: Sequence[tuple[int, str, bytes]] = cursor.fetchall()
    return copy_rows(AttributeSighting, _COLUMNS, (_row(*row, at) for row in rows))


def _row(participant_id: int, kind: str, value: bytes, at: datetime) -> tuple[object, ...]:
    seen, value_hash = hash_of_attribute(kind, decrypt(value))
    return participant_id, seen.value, value_hash, hashlib.sha256(value).digest(), at


def hash_of_attribute(kind: str, text: str) -> tuple[AttributeSighting.Kind, bytes]:
    """As what a contact point or an account (`kind`: phone, email or the payment partner) counts, and by which hash."""
    if kind == AttributeSighting.Kind.EMAIL:
        return AttributeSighting.Kind.EMAIL, blind("attribute-email", tidy(text).casefold())
    if kind == PaymentPartner.BNI:
        return AttributeSighting.Kind.ACCOUNT, blind("attribute-account", f"{kind}:{text}")
    # Written as a phone number: one of a participant, or the number of a wallet.
    return AttributeSighting.Kind.PHONE, blind("attribute-phone", phone_number(text) or text)
