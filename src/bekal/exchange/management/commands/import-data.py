"""`manage import-data KIND FILE`: take in a table that somebody else made (docs/import.md)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.exchange.kinds import KINDS, Loaded
from bekal.exchange.problem_file import write_problems
from bekal.exchange.programme import import_programme
from bekal.exchange.progress import Progress
from bekal.exchange.table_fields import ColumnMap, Findings, column_map_from
from bekal.exchange.table_file import TableError
from bekal.ledger.clock import programme_now

SHOWN_COUNT = 20
PROGRAMME = "programme"


class Command(BaseCommand):
    help = "Import one kind of file (CSV or Parquet; docs/data-dictionary.md has the columns). All or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = [*KINDS, PROGRAMME]
        parser.add_argument("kind", choices=kinds, help="what the rows are; programme: the directory of an export")
        parser.add_argument(
            "file",
            type=Path,
            metavar="FILE",
            help="CSV in UTF-8 with commas and a heading, or Parquet; or that directory",
        )
        parser.add_argument("--map", default="", help="a YAML file, or field=column,field=column (docs/import.md)")
        parser.add_argument("--dry-run", action="store_true", help="check and count everything, keep nothing")
        parser.add_argument("--errors-to", type=Path, metavar="FILE", help="write every bad row to this CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            column_map = column_map_from(options["map"]) if options["map"] else ColumnMap()
        except TableError as error:
            raise CommandError(str(error)) from None
        dry_run = options["dry_run"]
        progress = Progress(shown=options["verbosity"] > 0)
        if options["kind"] == PROGRAMME:
            if options["map"]:
                raise CommandError("--map is for files of other systems: an export has our columns, leave it out.")
            self._import_programme(options["file"], dry_run, options["errors_to"], progress)
            return
        kind = KINDS[options["kind"]]
        loaded = kind.load(options["file"], column_map, at=programme_now(), dry_run=dry_run, progress=progress)
        self._stop_at(loaded.findings, options["errors_to"])
        self._report(loaded, dry_run)

    def _import_programme(self, directory: Path, dry_run: bool, errors_to: Path | None, progress: Progress) -> None:
        imported = import_programme(directory, at=programme_now(), dry_run=dry_run, progress=progress)
        if imported.findings.problem_count:
            self.stderr.write(f"{imported.file}:")
        self._stop_at(imported.findings, errors_to)
        for name, counts in imported.counts.items():
            summary = ", ".join(f"{count:,} {what}" for what, count in counts.items())
            self.stdout.write(f"{name.replace('_', ' ')}: {summary}")
        self.stdout.write("Tried and not kept." if dry_run else "Imported.")

    def _stop_at(self, findings: Findings, errors_to: Path | None) -> None:
        if not findings.problem_count:
            return
        if errors_to is not None:
            try:
                write_problems(findings.problems, errors_to)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "its name is not possible"
                raise CommandError(
                    f"--errors-to {errors_to} cannot be written ({reason}): name another file."
                ) from None
        for problem in findings.problems[:SHOWN_COUNT]:
            self.stderr.write(str(problem))
        hidden = findings.problem_count - min(findings.problem_count, SHOWN_COUNT)
        if hidden:
            where = f"listed in {errors_to}" if errors_to else "--errors-to FILE lists them"
            self.stderr.write(f"and {hidden:,} more ({where})")
        raise CommandError(f"Nothing was imported: {findings.problem_count:,} to mend.")

    def _report(self, loaded: Loaded, dry_run: bool) -> None:
        notes = loaded.findings.notes
        for note in notes[:SHOWN_COUNT]:
            self.stdout.write(f"note: {note}")
        if len(notes) > SHOWN_COUNT:
            self.stdout.write(f"note: and {len(notes) - SHOWN_COUNT:,} more of this kind")
        summary = ", ".join(f"{count:,} {what}" for what, count in loaded.counts.items())
        self.stdout.write(f"Tried and not kept: {summary}." if dry_run else f"Imported: {summary}.")
