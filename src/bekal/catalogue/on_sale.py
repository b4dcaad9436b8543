"""What can be bought: the flag on a training, kept here alone, and the lock between those who buy and who stops sales.

`Training.on_sale` is what searches, lists, seat prices and purchases read: offered, not suspended, its institution and
its platform accredited on the day. It is kept by the verbs that change one of these, and by `refresh_sales` once a day,
because an accreditation ends by the calendar; `buy` asks for the day itself (`SaleFacts.barrier`), so that nothing is
sold after the last day even where the daily work is late. One flag instead of joins: it stands in the partial index of
searches, in the recommender's shelf and on the row that a purchase reads anyway.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from bekal.catalogue.models import Accredited, Training
from bekal.catalogue.refusals import SaleRefusal
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array

# Buyers share it, so they never wait for each other; whoever stops sales or changes a price waits for those who are
# buying, and the next buyers see what became of it. Without it a purchase could commit after a suspension had.
_LOCK = "pg_advisory_xact_lock{shared}(hashtext('catalogue shelf'))"
_ACCREDITED = """({name}.accreditation = 'accredited' AND coalesce({name}.accredited_from_on <= %(on)s, true)
        AND coalesce({name}.accredited_until_on >= %(on)s, true))"""
LOCK_SQL = """
SELECT id FROM catalogue_training training WHERE {of}
ORDER BY seat_count IS NULL, id FOR NO KEY UPDATE
"""
KEEP_SQL = f"""
UPDATE catalogue_training training SET on_sale = now.on_sale, is_suspended = now.is_suspended
FROM (
    SELECT id, is_suspended, is_offered AND is_accredited AND NOT is_suspended AS on_sale
    FROM (
        SELECT training.id, training.is_offered,
               {_ACCREDITED.format(name="institution")}
               AND (platform.id IS NULL OR {_ACCREDITED.format(name="platform")}) AS is_accredited,
               EXISTS (SELECT FROM catalogue_suspension suspension WHERE lifted_at IS NULL
                       AND (suspension.training_id = training.id OR suspension.platform_id = training.platform_id
                            OR suspension.institution_id = training.institution_id)) AS is_suspended
        FROM catalogue_training training
        JOIN catalogue_institution institution ON institution.id = training.institution_id
        LEFT JOIN catalogue_platform platform ON platform.id = training.platform_id
        WHERE {{of}}
    ) judged
) now
WHERE now.id = training.id
  AND (training.on_sale, training.is_suspended) IS DISTINCT FROM (now.on_sale, now.is_suspended)
RETURNING training.on_sale
"""


@dataclass(frozen=True, slots=True)
class KeptSales:
    """How many trainings can be bought now and could not before, and the other way round."""

    opened_count: int
    closed_count: int


Accredits = tuple[str, date | None, date | None]  # the accreditation, its first and its last day


@dataclass(frozen=True, slots=True)
class SaleFacts:
    """What decides whether a training can be bought; `platform` None: it is sold without one."""

    is_offered: bool
    is_suspended: bool
    institution: Accredits
    platform: Accredits | None

    def barrier(self, on: date) -> Refusal | None:
        """Why it cannot be bought on that day though it is offered; None where nothing stands against it."""
        if not self.is_offered:
            return None
        if self.is_suspended:
            return Refusal(SaleRefusal.SALE_SUSPENDED)
        asked = [(self.institution, SaleRefusal.INSTITUTION_NOT_ACCREDITED, SaleRefusal.INSTITUTION_EXPIRED)]
        if self.platform is not None:
            asked.append((self.platform, SaleRefusal.PLATFORM_NOT_REGISTERED, SaleRefusal.PLATFORM_EXPIRED))
        for (state, from_on, until_on), missing, expired in asked:
            if state != Accredited.State.ACCREDITED or (from_on is not None and on < from_on):
                return Refusal(missing)
            if until_on is not None and on > until_on:
                return Refusal(expired, {"until_on": until_on})
        return None


def lock_shelf() -> None:
    """Wait for everybody who is buying, and let nobody buy until this transaction ends. Taken before any row."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_LOCK.format(shared='')}")


def share_shelf() -> None:
    """What can be bought, and at which price, stays as it is until this transaction ends. Buyers do not wait for each
    other."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_LOCK.format(shared='_shared')}")


def keep_sales(
    *,
    on: date,
    training_ids: Collection[int] | None = None,
    institution_ids: Collection[int] = (),
    platform_ids: Collection[int] = (),
) -> KeptSales:
    """Set both flags of these trainings (and those of these institutions and platforms; None: of all) as they are on
    that day. The caller holds the shelf's lock. Lock order: trainings with a limit of seats first, as buying does."""
    of = "true"
    values: dict[str, Any] = {"on": on}
    if training_ids is not None or institution_ids or platform_ids:
        of = """(training.id = ANY(%(trainings)s::bigint[]) OR training.institution_id = ANY(%(institutions)s::bigint[])
            OR training.platform_id = ANY(%(platforms)s::bigint[]))"""
        named = {"trainings": training_ids or (), "institutions": institution_ids, "platforms": platform_ids}
        values |= {name: id_array(ids) for name, ids in named.items()}
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL.format(of=of), values)
        cursor.execute(KEEP_SQL.format(of=of), values)
        changed = [is_on for (is_on,) in cursor.fetchall()]
    return KeptSales(sum(changed), len(changed) - sum(changed))


@transaction.atomic
def refresh_sales(*, at: datetime) -> KeptSales:
    """Once a day: what an accreditation that has begun or ended since opens or closes. Nothing to do takes no lock that
    a buyer would wait for."""
    on = programme_day(at)
    if not _stale(on):
        return KeptSales(0, 0)
    lock_shelf()
    return keep_sales(on=on)


def _stale(on: date) -> bool:
    """Whether some flag is not as it would be on that day."""
    select = KEEP_SQL.format(of="true").partition("FROM (")[2].rpartition(") now")[0]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT EXISTS (SELECT FROM ({select}) now JOIN catalogue_training training ON training.id = now.id
            WHERE (training.on_sale, training.is_suspended) IS DISTINCT FROM (now.on_sale, now.is_suspended))""",
            {"on": on},
        )
        return bool(cursor.fetchone()[0])


def sale_facts(training: Training) -> SaleFacts:
    """Those of a training whose institution and platform are read with it."""
    institution, platform = training.institution, training.platform
    return SaleFacts(
        training.is_offered,
        training.is_suspended,
        (institution.accreditation, institution.accredited_from_on, institution.accredited_until_on),
        (platform.accreditation, platform.accredited_from_on, platform.accredited_until_on) if platform else None,
    )
