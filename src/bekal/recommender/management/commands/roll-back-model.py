"""`manage roll-back-model [--to VERSION]`: the version of the model that served before serves again, at once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.ledger.clock import programme_now
from bekal.recommender.refusals import ModelRefusedError
from bekal.recommender.roll_back_model import roll_back_model


class Command(BaseCommand):
    help = "Return to the version of the recommender that served before, or to a named one that has served once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=int, metavar="VERSION", help="the version to return to; else the one before")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            promotion = roll_back_model(at=programme_now(), to_version_id=options["to"])
        except ModelRefusedError as error:
            raise CommandError(f"Not rolled back: {error}.") from None
        self.stdout.write(f"Model {promotion.model_version_id} serves again.")
