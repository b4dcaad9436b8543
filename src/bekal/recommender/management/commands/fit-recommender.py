"""`manage fit-recommender`: learn a new model from completed trainings."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.ledger.clock import programme_now
from bekal.recommender.fit import NothingToLearnError, fit

MOST_PROCESSES = 256


class Command(BaseCommand):
    help = "Fit the recommender to completed trainings and keep it as the newest version."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=0, help="of the held-out draw (default 0)")
        parser.add_argument("--processes", type=int, default=1, help="that count the choices (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["seed"] < 2**63:
            raise CommandError(f"--seed is {options['seed']}: write a whole number from 0 to 9223372036854775807.")
        if not 1 <= options["processes"] <= MOST_PROCESSES:
            raise CommandError(
                f"--processes is {options['processes']}: write a whole number from 1 to {MOST_PROCESSES}."
            )
        try:
            version = fit(at=programme_now(), seed=options["seed"], processes=options["processes"])
        except NothingToLearnError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"Model {version.pk} learned from {version.choice_count:,} completed trainings of {version.people_count:,} "
            f"people (sha256 {bytes(version.sha256).hex()[:16]})."
        )
