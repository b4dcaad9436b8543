"""`manage simulate`: add a synthetic population and walk it through the year."""

import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from bekal.core.money import format_rupiah
from bekal.ledger.clock import JAKARTA
from bekal.simulation.walk import SimulationError, SimulationReport, simulate, walk_on

MIN_TRAININGS, MAX_TRAININGS = 300, 3_000


class Command(BaseCommand):
    help = (
        "Add synthetic participants to whatever is there and walk them through the year by the programme's own verbs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--participants", type=int, metavar="N", help="how many people to add")
        parser.add_argument("--resume", action="store_true", help="add nobody: finish a stopped walk, or live on")
        parser.add_argument("--year", type=int, default=2020)
        parser.add_argument(
            "--seed", type=int, default=1, help="the same seed gives the same people and choices (default 1)"
        )
        parser.add_argument(
            "--until", metavar="YYYY-MM-DD", help="last day (default: the end of the simulated year, 2021-05-31)"
        )
        parser.add_argument(
            "--trainings", type=int, default=300, metavar="N", help="how many to put on an empty shelf (300 to 3000)"
        )
        parser.add_argument("--progress", action="store_true", help="show progress even where this is no terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        participants, until = options["participants"], _day(options["until"])
        if options["resume"] is (participants is not None):
            raise CommandError("Give either --participants N to add people, or --resume to go on with those there are.")
        if not MIN_TRAININGS <= options["trainings"] <= MAX_TRAININGS:
            raise CommandError(
                f"--trainings is {options['trainings']}: write a whole number from {MIN_TRAININGS} to {MAX_TRAININGS}."
            )
        with ProgressBar("simulating", shown=options["progress"]) as bar:
            try:
                if options["resume"]:
                    report = walk_on(until=until, progress=bar)
                else:
                    report = simulate(
                        participant_count=participants,
                        year=options["year"],
                        seed=options["seed"],
                        until=until,
                        progress=bar,
                        training_count=options["trainings"],
                    )
            except SimulationError as error:
                raise CommandError(str(error)) from None
        self.stdout.write(summary(report))


class ProgressBar:
    """A bar on stderr, only on a terminal or where asked for; calling it with (done, all) moves it."""

    def __init__(self, what: str, *, shown: bool) -> None:
        self._bar = tqdm(desc=what, unit="day", file=sys.stderr, disable=not (shown or sys.stderr.isatty()))

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)


def summary(report: SimulationReport) -> str:
    """The report in sentences."""
    lines = [
        f"{report.participant_count:,} people registered, {report.accepted_count:,} accepted; they bought "
        f"{report.purchase_count:,} trainings and completed {report.completed_count:,}.",
        f"{report.reconciled_count:,} purchases reconciled, {report.settled_count:,} instalments paid "
        f"({format_rupiah(report.settled_rupiah)}), {report.revoked_count:,} places revoked, "
        f"{report.ended_count:,} balances ended, {report.answered_count:,} surveys answered.",
        f"The walk ended at {report.until_at.astimezone(JAKARTA):%Y-%m-%d %H:%M} in Jakarta.",
    ]
    if report.unpaid:
        lines.append("Due and not paid: " + ", ".join(f"{n:,} {why}" for why, n in report.unpaid.items()) + ".")
    if report.refusals:
        lines.append("Refused: " + ", ".join(f"{count:,} {code}" for code, count in report.refusals.items()) + ".")
    return "\n".join(lines)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--until is {text}: write the day as YYYY-MM-DD, such as 2020-11-19.") from None
