"""Dump a programme, restore it into a new server, and see that not a rupiah is missing.

The server is one of its own, made from the binaries that the programme's server runs from; where none can be started
here the restore goes into a second database of the same server, and the report says so. Then things are lost and bent
there on purpose: a comparison that does not tell would be blind, and the command fails.
"""

import os
import shutil
import subprocess
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.management.base import CommandError
from django.db import connections, transaction

from bekal.core.money import format_rupiah
from bekal.ledger.digests import close_digest
from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.built import TRANSFERS_PER_PERSON, build
from bekal.proofs.check import Proof, prove_ledger
from bekal.proofs.own_server import DATABASE, OwnServerError, own_server, server_binaries
from bekal.proofs.report import heading
from bekal.proofs.restore_losses import losses
from bekal.proofs.result_file import write_result
from bekal.proofs.scratch import OWNER, connected_to, scratch_database
from bekal.proofs.subjects import Output

TRANSFER_COUNT, FULL_TRANSFER_COUNT = 2_000, 5_000_000
FULL_LIMIT_SECONDS = 180
JOB_COUNT = 2
# Roles are the cluster's and not in a dump; `manage setup` makes them on a new one, too.
ROLES = ("bekal_owner", "bekal_app", "bekal_proof")
COUNT_SQL = "SELECT count(*) FROM {}"
TABLES_SQL = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
# Every balance there is, of every owner and kind, as one digest.
BALANCES_SQL = """
SELECT encode(sha256(convert_to(coalesce(string_agg(line, chr(10) ORDER BY bucket), ''), 'UTF8')), 'hex') FROM (
    SELECT owner_id & 255 AS bucket,
           encode(sha256(convert_to(string_agg(concat_ws(',', owner_id, kind, held), chr(10) ORDER BY owner_id, kind),
                                    'UTF8')), 'hex') AS line
    FROM (SELECT owner_id, kind, sum(amount) AS held FROM (
              SELECT owner_id, credit_kind AS kind, amount_rupiah AS amount FROM ledger_transfer
              UNION ALL SELECT owner_id, debit_kind, -amount_rupiah FROM ledger_transfer) entry
          GROUP BY owner_id, kind) balance
    GROUP BY owner_id & 255) buckets
"""


@dataclass(frozen=True, slots=True)
class State:
    """What must be the same on both sides: the rows of each table, a digest of all balances, and that it proves (None:
    not asked)."""

    row_counts: Mapping[str, int]
    balances_sha256: str
    proof: Proof | None

    def differences(self, other: "State") -> list[str]:
        """What differs, one sentence each."""
        found = [
            f"{table} had {count} rows and has {other.row_counts.get(table, 0)}"
            for table, count in self.row_counts.items()
            if other.row_counts.get(table) != count
        ]
        found += [f"{table} was not there before" for table in other.row_counts.keys() - self.row_counts.keys()]
        if self.balances_sha256 != other.balances_sha256:
            found.append(f"the balances had the digest {self.balances_sha256} and have {other.balances_sha256}")
        if self.proof is None or other.proof is None:
            return found
        if _head(self.proof) != _head(other.proof):
            found.append("the head of the digest chain is another one")
        for side, proof in (("before the dump", self.proof), ("after the restore", other.proof)):
            found += [f"{side}: {each.invariant.name} {each.invariant.holds}" for each in proof.violations]
        return found


