"""`manage fake-partner IN OUT`: answer an exported payout file as a payment partner would."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.simulation.fake_partner import InstructionError, answer, instructions_of


class Command(BaseCommand):
    help = "Write the status file a payment partner would send back for an exported payout file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("instructions", type=Path, metavar="IN", help="an exported payout file")
        parser.add_argument("statuses", type=Path, metavar="OUT", help="the status file to write")
        parser.add_argument(
            "--reject-every", type=int, default=0, metavar="N", help="reject every N-th payment (default: none)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reject_every = options["reject_every"]
        if not 0 <= reject_every <= 1_000_000_000:
            raise CommandError(f"--reject-every is {reject_every}: write 0 (none) or a whole number from 1 on.")
        try:
            content = options["instructions"].read_bytes()
            statuses = answer(content, reject_every=reject_every)
            options["statuses"].write_bytes(statuses)
        except InstructionError as error:
            raise CommandError(f"{options['instructions']} is refused: {error}.") from None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}. Check both names.") from None
        count = len(instructions_of(content))
        rejected = count // reject_every if reject_every else 0
        self.stdout.write(f"{count - rejected:,} settled and {rejected:,} rejected, written to {options['statuses']}.")
