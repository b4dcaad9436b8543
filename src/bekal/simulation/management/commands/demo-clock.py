"""`manage demo-clock`: the demo's clock goes on to the next day of payment."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.simulation.move_on import move_on
from bekal.simulation.walk import SimulationError


class Command(BaseCommand):
    help = "Move the demo's clock to nine in the morning of the next day of payment. It never goes back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--day", help="another day to come, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            day = None if options["day"] is None else date.fromisoformat(options["day"])
        except ValueError:
            raise CommandError(f"--day is {options['day']:.40}: write a day as 2020-11-25.") from None
        try:
            at = move_on(day=day)
        except SimulationError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"The programme's clock shows {at:%Y-%m-%d %H:%M} in Jakarta now.")
