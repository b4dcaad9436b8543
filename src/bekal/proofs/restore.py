"""Dump a programme, restore it into a new server, and see that not a rupiah is missing.

The server is one of its own, made from the binaries that the programme's server runs from; where none can be started
here the restore goes into a second database of the same server, and the report says so.
"""

import os
import shutil
import subprocess
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.db import connections

from bekal.core.money import format_rupiah
from bekal.ledger.digests import close_digest
from bekal.proofs.built import TRANSFERS_PER_PERSON, build
from bekal.proofs.check import Proof, prove_ledger
from bekal.proofs.own_server import DATABASE, OwnServerError, own_server, server_binaries
from bekal.proofs.report import heading
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
    """What must be the same on both sides: the rows of each table, a digest of all balances, and that it proves."""

    row_counts: Mapping[str, int]
    balances_sha256: str
    proof: Proof

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
        if _head(self.proof) != _head(other.proof):
            found.append("the head of the digest chain is another one")
        for side, proof in (("before the dump", self.proof), ("after the restore", other.proof)):
            found += [f"{side}: {each.invariant.name} {each.invariant.holds}" for each in proof.violations]
        return found


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--transfers", type=int, default=TRANSFER_COUNT, metavar="N", help=f"default {TRANSFER_COUNT}")
    parser.add_argument("--full", action="store_true", help=f"{FULL_TRANSFER_COUNT} transfers, in at most 3 minutes")


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """Build, dump, restore, compare; 1 where something differs or, in the full run, where it took too long."""
    transfer_count = FULL_TRANSFER_COUNT if options["full"] else options["transfers"]
    people_count = max(transfer_count // TRANSFERS_PER_PERSON, 20)
    with scratch_database("restore") as source, _dump_folder() as dump:
        with connections[OWNER].cursor() as cursor:
            build(cursor, people_count, after_stage=lambda at: close_digest(at=at))
            cursor.execute("ANALYZE ledger_transfer")
        before = state()
        started = time.perf_counter()
        _dump(os.environ["DATABASE_URL"], dump)
        dumped = time.perf_counter()
        with _new_server(stdout) as url:
            if url is None:
                with scratch_database("restored", empty=True) as target:
                    seconds, after = _restore(dump, os.environ["DATABASE_URL"]), state()
                    where = f"database {target.name} of the same server"
            else:
                seconds = _restore(dump, url)
                with connected_to(DATABASE, url=url):
                    after = state()
                where = "a new server"
    total_seconds = dumped - started + seconds
    differences = before.differences(after)
    stdout.write(heading("restore", transfers=after.proof.transfer_count, participations=people_count))
    stdout.write(
        f"  {source.name} dumped in {dumped - started:.1f} s, restored into {where} in {seconds:.1f} s with "
        f"{JOB_COUNT} jobs; {len(after.row_counts)} tables, {sum(after.row_counts.values())} rows, "
        f"{format_rupiah(after.proof.total_in_rupiah)}"
    )
    stdout.write(f"  balances {after.balances_sha256}, {len(after.proof.checked)} checks of I1 to I12")
    for sentence in differences:
        stdout.write(f"  BROKEN {sentence}")
    if options["full"] and total_seconds > FULL_LIMIT_SECONDS:
        stdout.write(f"  BROKEN it took {total_seconds:.0f} s, at most {FULL_LIMIT_SECONDS} s are allowed")
        return 1
    return 1 if differences else 0


def state() -> State:
    """The database that the connections lead to, as the proof's role sees it."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(TABLES_SQL)
        counts = {}
        for (table,) in cursor.fetchall():
            cursor.execute(COUNT_SQL.format(table))
            counts[table] = cursor.fetchone()[0]
        cursor.execute("SET work_mem = '256MB'")
        cursor.execute(BALANCES_SQL)
        (balances,) = cursor.fetchone()
    return State(counts, balances, prove_ledger(connections["proof"]))


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
    """One of the server's own tools, in its own version, against an address; raises RuntimeError with what it said."""
    parts = urlsplit(url)
    known = dict(parse_qsl(parts.query))
    environ = {**os.environ, "PGPASSWORD": unquote(parts.password or "")} if parts.password else dict(os.environ)
    place = [f"--host={known.get('host', parts.hostname or '')}", f"{target}={unquote(parts.path[1:])}"]
    place += [f"--port={parts.port}"] if parts.port else []
    place += [f"--username={unquote(parts.username)}"] if parts.username else []
    command = [str(server_binaries() / program), *place, "--no-password", *options.split()]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr.strip()[-1000:]}")
