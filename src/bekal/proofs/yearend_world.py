"""Many balances for `prove yearend`, and what became of each: full, empty, Rp50, Rp1 and any other.

People and purchases are written in one statement each, as an import would; places and money come by the verbs.
"""

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, connections

from bekal.ledger.movements import Movement
from bekal.ledger.post import movement_sql, post_selected
from bekal.participants.accept import accept
from bekal.proofs.small_world import ACCEPTED_AT, BALANCE_RUPIAH, BOUGHT_AT, REGISTERED_AT, World

CHUNK_COUNT = 20_000
PEOPLE_SQL = """
INSERT INTO participants_participant
    (full_name, nik_encrypted, sex, born_on, education, employment, province, registered_at)
SELECT 'Siti Rahayu', ''::bytea, 'F', DATE '1995-06-15', 3, 1, 32, %s FROM generate_series(1, %s)
RETURNING id
"""
# Whoever has bought nothing loses the place, so that somebody with a full balance has a training for Rp0.
PRICES = (BALANCE_RUPIAH - 50, BALANCE_RUPIAH - 1, BALANCE_RUPIAH, 0)
BUY_SQL = """
WITH bought AS (
    INSERT INTO purchases_purchase (participation_id, training_id, price_rupiah, ordinal, bought_at)
    SELECT place.id, training.id, training.price_rupiah, 1, %(at)s
    FROM unnest(%(owners)s::bigint[]) WITH ORDINALITY AS place(id, number)
    JOIN unnest(%(trainings)s::bigint[]) WITH ORDINALITY AS pick(training_id, number)
        ON pick.number = 1 + place.number %% %(training_count)s
    JOIN catalogue_training training ON training.id = pick.training_id
    RETURNING training_id
)
UPDATE catalogue_training training SET bought_count = training.bought_count + sold.number
FROM (SELECT training_id, count(*) AS number FROM bought GROUP BY training_id) sold WHERE training.id = sold.training_id
"""
PAY_SQL = f"""
SELECT participation_id, {movement_sql(Movement.PURCHASE)}, price_rupiah, 'purchase:' || training_id
FROM purchases_purchase WHERE participation_id = ANY(%(owners)s::bigint[]) AND price_rupiah > 0
"""
BALANCES_SQL = """
SELECT owner_id, remaining_rupiah FROM ledger_trainingbalance ORDER BY owner_id
"""
RETURNS_SQL = """
SELECT p.id, coalesce(t.number, 0), coalesce(t.amount_rupiah, 0), p.balance_ended_at = %(at)s, b.remaining_rupiah
FROM participants_participation p JOIN ledger_trainingbalance b ON b.owner_id = p.id
LEFT JOIN (SELECT owner_id, count(*) AS number, sum(amount_rupiah)::bigint AS amount_rupiah FROM ledger_transfer
           WHERE reason = 8 AND debit_kind = 2 AND credit_kind = 1 AND posted_at = %(at)s GROUP BY owner_id) t
    ON t.owner_id = p.id
"""


def many_balances(world: World, count: int, rng: random.Random) -> list[int]:
    """So many people with one purchase each: of every six one keeps Rp50, one Rp1, one nothing, one everything, two
    something else. By the numbers of their participations."""
    prices = [*PRICES, rng.randrange(1, 500_000), rng.randrange(500_000, BALANCE_RUPIAH - 50)]
    trainings = [world.trainings(1, price_rupiah=price)[0] for price in prices]
    wave_id = world.wave(count).pk
    owner_ids: list[int] = []
    for start in range(0, count, CHUNK_COUNT):
        with connection.cursor() as cursor:
            cursor.execute(PEOPLE_SQL, [REGISTERED_AT, min(CHUNK_COUNT, count - start)])
            people = [number for (number,) in cursor.fetchall()]
        outcomes = accept(wave_id=wave_id, participant_ids=people, at=ACCEPTED_AT)
        owners = [one.participation_id for one in outcomes if one.participation_id is not None]
        values: dict[str, Any] = {
            "at": BOUGHT_AT,
            "owners": owners,
            "trainings": trainings,
            "training_count": len(trainings),
        }
        with connection.cursor() as cursor:
            cursor.execute(BUY_SQL, values)
        post_selected(source=PAY_SQL, values={"owners": owners}, at=BOUGHT_AT)
        owner_ids += owners
    return owner_ids


def balances_by_number() -> dict[int, int]:
    """What every owner can spend now."""
    with connections["proof"].cursor() as cursor:
        cursor.execute(BALANCES_SQL)
        found = dict(cursor.fetchall())
    connections.close_all()
    return found


def left_over() -> int:
    """What is in all training balances together."""
    return sum(balances_by_number().values())


def wrong_returns(before: Mapping[int, int], at: datetime) -> list[str]:
    """Who did not get back, at that instant, in one transfer (none for Rp0) exactly what they had."""
    with connections["proof"].cursor() as cursor:
        cursor.execute(RETURNS_SQL, {"at": at})
        found = cursor.fetchall()
    wrong = [
        f"participation {number}: had Rp{before.get(number)}, {transfers} transfers of Rp{amount}, Rp{left} left"
        for number, transfers, amount, in_time, left in found
        if amount != before.get(number) or transfers != (amount > 0) or not in_time or left
    ]
    return wrong if len(found) == len(before) else [*wrong, f"{len(found)} people, {len(before)} balances"]
