"""`import_programme`: a directory that `export_programme` made comes back to the same state, all or nothing.

Nothing in the directory is believed before it has been seen: the manifest must be one of ours, every file must have
the hash, the rows and the sums that the manifest states, and no file may be missing or too many. Then every kind is
taken in its order in one transaction.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from bekal.core.money import MoneyError, parse_rupiah
from bekal.exchange.export import FORMAT, MANIFEST, VERSION
from bekal.exchange.export_files import WRITERS, sha256_of
from bekal.exchange.kinds import KINDS
from bekal.exchange.progress import Progress
from bekal.exchange.table_fields import ColumnMap, Findings
from bekal.exchange.table_file import Problem, Table, TableError, quoted

MAX_MANIFEST_BYTES = 1024 * 1024
# Kinds that older exports do not have: nothing of theirs had happened.
SINCE_VERSION = (
    dict.fromkeys(("institution_stops", "clawbacks", "repayments", "closings"), 2)
    | dict.fromkeys(("accreditations", "ownerships"), 3)
    | dict.fromkeys(("catalogue_names", "suspensions", "submissions", "curation_decisions"), 4)
    | dict.fromkeys(("training_changes", "partners", "personalisations"), 4)
    | dict.fromkeys(
        ("evidence", "evidence_cases", "case_rulings", "certificates", "certificate_events", "hold_steps"), 4
    )
)


@dataclass(frozen=True, slots=True)
class ImportedProgramme:
    """`counts` by kind, as each kind reports them; or `findings` of `file`, and then nothing was kept."""

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    file: str = ""
    findings: Findings = field(default_factory=Findings)


class _Refused(Exception):
    """Ends the transaction with what was found in one file."""

    def __init__(self, file: str, findings: Findings) -> None:
        super().__init__(file)
        self.file = file
        self.findings = findings


def import_programme(directory: Path, *, at: datetime, dry_run: bool, progress: Progress) -> ImportedProgramme:
    """Take a whole export, or one person's, in one transaction; the same directory again changes nothing.

    With `dry_run` everything is tried and nothing kept.
    """
    counts: dict[str, Mapping[str, int]] = {}
    try:
        files = _checked_files(directory, progress)
        with transaction.atomic():
            for name, (path, stated) in files.items():
                loaded = KINDS[name].load(path, ColumnMap(), at=at, dry_run=False, progress=progress)
                _check_file(path, stated)  # what was read is still what was checked
                if loaded.findings.problem_count:
                    raise _Refused(path.name, loaded.findings)
                counts[name] = loaded.counts
            transaction.set_rollback(dry_run)
    except _Refused as refused:
        return ImportedProgramme(file=refused.file, findings=refused.findings)
    return ImportedProgramme(counts)


def _checked_files(directory: Path, progress: Progress) -> dict[str, tuple[Path, Mapping[str, Any]]]:
    """The files that have rows, by kind in the order of their import, with what is stated of each. Raises _Refused."""
    manifest = _manifest(directory)
    kinds: dict[str, Any] = manifest["kinds"]
    files: dict[str, tuple[Path, Mapping[str, Any]]] = {}
    known = [name for name in KINDS if SINCE_VERSION.get(name, 1) <= manifest["version"]]
    for name in known:
        if name not in kinds:
            raise _refused(MANIFEST, f"it names no {name}: take the whole directory as it was exported")
        path = directory / f"{name}.{manifest['file_format']}"
        if kinds[name].get("file") != path.name:
            raise _refused(MANIFEST, f"its file of {name} is not {path.name}: take the directory as it was exported")
        _check_file(path, kinds[name])
        if kinds[name]["rows"]:
            files[name] = path, kinds[name]
    surplus = sorted({path.name for path in directory.iterdir()} - {kinds[name]["file"] for name in known} - {MANIFEST})
    if surplus or (unknown := sorted(set(kinds) - set(known))):
        raise _refused(
            surplus[0] if surplus else MANIFEST, f"{(surplus or unknown)[0]} is no part of an export: remove it"
        )
    for name, (path, stated) in files.items():
        _check_totals(path, KINDS[name].max_rows, stated, progress)
    return files


def _manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise _refused(MANIFEST, f"it is larger than {MAX_MANIFEST_BYTES:,} bytes: no export writes such a one")
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "unknown"
        raise _refused(
            MANIFEST, f"it cannot be read in {directory} ({reason}): name the directory of an export"
        ) from None
    except (ValueError, RecursionError):
        raise _refused(MANIFEST, "it is no JSON: take the directory as it was exported") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _refused(MANIFEST, f"it is no manifest of an export (format {FORMAT}): name another directory")
    if manifest.get("version") not in range(1, VERSION + 1):
        raise _refused(
            MANIFEST, f"it has version {manifest.get('version')!r}, this program reads 1 to {VERSION}: export again"
        )
    kinds = manifest.get("kinds")
    if (
        str(manifest.get("file_format")) not in WRITERS
        or not isinstance(kinds, dict)
        or not all(map(_is_kind, kinds.values()))
    ):
        raise _refused(MANIFEST, "its parts are not those of an export: take the directory as it was exported")
    return manifest


def _is_kind(stated: object) -> bool:
    if not isinstance(stated, dict) or not isinstance(stated.get("rupiah"), dict):
        return False
    numbers = [stated.get("rows"), *stated["rupiah"].values()]
    return all(type(number) is int and number >= 0 for number in numbers) and isinstance(stated.get("sha256"), str)


def _check_file(path: Path, stated: Mapping[str, Any]) -> None:
    try:
        if path.is_symlink() or not path.is_file():
            raise _refused(path.name, "the manifest names this file, and it is not there: take the whole directory")
        found = sha256_of(path)
    except OSError as error:
        raise _refused(path.name, f"it cannot be read ({error.strerror}): check its permissions") from None
    if found != stated["sha256"]:
        raise _refused(path.name, "its SHA-256 is not the manifest's: it was changed or cut after the export")


def _check_totals(path: Path, max_rows: int, stated: Mapping[str, Any], progress: Progress) -> None:
    """The manifest has to be right, too: rows and sums of rupiah are counted again."""
    try:
        table = Table(path, max_rows=max_rows)
        sums = dict.fromkeys(stated["rupiah"], 0)
        missing = sorted(set(sums) - set(table.columns))
        if missing:
            raise _refused(MANIFEST, f"it states a sum of {quoted(missing[0])}, which {path.name} does not have")
        places = [(name, table.columns.index(name)) for name in sums]
        rows = 0
        for row in progress.over(table.rows(), f"checking {path.stem}"):
            rows += 1
            for name, place in places:
                if row.problem is None and row.values[place]:
                    sums[name] += parse_rupiah(row.values[place])
    except TableError as error:
        findings = Findings()
        findings.add(error.problem)
        raise _Refused(path.name, findings) from None
    except MoneyError:
        raise _refused(
            path.name, "a column of rupiah holds something else: take the directory as it was exported"
        ) from None
    if rows != stated["rows"]:
        raise _refused(
            MANIFEST, f"it states {stated['rows']:,} rows of {path.name}, which has {rows:,}: it is not of it"
        )
    for name, total in sums.items():
        if total != stated["rupiah"][name]:
            words = f"it states {stated['rupiah'][name]:,} rupiah of {name} in {path.name}, which sums to {total:,}"
            raise _refused(MANIFEST, f"{words}: it is not of it")


def _refused(file: str, mend: str) -> _Refused:
    findings = Findings()
    findings.add(Problem(0, "", "", mend))
    return _Refused(file, findings)
