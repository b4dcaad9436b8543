"""`manage import-data trainings|choices FILE`: take in a table that somebody else made (docs/import.md)."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.catalogue import import_trainings as trainings
from bekal.catalogue.table_fields import ColumnMap, Findings, column_map_from
from bekal.catalogue.table_file import Problem, TableError
from bekal.ledger.clock import programme_now
from bekal.recommender import import_choices as choices

SHOWN_COUNT = 20
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Command(BaseCommand):
    help = "Import trainings, or completed choices of earlier learners, from CSV or Parquet. All or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["trainings", "choices"])
        parser.add_argument(
            "file", type=Path, metavar="FILE", help="CSV in UTF-8 with commas and a heading, or Parquet"
        )
        parser.add_argument("--map", default="", help="a YAML file, or field=column,field=column (docs/import.md)")
        parser.add_argument("--dry-run", action="store_true", help="check and count everything, keep nothing")
        parser.add_argument("--errors-to", type=Path, metavar="FILE", help="write every bad row to this CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            column_map = column_map_from(options["map"]) if options["map"] else ColumnMap()
        except TableError as error:
            raise CommandError(str(error)) from None
        if options["what"] == "trainings":
            new, findings = trainings.read_trainings(options["file"], column_map)
            self._stop_at(findings, options["errors_to"])
            imported = trainings.import_trainings(trainings=new, at=programme_now(), dry_run=options["dry_run"])
            counts = trainings.described(imported)
        else:
            read, findings = choices.read_choices(options["file"], column_map)
            self._stop_at(findings, options["errors_to"])
            counts = choices.described(choices.import_choices(choices=read, dry_run=options["dry_run"]))
        self._report(findings, counts, options["dry_run"])

    def _stop_at(self, findings: Findings, errors_to: Path | None) -> None:
        if not findings.problem_count:
            return
        if errors_to is not None:
            _write_problems(findings.problems, errors_to)
        for problem in findings.problems[:SHOWN_COUNT]:
            self.stderr.write(str(problem))
        hidden = findings.problem_count - min(findings.problem_count, SHOWN_COUNT)
        if hidden:
            where = f"all listed in {errors_to}" if errors_to else "--errors-to FILE lists all of them"
            self.stderr.write(f"and {hidden:,} more ({where})")
        raise CommandError(f"Nothing was imported: {findings.problem_count:,} to mend.")

    def _report(self, findings: Findings, counts: Mapping[str, int], dry_run: bool) -> None:
        for note in findings.notes[:SHOWN_COUNT]:
            self.stdout.write(f"note: {note}")
        if len(findings.notes) > SHOWN_COUNT:
            self.stdout.write(f"note: and {len(findings.notes) - SHOWN_COUNT:,} more of this kind")
        summary = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        self.stdout.write(f"Tried and not kept: {summary}." if dry_run else f"Imported: {summary}.")


def _write_problems(problems: list[Problem], path: Path) -> None:
    """A CSV for a spreadsheet: a value that would run as a formula gets an apostrophe before it."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["line", "column", "value", "mend"])
            for problem in problems:
                row = [problem.column, problem.value[:1000], problem.mend]
                writer.writerow(
                    [problem.line, *(f"'{text}" if text.startswith(FORMULA_STARTS) else text for text in row)]
                )
    except OSError as error:
        raise CommandError(f"--errors-to {path} cannot be written ({error.strerror}): name another file.") from None


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
