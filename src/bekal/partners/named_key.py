"""`named_key`: the key that a call names, with its partner and the programme's instant: what every call asks first."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from django.db import connection
from django.db.models import Model

from bekal.ledger.clock import OFFSET_SQL, programme_instant
from bekal.partners.models import Partner, PartnerKey

LONGEST_CODE = 60


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key, its `partner` at hand, and the instant of the programme at which it was read."""

    key: PartnerKey = field(repr=False)
    at: datetime


def named_key(*, client_code: str, generation: int) -> NamedKey | None:
    """The key of this code, in one statement; None where there is none of that generation. Revoked and suspended ones
    are found, too: whoever asks decides what they are told."""
    if len(client_code) > LONGEST_CODE or not (client_code.isascii() and client_code.isprintable()):
        return None
    statement, key_names, partner_names = _statement()
    with connection.cursor() as cursor:
        cursor.execute(statement, [client_code, generation])
        row = cursor.fetchone()
    if row is None:
        return None
    database, until = connection.alias, len(key_names)
    key = PartnerKey.from_db(database, key_names, row[:until])
    key.partner = Partner.from_db(database, partner_names, row[until:-1])
    return NamedKey(key, programme_instant(row[-1]))


@lru_cache(maxsize=1)
def _statement() -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The statement, and the attributes that its columns fill: the key's, then the partner's."""
    key_names, partner_names = _names(PartnerKey), _names(Partner)
    columns = [*(f'key."{name}"' for name in key_names), *(f'partner."{name}"' for name in partner_names)]
    statement = f"""
SELECT {", ".join(columns)}, ({OFFSET_SQL})
FROM partners_partnerkey key JOIN partners_partner partner ON partner.id = key.partner_id
WHERE key.client_code = %s AND key.generation = %s
"""
    return statement, key_names, partner_names


def _names(model: type[Model]) -> tuple[str, ...]:
    return tuple(each.attname for each in model._meta.concrete_fields)
