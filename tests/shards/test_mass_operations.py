"""The mass operations over a programme cut in two, on two servers: to the rupiah and the row what they are in one."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from bekal.lifecycle import mass_runs
from bekal.proofs.own_server import OwnServer, own_server
from bekal.proofs.scratch import connected_to, scratch_database
from bekal.proofs.shards import prove_shards, shards_at
from tests.shards import programme
from tests.shards.programme import MassResult
from tests.shards.split import make_shard

pytestmark = pytest.mark.usefixtures("own_databases")
# By the person, whose number is the same everywhere: participations get theirs from each shard's own sequence.
TRANSFERS_SQL = """
SELECT place.participant_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at
FROM ledger_transfer transfer JOIN participants_participation place ON place.id = transfer.owner_id
"""
PLACES_SQL = """
SELECT participant_id, wave_id, accepted_at, revoked_at, balance_ended_at, closed_at, remaining_rupiah, granted_rupiah
FROM participants_participation place JOIN ledger_trainingbalance balance ON balance.owner_id = place.id
"""
PURCHASES_SQL = """
SELECT place.participant_id, training_id, price_rupiah, reconciled_at, ended_at, ending, refunded_rupiah,
       settlement_id IS NOT NULL
FROM purchases_purchase purchase JOIN participants_participation place ON place.id = purchase.participation_id
"""
EARNED_SQL = """
SELECT place.participant_id, kind, instalment, amount_rupiah, payment_on, entitled_at
FROM incentives_entitlement earned JOIN participants_participation place ON place.id = earned.participation_id
"""
SETTLEMENTS_SQL = """
SELECT institution_id, ordered_at, sum(purchase_count), sum(total_rupiah)::bigint FROM purchases_institutionsettlement
GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Worked:
    """A programme after its year: what each mass run did, and where it is."""

    results: list[MassResult]
    url: str
    triggers: str = "origin"

    def rows(self, statement: str) -> Counter[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return Counter(connection.execute(statement).fetchall())


def _triggers() -> str:
    """Whether they fire in the program's own sessions ("origin") or not ("replica")."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SHOW session_replication_role")
        return str(cursor.fetchone()[0])


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mass_runs, "CHUNK_COUNT", 4)


@pytest.fixture
def servers() -> Iterator[list[OwnServer]]:
    with ExitStack() as running:
        settings = {"shared_buffers": "32MB", "max_connections": "20"}
        yield [running.enter_context(own_server(settings=settings)) for _ in range(2)]


@pytest.fixture
def split(servers: list[OwnServer], small_chunks: None) -> Iterator[tuple[Worked, list[Worked]]]:
    """The year of one programme in one database, and of the same programme in two."""
    with scratch_database("whole") as whole:
        programme.build()
        for number, server in enumerate(servers):
            # No correctness rests on a trigger: in the second shard none fires.
            make_shard(number, server, whole.environ["DATABASE_URL"], triggers=number == 0)
        one = Worked(programme.year(), whole.environ["DATABASE_URL"])
        shards = []
        for server in servers:
            with connected_to("bekal", url=server.url):
                shards.append(Worked(programme.year(), server.url, _triggers()))
        yield one, shards


def test_two_shards_do_what_one_database_does(split: tuple[Worked, list[Worked]]) -> None:
    one, shards = split
    assert [shard.triggers for shard in shards] == ["origin", "replica"]
    # Both have people, or nothing was split.
    assert all(sum(shard.rows(PLACES_SQL).values()) > 5 for shard in shards)
    for number, whole in enumerate(one.results):
        parts = [shard.results[number] for shard in shards]
        assert {part.operation for part in parts} == {whole.operation}
        assert sum(part.subject_count for part in parts) == whole.subject_count > 0
        assert sum(part.total_rupiah for part in parts) == whole.total_rupiah
    for statement in (TRANSFERS_SQL, PLACES_SQL, PURCHASES_SQL, EARNED_SQL):
        assert sum((shard.rows(statement) for shard in shards), start=Counter()) == one.rows(statement)
    assert _settled(*shards) == _settled(one)

    with shards_at([one.url]) as readers:
        whole = prove_shards(readers)
    with shards_at([shard.url for shard in shards]) as readers:
        summed = prove_shards(readers)
    assert whole.holds, (whole.violations, whole.in_several)
    assert summed.holds, (summed.violations, summed.in_several)
    assert summed.kinds == whole.kinds
    assert (summed.transfer_count, summed.participation_count) == (whole.transfer_count, whole.participation_count)
    assert summed.total_in_rupiah == whole.total_in_rupiah
    treasury_in, treasury_out = summed.kinds[1]
    assert 0 < treasury_in < treasury_out

    out = StringIO()
    call_command("prove", "ledger", shards=",".join(shard.url for shard in shards), stdout=out)
    assert "all kinds sum to Rp0" in out.getvalue()
    # The same shard named twice is somebody's money in two places.
    with pytest.raises(CommandError):
        call_command("prove", "ledger", shards=f"{shards[0].url},{shards[0].url}", stdout=out)
    assert "stands in several shards" in out.getvalue()


def _settled(*programmes: Worked) -> Counter[tuple[int, datetime, str]]:
    """What each institution was paid at each instant: purchases and rupiah."""
    settled: Counter[tuple[int, datetime, str]] = Counter()
    for each in programmes:
        for institution_id, ordered_at, count, rupiah in each.rows(SETTLEMENTS_SQL):
            settled[institution_id, ordered_at, "purchases"] += count
            settled[institution_id, ordered_at, "rupiah"] += rupiah
    return settled
