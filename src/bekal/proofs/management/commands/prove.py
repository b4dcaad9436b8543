"""`manage prove SUBJECT`: an independent check of what must always hold; exit 1 where it does not."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bekal.proofs.subjects import SUBJECTS, subject
from bekal.proofs.workers import ended_by_signals


class Command(BaseCommand):
    help = "Prove that what must hold does hold; exit 1 where it does not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
        for name in SUBJECTS:
            module = subject(name)
            summary = (module.__doc__ or "").strip().splitlines()[0]
            module.add_arguments(subjects.add_parser(name, help=summary, description=summary))

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["subject"]
        with ended_by_signals(f"prove {name}"):
            code = subject(name).run(options, self.stdout)
        if code:
            raise CommandError(f"prove {name}: not everything holds, see above", returncode=code)
