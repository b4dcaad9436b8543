"""Change history as a superuser would, a bit at a time, and see that the digest chain finds every change."""

import random
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction

from bekal.ledger.digests import close_digest
from bekal.ledger.proof_results import record_proof_result
from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.built import NOW, build
from bekal.proofs.chain import DigestCheck, recompute
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import write_result
from bekal.proofs.scratch import OWNER, scratch_database
from bekal.proofs.subjects import Output

PEOPLE_COUNT = 60
FLIP_COUNT, FULL_FLIP_COUNT = 200, 5_000
# Each column of a transfer as a number of bits, and the expression that flips one of them (%(bit)s, from 0).
COLUMNS: Mapping[str, tuple[int, str]] = {
    "owner_id": (63, "owner_id # (1::bigint << %(bit)s)"),
    "id": (63, "id # (1::bigint << %(bit)s)"),
    "debit_kind": (15, "debit_kind # (1 << %(bit)s)::smallint"),
    "credit_kind": (15, "credit_kind # (1 << %(bit)s)::smallint"),
    "reason": (15, "reason # (1 << %(bit)s)::smallint"),
    "amount_rupiah": (63, "amount_rupiah # (1::bigint << %(bit)s)"),
    # Instants between 1970 and 2038 have 51 bits of microseconds.
    "posted_at": (
        51,
        "timestamptz 'epoch' + (((extract(epoch FROM posted_at) * 1000000)::bigint # (1::bigint << %(bit)s))"
        " / 1000000) * interval '1 second' + (((extract(epoch FROM posted_at) * 1000000)::bigint"
        " # (1::bigint << %(bit)s)) %% 1000000) * interval '1 microsecond'",
    ),
    # One bit of one character: the lowest five keep it printable ASCII.
    "idempotency_key": (
        5,
        "overlay(idempotency_key PLACING chr("
        "ascii(substr(idempotency_key, 1 + %(place)s %% length(idempotency_key), 1)) # (1 << %(bit)s))"
        " FROM 1 + %(place)s %% length(idempotency_key) FOR 1)",
    ),
}
ROW_SQL = "SELECT owner_id, id FROM ledger_transfer ORDER BY owner_id, id OFFSET %s LIMIT 1"
_HERE = "WHERE owner_id = %(owner)s AND id = %(id)s"
# What else an intruder might try; each must be found. `%(owner)s` and `%(id)s` name a covered transfer.
DEEDS: Mapping[str, str] = {
    "a transfer taken out": f"DELETE FROM ledger_transfer {_HERE}",
    "a transfer put in": "INSERT INTO ledger_transfer SELECT owner_id, 0, debit_kind, credit_kind, reason,"
    f" amount_rupiah, idempotency_key || 'x', posted_at FROM ledger_transfer {_HERE}",
    "a transfer given to somebody else": f"UPDATE ledger_transfer SET owner_id = owner_id + 1 {_HERE}",
    "a transfer given to somebody of the same group": f"UPDATE ledger_transfer SET owner_id = owner_id + 256 {_HERE}",
    "two transfers that change places": "UPDATE ledger_transfer t SET amount_rupiah = other.amount_rupiah"
    " FROM ledger_transfer other WHERE t.owner_id = other.owner_id AND t.reason = 1 AND other.reason = 1"
    " AND t.id <> other.id AND t.credit_kind IN (5, 6) AND other.credit_kind IN (5, 6)",
    "a first link moved": "UPDATE ledger_digestlink SET until_id = until_id - 1 WHERE number = 1",
    "a link counted otherwise": "UPDATE ledger_digestlink SET total_rupiah = total_rupiah + 1 WHERE number = 2",
    "a link dated back": "UPDATE ledger_digestlink SET closed_at = closed_at - interval '1 day' WHERE number = 2",
    "a group of a link rewritten": "UPDATE ledger_digestlink SET bucket_digests ="
    " set_byte(bucket_digests, 77, get_byte(bucket_digests, 77) # 1) WHERE number = 2",
    "a link's own digest rewritten": "UPDATE ledger_digestlink SET"
    " sha256 = set_byte(sha256, 5, get_byte(sha256, 5) # 1) WHERE number = 3",
    "a link that names another before it": "UPDATE ledger_digestlink SET previous_sha256 = sha256 WHERE number = 3",
    "a link taken out of the middle": "DELETE FROM ledger_digestlink WHERE number = 2",
    "the last link taken off": "DELETE FROM ledger_digestlink WHERE number ="
    " (SELECT max(number) FROM ledger_digestlink)",
    "the whole chain taken away": "DELETE FROM ledger_digestlink",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """One change that was made, and what the chain said of it."""

    name: str
    check: DigestCheck

    @property
    def is_found(self) -> bool:
        return bool(self.check.differences)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--flips", type=whole_number(0), default=FLIP_COUNT, metavar="N", help=f"default {FLIP_COUNT}")
    parser.add_argument("--full", action="store_true", help=f"{FULL_FLIP_COUNT} flips")
    add_common_arguments(parser, resume=False)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """In a database of its own: make each change, look, undo it; 1 where one was not found."""
    flip_count, seed_number = FULL_FLIP_COUNT if options["full"] else options["flips"], seed_of(options)
    started = time.perf_counter()
    with scratch_database("tamper"):
        transfer_count = programme()
        stdout.write(heading("tamper", seed=seed_number, transfers=transfer_count, flips=flip_count, deeds=len(DEEDS)))
        tried = list(attempts(flip_count, seed_number, transfer_count))
    unseen = [each for each in tried if not each.is_found]
    for each in unseen:
        stdout.write(f"  NOT FOUND: {each.name}")
    found: dict[str, int] = {}
    for each in tried:
        what = each.name.split(",", 1)[0]
        found[what] = found.get(what, 0) + each.is_found
    for what, count in found.items():
        stdout.write(f"  found {count:5d}  {what}")
    stdout.write(f"  {bound(len(tried)) if not unseen else f'{len(unseen)} of {len(tried)} changes were not found'}")
    figures: dict[str, Any] = {"seed": seed_number, "transfers": transfer_count, "flips": flip_count}
    figures |= {"deeds": len(DEEDS), "found": found, "not_found": [each.name for each in unseen]}
    write_result(options.get("result"), figures | {"seconds": round(time.perf_counter() - started, 1)})
    return 1 if unseen else 0


def programme() -> int:
    """A small programme with a closed chain, whose head a proof has noted; how many transfers."""
    with connections[OWNER].cursor() as cursor:
        build(cursor, PEOPLE_COUNT, after_stage=lambda at: close_digest(at=at))
        cursor.execute("SELECT count(*) FROM ledger_transfer")
        (transfer_count,) = cursor.fetchone()
    before = recompute(connections["proof"])
    if before.differences or before.uncovered_count:
        raise RuntimeError(f"the chain does not hold before anything was changed: {before.differences}")
    record_proof_result(
        as_of=None,
        proved_at=NOW,
        duration_ms=0,
        transfer_count=transfer_count,
        participation_count=PEOPLE_COUNT,
        check_count=1,
        violations=(),
        kinds={},
        digest_sha256=before.head_sha256,
    )
    return int(transfer_count)


def attempts(flip_count: int, seed: int, transfer_count: int) -> Iterator[Tried]:
    """Every deed, then random single bits: the columns in turn, so that none is left out. Each is undone at once."""
    chance = random.Random(seed)
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        for statement in GUARDS_DOWN:
            cursor.execute(statement)
        for name, deed in DEEDS.items():
            yield _try(cursor, name, deed, _row(cursor, chance, transfer_count))
        for number in range(flip_count):
            column = list(COLUMNS)[number % len(COLUMNS)]
            width, flipped = COLUMNS[column]
            values = {"bit": chance.randrange(width), "place": chance.randrange(64)}
            flip = f"UPDATE ledger_transfer SET {column} = {flipped} {_HERE}"
            name = f"a bit of {column}, number {values['bit']}"
            yield _try(cursor, name, flip, values | _row(cursor, chance, transfer_count))
        transaction.set_rollback(True, using=OWNER)


def _row(cursor: Any, chance: random.Random, transfer_count: int) -> dict[str, int]:
    cursor.execute(ROW_SQL, [chance.randrange(transfer_count)])
    owner_id, number = cursor.fetchone()
    return {"owner": owner_id, "id": number}


def _try(cursor: Any, name: str, deed: str, values: Mapping[str, int]) -> Tried:
    """Make one change, recompute as it stands, and undo it."""
    with transaction.atomic(using=OWNER):
        cursor.execute(deed, values)
        if cursor.rowcount < 1:
            raise RuntimeError(f"{name}: nothing was changed, so nothing was tried")
        tried = Tried(name, recompute(connections[OWNER]))
        transaction.set_rollback(True, using=OWNER)
    return tried


# What a superuser can switch off: the triggers, the constraints, the indexes that make a number unique.
GUARDS_DOWN: Sequence[str] = (
    "ALTER TABLE ledger_transfer DISABLE TRIGGER USER",
    "ALTER TABLE ledger_digestlink DISABLE TRIGGER USER",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_allowed_movement",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_amount_in_bounds",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT IF EXISTS ledger_transfer_debit_kind_check",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT IF EXISTS ledger_transfer_credit_kind_check",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT IF EXISTS ledger_transfer_reason_check",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_pkey",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_posted_once",
    "ALTER TABLE ledger_digestlink DROP CONSTRAINT ledger_digestlink_goes_forward",
)
