"""`manage export-data DIR`: everything as files that `import-data programme DIR` takes back (docs/export.md)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.exchange.export import ExportError, export_programme
from bekal.exchange.export_files import WRITERS
from bekal.exchange.progress import Progress
from bekal.ledger.clock import programme_now

_PLAIN = (
    "Names, NIKs, contacts and account numbers stand in these files in the clear, readable by you alone (0600): "
    "keep them encrypted, and delete them when they are no longer needed."
)


class Command(BaseCommand):
    help = "Export the programme, or what is one person's, into an empty directory: one file for each kind."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR", help="a new or empty directory")
        parser.add_argument("--format", choices=list(WRITERS), default="csv", help="of the files (default: csv)")
        parser.add_argument("--participant", metavar="NIK", help="only what is this person's, for them to take away")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            exported = export_programme(
                directory=options["directory"],
                at=programme_now(),
                file_format=options["format"],
                nik=options["participant"],
                progress=Progress(shown=options["verbosity"] > 0),
            )
        except ExportError as error:
            raise CommandError(str(error)) from None
        summary = ", ".join(f"{each.rows:,} {name.replace('_', ' ')}" for name, each in exported.items() if each.rows)
        self.stdout.write(f"Exported to {options['directory']}: {summary or 'nothing is there yet'}.")
        self.stdout.write(_PLAIN)
