"""`manage price-seats`: what scarce seats are worth to lists; the worker does so every night, `--hourly` every hour."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from bekal.ledger.clock import programme_now
from bekal.recommender.price_seats import CHUNK_COUNT, price_seats, reprice_seats


class Command(BaseCommand):
    help = "Price the seats of trainings that may fill up, so that lists spread people; nobody sees or pays it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--chunk", type=int, default=CHUNK_COUNT, help=f"people a chunk (default {CHUNK_COUNT})")
        parser.add_argument("--hourly", action="store_true", help="only move today's prices by what was really sold")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["chunk"] < 1:
            raise CommandError(f"--chunk is {options['chunk']}: write a whole number of at least 1.")
        if options["hourly"]:
            moved = reprice_seats(at=programme_now())
            self.stdout.write(f"{moved.changed_count:,} of {moved.training_count:,} prices of seats moved.")
            return
        with tqdm(desc="people", unit=" people", file=sys.stderr, disable=options["verbosity"] < 1) as bar:
            priced = price_seats(at=programme_now(), chunk_count=options["chunk"], progress=bar.update)
        if priced is None:
            raise CommandError("No model serves yet: fit one, and let two officers put it into service.")
        self.stdout.write(
            f"{priced.priced_count:,} of {priced.training_count:,} trainings with a limit of seats have a price, "
            f"from {priced.people_count:,} people ({priced.misfit:.1%} of the seats do not fit)."
        )
