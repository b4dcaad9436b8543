"""`manage reconcile`: one round of the continuous reconciliation, or all of it anew."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bekal.ledger.clock import programme_now
from bekal.purchases.reconcile_changed import forget_standings, reconcile_changed


class Command(BaseCommand):
    help = "Release what is complete and write down what the rest waits for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rebuild", action="store_true", help="make the list of what waits anew, from nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rebuild"]:
            forget_standings()
        looked = reconcile_changed(at=programme_now())
        self.stdout.write(f"{looked.purchase_count:,} purchases looked at, {len(looked.released_ids):,} released.")
