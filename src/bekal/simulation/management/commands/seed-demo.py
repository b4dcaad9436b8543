"""`manage seed-demo`: fill an empty database with the demo, its population and its sign-ins."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.simulation.management.commands.simulate import ProgressBar, summary
from bekal.simulation.seed import seed_demo
from bekal.simulation.walk import MAX_PARTICIPANTS, SimulationError


class Command(BaseCommand):
    help = "Fill an empty database with the demo; does nothing where participants are there already."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--participants", type=int, default=5000, metavar="N")
        parser.add_argument("--progress", action="store_true", help="show progress even where this is no terminal")

        parser.add_argument("--analyze", action="store_true", help="have the database count what was made")

    def handle(self, *args: Any, **options: Any) -> None:
        count = options["participants"]
        if not 1 <= count <= MAX_PARTICIPANTS:
            raise CommandError(f"--participants is {count}: write a whole number from 1 to {MAX_PARTICIPANTS:,}.")
        with ProgressBar("seeding the demo", shown=options["progress"]) as bar:
            try:
                report = seed_demo(participant_count=count, progress=bar)
            except SimulationError as error:
                raise CommandError(str(error)) from None
        if report is None:
            self.stdout.write("There are participants already; nothing was done.")
        else:
            if options["analyze"]:
                # The worker begins at once: planned for empty tables its first reconciliation takes minutes.
                call_command("analyze")
            self.stdout.write(summary(report))
