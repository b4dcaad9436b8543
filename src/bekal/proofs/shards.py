"""The proof summed over several databases that share one programme: each holds some people whole, none holds one twice.

Every shard is proved by itself, in a snapshot of its own; that is possible because everything that is proved of a
person, and everything that is summed, is keyed by its owner. What no shard can see alone is asked here: nobody's money
lies in two of them, and no number that other systems know (a payout's reference) was given twice.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.management.base import CommandError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.core.money import format_rupiah
from bekal.proofs.check import Proof, Violation, prove_ledger
from bekal.proofs.report import heading
from bekal.proofs.snapshot import read_instant, snapshot
from bekal.proofs.subjects import Output

CHUNK_COUNT = 20_000
TREASURY = 1
SHOWN_COUNT = 20
# What may stand in one shard only, in an order that all of them share.
ONCE = {
    "participation": 'SELECT id::text COLLATE "C" FROM participants_participation ORDER BY 1',
    "participant": 'SELECT participant_id::text COLLATE "C" FROM participants_participation ORDER BY 1',
    "owner of transfers": 'SELECT DISTINCT owner_id::text COLLATE "C" FROM ledger_transfer ORDER BY 1',
    "purchase": 'SELECT id::text COLLATE "C" FROM purchases_purchase ORDER BY 1',
    "reference of a payout": 'SELECT reference COLLATE "C" FROM incentives_payout ORDER BY 1',
}


@dataclass(frozen=True, slots=True)
class SummedProof:
    """The proofs of all shards in their order, and their sums. `kinds` has what went into and out of each kind."""

    shards: tuple[Proof, ...]
    transfer_count: int
    participation_count: int
    payout_count: int
    total_in_rupiah: int
    kinds: Mapping[int, tuple[int, int]]
    violations: tuple[tuple[int, Violation], ...]
    in_several: tuple[tuple[str, str], ...]

    @property
    def holds(self) -> bool:
        return not self.violations and not self.in_several and self.difference_rupiah == 0

    @property
    def difference_rupiah(self) -> int:
        """All kinds of all shards together: Rp0."""
        return sum(into - out for into, out in self.kinds.values())


def prove_shards(shards: Sequence[BaseDatabaseWrapper], *, as_of: datetime | None = None) -> SummedProof:
    """Prove every shard and what only all of them together can break. Each connection is a reader's, autocommitting.

    Shards are proved one after another: the sum is of one instant only where nothing is posted meanwhile, or `as_of`
    lies in the past."""
    proofs = tuple(prove_ledger(shard, as_of=as_of) for shard in shards)
    kinds: dict[int, tuple[int, int]] = {}
    for proof in proofs:
        for kind, (into, out) in proof.kinds.items():
            before = kinds.get(kind, (0, 0))
            kinds[kind] = (before[0] + into, before[1] + out)
    return SummedProof(
        shards=proofs,
        transfer_count=sum(proof.transfer_count for proof in proofs),
        participation_count=sum(proof.participation_count for proof in proofs),
        payout_count=sum(proof.payout_count for proof in proofs),
        total_in_rupiah=sum(proof.total_in_rupiah for proof in proofs),
        kinds=kinds,
        violations=tuple((n, violation) for n, proof in enumerate(proofs) for violation in proof.violations),
        in_several=tuple(_in_several(shards)),
    )


def _in_several(shards: Sequence[BaseDatabaseWrapper]) -> Iterator[tuple[str, str]]:
    """What stands in more than one shard (the first of each kind): the sorted streams of all, side by side."""
    for what, statement in ONCE.items():
        with ExitStack() as readers:
            streams = [readers.enter_context(_stream(shard, statement)) for shard in shards]
            found = (value for value, same in groupby(heapq.merge(*streams)) if len(list(same)) > 1)
            for _, value in zip(range(SHOWN_COUNT), found, strict=False):
                yield what, value


@contextmanager
def _stream(shard: BaseDatabaseWrapper, statement: str) -> Iterator[Iterator[str]]:
    """The only column of a statement, a part at a time."""
    with snapshot(shard), shard.chunked_cursor() as cursor:
        rows: Any = cursor
        rows.itersize = CHUNK_COUNT
        rows.execute(statement)
        yield (value for (value,) in rows)


def shard_at(url: str) -> BaseDatabaseWrapper:
    """A reader's connection to another database of the programme, like `proof`.

    A login that is not the reader's own steps down to it. Raises CommandError for what is no address."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or len(parts.path) < 2:
        raise CommandError(f"{url!r} is no shard: write postgresql://user@host:5432/bekal")
    options = dict(parse_qsl(parts.query))
    shard = connections["proof"].copy("proof")
    shard.settings_dict = shard.settings_dict | {
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options | ({} if parts.username == "bekal_proof" else {"options": "-c role=bekal_proof"}),
    }
    return shard


@contextmanager
def shards_at(urls: Sequence[str]) -> Iterator[list[BaseDatabaseWrapper]]:
    """Connections to all of them, closed at the end."""
    shards = [shard_at(url) for url in urls]
    try:
        yield shards
    finally:
        for shard in shards:
            shard.close()


def run_shards(urls: str, as_of_text: str | None, stdout: Output) -> int:
    """`manage prove ledger --shards URL,URL`: 1 where a check does not hold in a shard or over all."""
    with shards_at(urls.split(",")) as shards:
        proof = prove_shards(shards, as_of=read_instant(as_of_text))
    stdout.write(f"{heading('ledger', shards=len(proof.shards))}: summed over all")
    for number, each in enumerate(proof.shards, start=1):
        stdout.write(
            f"  shard {number}: {each.transfer_count} transfers, {each.participation_count} participations, "
            f"{each.payout_count} payouts, {format_rupiah(each.total_in_rupiah)} committed, "
            f"{len(each.checked) - len(each.violations)} of {len(each.checked)} checks hold"
        )
    for number, violation in proof.violations:
        stdout.write(f"  shard {number + 1} BROKEN {violation.invariant.name} {violation.invariant.holds}")
        for row in violation.rows:
            stdout.write("        " + ", ".join(f"{name}={value}" for name, value in row.items()))
    for what, value in proof.in_several:
        stdout.write(f"  BROKEN {what} {value} stands in several shards")
    stdout.write(
        f"  together: {proof.transfer_count} transfers, {proof.participation_count} participations, "
        f"{proof.payout_count} payouts, {format_rupiah(proof.total_in_rupiah)} committed, all kinds sum to "
        f"{format_rupiah(proof.difference_rupiah)}"
    )
    return 0 if proof.holds else 1
