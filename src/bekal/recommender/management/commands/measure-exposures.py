"""`manage measure-exposures`: what the explored place earns, and would earn if it were drawn otherwise."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.ledger.clock import programme_now
from bekal.recommender.measure_exposures import Candidate, drawn_exposures, explored_value

LONGEST_DAYS = 365


class Command(BaseCommand):
    help = "Estimate how often what the explored place shows is bought, as it is drawn and for other ways to draw it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=14, help="days to buy after a list was shown (default 14)")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if not 1 <= days <= LONGEST_DAYS:
            raise CommandError(f"--days is {days}: write a whole number from 1 to {LONGEST_DAYS}.")
        drawn = drawn_exposures(at=programme_now(), within_days=days)
        people = len(set(drawn.participation_ids.tolist()))
        self.stdout.write(
            f"{len(drawn.is_bought):,} lists with an explored place, of {people:,} participations; what it showed was "
            f"bought within {days} days after {int(drawn.is_bought.sum()):,} of them."
        )
        for candidate in Candidate:
            try:
                value = explored_value(drawn, candidate)
            except ValueError as refusal:
                self.stdout.write(f"{candidate:9} no estimate: {refusal}")
                continue
            found = value.snips
            self.stdout.write(
                f"{candidate:9} {found.value:.2%} bought, 95 % interval {found.low:.2%} to {found.high:.2%}, effective "
                f"sample {value.effective_count:,.0f} people"
            )