@dataclass(slots=True)
class Restore:
    """What was dumped and restored, how long it took, and what came of it."""

    seed: int
    participations: int
    transfers: int = 0
    tables: int = 0
    rows: int = 0
    checks: int = 0
    total_rupiah: int = 0
    balances_sha256: str = ""
    where: str = ""
    dump_seconds: float = 0.0
    restore_seconds: float = 0.0
    differences: list[str] = field(default_factory=list)
    losses: dict[str, str | None] = field(default_factory=dict)  # done on purpose -> what gave it away

    @property
    def holds(self) -> bool:
        noticed = bool(self.losses) and None not in self.losses.values()
        return self.transfers > 0 and not self.differences and noticed

    def note(self, before: State, after: State) -> None:
        """The comparison of both sides."""
        self.differences += before.differences(after)
        self.tables, self.rows = len(after.row_counts), sum(after.row_counts.values())
        self.balances_sha256 = after.balances_sha256
        if after.proof is not None:
            self.transfers, self.checks = after.proof.transfer_count, len(after.proof.checked)
            self.total_rupiah = after.proof.total_in_rupiah


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--transfers", type=whole_number(1), default=TRANSFER_COUNT, metavar="N", help=f"default {TRANSFER_COUNT}"
    )
    parser.add_argument("--full", action="store_true", help=f"{FULL_TRANSFER_COUNT} transfers, in at most 3 minutes")
    add_common_arguments(parser, resume=False)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """Build, dump, restore, compare; 1 where something differs, a loss goes unnoticed or, in the full run, where it
    took too long."""
    transfer_count = FULL_TRANSFER_COUNT if options["full"] else options["transfers"]
    restore = Restore(seed_of(options), max(transfer_count // TRANSFERS_PER_PERSON, 20))
    _tool("pg_dump")  # before anything is built
    with scratch_database("restore"), _dump_folder() as dump:
        with connections[OWNER].cursor() as cursor:
            build(cursor, restore.participations, after_stage=lambda at: close_digest(at=at))
            cursor.execute("ANALYZE ledger_transfer")
        before = state()
        started = time.perf_counter()
        _dump(os.environ["DATABASE_URL"], dump)
        restore.dump_seconds = round(time.perf_counter() - started, 1)
        with _new_server(stdout) as url:
            if url is None:
                with scratch_database("restored", empty=True) as target:
                    restore.where = f"database {target.name} of the same server"
                    _restore_and_compare(restore, dump, before, os.environ["DATABASE_URL"])
            else:
                restore.where = "a new server"
                with connected_to(DATABASE, url=url):
                    _restore_and_compare(restore, dump, before, url)
    total_seconds = restore.dump_seconds + restore.restore_seconds
    if options["full"] and total_seconds > FULL_LIMIT_SECONDS:
        restore.differences.append(f"it took {total_seconds:.0f} s, at most {FULL_LIMIT_SECONDS} s are allowed")
    stdout.write(
        heading("restore", transfers=restore.transfers, participations=restore.participations, seed=restore.seed)
    )
    for line in lines_of(restore):
        stdout.write(line)
    write_result(options.get("result"), asdict(restore))
    return 0 if restore.holds else 1


def lines_of(restore: Restore) -> Iterator[str]:
    """The report, line by line."""
    yield (
        f"  dumped in {restore.dump_seconds:.1f} s, restored into {restore.where} in {restore.restore_seconds:.1f} s "
        f"with {JOB_COUNT} jobs; {restore.tables} tables, {restore.rows} rows, {format_rupiah(restore.total_rupiah)}"
    )
    yield f"  balances {restore.balances_sha256}, {restore.checks} checks of I1 to I12"
    yield from (f"  BROKEN {sentence}" for sentence in restore.differences)
    for name, noticed in restore.losses.items():
        yield f"  {'UNSEEN  ' if noticed is None else 'noticed '} {name}: {noticed or 'nothing differs'}"


def _restore_and_compare(restore: Restore, dump: Path, before: State, url: str) -> None:
    """Into the empty database that the connections lead to; then what must not go unnoticed is tried there."""
    restore.restore_seconds = round(_restore(dump, url), 1)
    after = state()
    restore.note(before, after)
    if restore.differences:
        return
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        for loss in list(losses(cursor, after.row_counts, restore.seed)):
            with transaction.atomic(using=OWNER):
                loss.happen(cursor)
                found = after.differences(state(prove=False)) or after.differences(state())
                restore.losses[loss.name] = found[0] if found else None
                transaction.set_rollback(True, using=OWNER)
        transaction.set_rollback(True, using=OWNER)


def state(*, prove: bool = True) -> State:
    """The database that the connections lead to, as the proof's role sees it; within a transaction of the owner's, as
    that one sees it."""
    owner = connections[OWNER]
    with owner.cursor() as cursor:
        cursor.execute(TABLES_SQL)
        counts = {}
        for (table,) in cursor.fetchall():
            cursor.execute(COUNT_SQL.format(table))
            counts[table] = cursor.fetchone()[0]
        cursor.execute("SET work_mem = '256MB'")
        cursor.execute(BALANCES_SQL)
        (balances,) = cursor.fetchone()
    asked = owner if owner.in_atomic_block else connections["proof"]
    return State(counts, balances, prove_ledger(asked) if prove else None)


def _head(proof: Proof) -> bytes | None:
    return None if proof.digest is None else proof.digest.head_sha256


@contextmanager
def _dump_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bekal-prove-dump-"))
    try:
        yield folder / "dump"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _new_server(stdout: Output) -> Iterator[str | None]:
    """The address of a new, empty server with the programme's roles; None where none can be started."""
    try:
        manager = own_server(settings={"fsync": "off", "synchronous_commit": "off", "maintenance_work_mem": "512MB"})
        server = manager.__enter__()
    except OwnServerError as error:
        stdout.write(f"  no second server here, so a second database of the same one is used: {error}")
        yield None
        return
    try:
        with _psql(server.url) as cursor:
            for role in ROLES:
                cursor.execute(f"CREATE ROLE {role} NOLOGIN")
        yield server.url
    finally:
        manager.__exit__(None, None, None)


@contextmanager
def _psql(url: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def _dump(url: str, to: Path) -> None:
    _run("pg_dump", url, f"--format=directory --jobs={JOB_COUNT} --compress=none --no-sync --file={to}")


def _restore(dump: Path, url: str) -> float:
    """Restore into the empty database at that address, and gather statistics; the seconds it took."""
    started = time.perf_counter()
    _run("pg_restore", url, f"--jobs={JOB_COUNT} --exit-on-error {dump}", target="--dbname")
    with _psql(url) as connection:
        connection.execute("ANALYZE")
    return time.perf_counter() - started


def _run(program: str, url: str, options: str, *, target: str = "--dbname") -> None:
    """One of the server's own tools, in its own version, against an address; raises CommandError with what it said."""
    parts = urlsplit(url)
    known = dict(parse_qsl(parts.query))
    environ = {**os.environ, "PGPASSWORD": unquote(parts.password or "")} if parts.password else dict(os.environ)
    place = [f"--host={known.get('host', parts.hostname or '')}", f"{target}={unquote(parts.path[1:])}"]
    place += [f"--port={parts.port}"] if parts.port else []
    place += [f"--username={unquote(parts.username)}"] if parts.username else []
    command = [_tool(program), *place, "--no-password", *options.split()]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"{program} failed: {done.stderr.strip()[-1000:]}")


def _tool(program: str) -> str:
    """Where pg_dump or pg_restore is: beside the server, where that can be seen, else wherever the system has one.
    Raises CommandError with what mends it."""
    try:
        return str(server_binaries() / program)
    except OwnServerError as error:
        found = shutil.which(program)
        if found is None:
            raise CommandError(
                f"prove restore needs pg_dump and pg_restore, and there is no {program} here: install PostgreSQL's "
                f"client programs, of the server's version or a newer one. {error}"
            ) from error
        return found
