"""`manage data-dictionary`: write docs/data-dictionary.md from the code that reads the files."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.exchange.data_dictionary import data_dictionary

DEFAULT = Path("docs/data-dictionary.md")


class Command(BaseCommand):
    help = "Write the data dictionary: every kind of file, every column, what it may hold and what it means."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=DEFAULT, metavar="FILE", help=f"where to ({DEFAULT})")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["to"]
        try:
            path.write_text(data_dictionary(), encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its name is not possible"
            raise CommandError(f"--to {path} cannot be written ({reason}): name another file.") from None
        self.stdout.write(f"Written: {path}")
