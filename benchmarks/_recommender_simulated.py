"""The simulated population as a set to measure on: people of a scratch database who lived through the year by the
programme's own verbs, with what they completed, in order, and what they had left before each choice."""

import os
import time
import zlib
from collections.abc import Callable

import numpy as np

from benchmarks._recommender_protocol import KNOWN_MOST, World
from benchmarks.peers import Choices
from benchmarks.verbs import migrate, own_database

YEAR = 2020
TEST_PERCENT = 15

# Completed purchases in the order they were bought; the balance before each is what was granted less all that was
# bought earlier, refunds given back.
CHOICES_SQL = """
SELECT bought.participation_id, bought.training_id, granted_rupiah - coalesce(spent_rupiah, 0), {sex},
       extract(year FROM person.born_on)::int, person.education, person.employment, person.province
FROM (
    SELECT participation_id, training_id, ordinal, completed_at,
           sum(price_rupiah - refunded_rupiah) OVER (
               PARTITION BY participation_id ORDER BY ordinal ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           )::bigint AS spent_rupiah
    FROM purchases_purchase
) bought
JOIN ledger_trainingbalance balance ON balance.owner_id = bought.participation_id
JOIN participants_participation participation ON participation.id = bought.participation_id
JOIN participants_participant person ON person.id = participation.participant_id
WHERE completed_at <= %s
ORDER BY bought.participation_id, ordinal
"""


def simulated_world(*, participant_count: int, training_count: int, seed: int, say: Callable[[str], None]) -> World:
    """Simulate in a database of its own, made and dropped here, and read what became of everybody."""
    with own_database(f"bekal_bench_recommender_{os.getpid()}"):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
        import django

        django.setup()
        migrate()
        from bekal.simulation.walk import simulate

        started = time.perf_counter()
        simulate(
            participant_count=participant_count,
            year=YEAR,
            seed=seed,
            training_count=training_count,
            progress=lambda done, days: say(f"simulating: day {done} of {days}"),
        )
        world = lived_world(f"{participant_count:,} simulated people of {YEAR}")
    print(
        f"simulated in {time.perf_counter() - started:.0f} s in a database of its own, which is gone again", flush=True
    )
    return world


def lived_world(name: str) -> World:
    """What the people of this process's database have completed by now."""
    from django.db import connection

    from bekal.ledger.clock import programme_day, programme_now
    from bekal.recommender.profile import SEX_SQL, UNKNOWN, coded

    now = programme_now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, price_rupiah FROM catalogue_training ORDER BY id")
        trainings = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
        cursor.execute(CHOICES_SQL.format(sex=SEX_SQL.format(sex="person.sex")), [now])
        read = [[UNKNOWN if value is None else value for value in row] for row in cursor.fetchall()]
    rows = np.array(read, dtype=np.int64).reshape(-1, 8)
    people, first = np.unique(rows[:, 0], return_index=True)
    ptr = np.append(first, len(rows))
    balance = np.zeros((len(people), KNOWN_MOST + 1), np.int64)  # beyond a person's last choice there is no target
    for known in range(KNOWN_MOST + 1):
        longer = np.flatnonzero(np.diff(ptr) > known)
        balance[longer, known] = rows[ptr[longer] + known, 2]
    is_test = np.array(
        [zlib.crc32(str(person).encode()) % 100 < TEST_PERCENT for person in people.tolist()], dtype=bool
    )
    items = np.searchsorted(trainings[:, 0], rows[:, 1])
    profile = coded(rows[first, 3:], programme_day(now).year)
    return World(name, Choices.of(ptr, items, profile, trainings[:, 1]), balance, is_test, None)
