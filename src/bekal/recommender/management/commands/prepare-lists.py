"""`manage prepare-lists`: make everybody's list in advance; several may run, and a killed one is gone on with."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from bekal.ledger.clock import programme_now
from bekal.recommender.prepare_lists import CHUNK_COUNT, prepare_lists


class Command(BaseCommand):
    help = "Make the list of everybody who can buy today, chunk by chunk; the worker does so every night."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--chunk", type=int, default=CHUNK_COUNT, help=f"people a chunk (default {CHUNK_COUNT})")
        parser.add_argument("--again", action="store_true", help="once more, where today's lists are made already")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["chunk"] < 1:
            raise CommandError(f"--chunk is {options['chunk']}: write a whole number of at least 1.")
        with tqdm(desc="lists", unit=" lists", file=sys.stderr, disable=options["verbosity"] < 1) as bar:
            prepared = prepare_lists(
                at=programme_now(), chunk_count=options["chunk"], again=options["again"], progress=bar.update
            )
        if prepared is None:
            raise CommandError("No model serves yet: fit one, and let two officers put it into service.")
        state = "are ready" if prepared.is_finished else "are made so far; another runner is at it"
        self.stdout.write(f"{prepared.list_count:,} lists {state} ({prepared.made_count:,} made now).")
