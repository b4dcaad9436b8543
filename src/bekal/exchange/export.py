"""`export_programme`: everything a programme has done, as files that the import takes back to the same state."""

import json
import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from bekal.accounts.privacy import blind, decrypt
from bekal.exchange.export_columns import Cell, Column, Extract
from bekal.exchange.export_files import BLOCK_COUNT, WRITERS, Block, counted, new_totals, private, sha256_of
from bekal.exchange.export_tables import EXTRACTS
from bekal.exchange.progress import SILENT, Progress
from bekal.ledger.clock import JAKARTA
from bekal.participants.models import NikDirectory

MANIFEST = "manifest.json"
FORMAT = "bekal-programme"
VERSION = 4


class ExportError(Exception):
    """An export that cannot be made; the sentence says what to change."""


@dataclass(frozen=True, slots=True)
class ExportedKind:
    """One file: its name in the directory, rows, the sums of its columns of whole rupiah, SHA-256 in hexadecimal."""

    file: str
    rows: int
    rupiah: dict[str, int]
    sha256: str


def export_programme(
    *, directory: Path, at: datetime, file_format: str = "csv", nik: str | None = None, progress: Progress = SILENT
) -> dict[str, ExportedKind]:
    """Write one file for each kind and `manifest.json` last, all from one snapshot; what was written, by kind.

    With `nik` only what is that person's, and the trainings they took. The directory is made, or empty, and readable by
    its owner alone (0700, files 0600), because NIKs, names, contacts and account numbers stand there in the clear.
    Bounded memory: rows pass in blocks of 20,000, and of each person the NIK is held (16 bytes). The same state gives
    the same bytes. Raises ExportError for a directory that is not empty or cannot be made, an unknown format or NIK;
    whatever stops it, no file is left.
    """
    if file_format not in WRITERS:
        raise ExportError(f"--format is {file_format}: write one of {', '.join(WRITERS)}.")
    _make_private(directory)
    written: list[Path] = []
    try:
        with _snapshot():
            person = None if nik is None else _person(nik)
            _join(in_sets=person is None)
            niks = _Niks(person, progress)
            exported: dict[str, ExportedKind] = {}
            for name, make in EXTRACTS.items():
                path = directory / f"{name}.{file_format}"
                written.append(path)
                exported[name] = _export(path, name, make(), niks, person, file_format, progress)
        written.append(directory / MANIFEST)
        _write_manifest(directory / MANIFEST, exported, at, file_format, whole=person is None)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return exported


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise ExportError(
                f"{directory} is not empty: name a new directory, so that nothing is mixed or overwritten."
            )
        directory.chmod(0o700)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not possible"
        raise ExportError(f"{directory} cannot be used ({reason}): name a directory you may write to.") from None


@contextmanager
def _snapshot() -> Iterator[None]:
    """One REPEATABLE READ snapshot, read-only; inside somebody's open transaction (a test) it is theirs."""
    alone = not connection.in_atomic_block
    with transaction.atomic():
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _join(*, in_sets: bool) -> None:
    """Everybody's rows are joined as sets, even where PostgreSQL takes tables for empty that were filled just now."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_nestloop = {'off' if in_sets else 'on'}")


def _person(nik: str) -> int:
    found = NikDirectory.objects.filter(nik_hash=blind("nik", nik.strip())).values_list("participant_id", flat=True)
    person: int | None = found.first()
    if person is None:
        raise ExportError("--participant: nobody here has this NIK: check its 16 digits.")
    return person


class _Niks:
    """The NIK of each participant by number, 16 bytes a person: decrypting them for every file would take longest."""

    def __init__(self, person: int | None, progress: Progress) -> None:
        self._ids, self._niks = array("q"), array("q")
        condition = "" if person is None else "WHERE id = %(person)s"
        sql = f"SELECT id, nik_encrypted FROM participants_participant {condition} ORDER BY id"
        with _rows(sql, person, "identities", progress) as blocks:
            for block in blocks:
                self._ids.extend(number for number, _ in block)
                self._niks.extend(int(decrypt(bytes(token))) for _, token in block)

    def of(self, participant_id: int) -> str:
        return f"{self._niks[bisect_left(self._ids, participant_id)]:016d}"


@contextmanager
def _rows(sql: str, person: int | None, name: str, progress: Progress) -> Iterator[Iterator[list[Any]]]:
    """The rows by a server-side cursor, 20,000 at a time. It is opened here and now: who writes Parquet asks for the
    blocks in a thread of its own, which has another connection and would see another state."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, {"person": person})
        yield _shown(iter(lambda: cursor.fetchmany(BLOCK_COUNT), []), name, progress)


def _shown(blocks: Iterator[list[Any]], name: str, progress: Progress) -> Iterator[list[Any]]:
    """The same blocks, with a line of progress that counts their rows."""
    bar = progress.bar(name)
    for block in blocks:
        yield block
        bar.update(len(block))
    bar.close()


def _export(
    path: Path, name: str, extract: Extract, niks: _Niks, person: int | None, file_format: str, progress: Progress
) -> ExportedKind:
    columns = tuple(extract.columns)
    totals = new_totals(columns)
    with _rows(extract.sql(person=person is not None), person, f"writing {name}", progress) as blocks:
        WRITERS[file_format](path, columns, counted(_read(blocks, columns, niks), columns, totals))
    return ExportedKind(path.name, totals.rows, totals.rupiah, sha256_of(path))


def _read(blocks: Iterator[list[Any]], columns: Sequence[Column], niks: _Niks) -> Iterator[Block]:
    """Encrypted cells become their texts, numbers of participants their NIKs."""
    readers: dict[Cell, Callable[[Any], str]] = {
        Cell.SEALED: lambda token: decrypt(bytes(token)),
        Cell.NIK: niks.of,
    }
    places = [(place, readers[column.cell]) for place, column in enumerate(columns) if column.cell in readers]
    for block in blocks:
        rows = [list(row) for row in block]
        for row in rows:
            for place, read in places:
                if row[place] is not None:
                    row[place] = read(row[place])
        yield rows


def _write_manifest(
    path: Path, exported: dict[str, ExportedKind], at: datetime, file_format: str, *, whole: bool
) -> None:
    """No personal data: format, instant, and of each file its rows, sums and hash."""
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "file_format": file_format,
        "scope": "programme" if whole else "participant",
        "exported_at": at.astimezone(JAKARTA).isoformat(),
        "kinds": {
            name: {"file": each.file, "rows": each.rows, "rupiah": each.rupiah, "sha256": each.sha256}
            for name, each in exported.items()
        },
    }
    with open(path, "x", encoding="utf-8", opener=private) as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
