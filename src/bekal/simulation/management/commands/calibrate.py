"""`manage calibrate`: fit the simulation's parameters to the published figures, or see what another world would do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bekal.simulation.calibration import SCENARIOS, TARGETS, Calibrated, Target, calibrate
from bekal.simulation.model import MODEL, calibrated, write_values
from bekal.simulation.rehearsal import rehearse

LEAST_PEOPLE, MOST_PEOPLE = 1_000, 1_000_000
# Shown beside the figures with a target: why people did not buy.
ALSO = {
    "unreachable": "cannot get the code, of those accepted",
    "never_opened": "never heard of it, of those accepted",
    "undecided": "did not decide in time, of those accepted",
}


class Command(BaseCommand):
    help = "Rehearse a cohort in memory and move the calibrated parameters until the published figures come out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--people", type=int, default=50_000, metavar="N", help="size of the cohort (default 50000)"
        )
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same people (default 1)")
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument("--write", action="store_true", help="put the values found into model.yaml")
        chosen.add_argument("--scenario", choices=sorted(SCENARIOS), help="show another world instead of calibrating")

    def handle(self, *args: Any, **options: Any) -> None:
        people, seed = options["people"], options["seed"]
        if not LEAST_PEOPLE <= people <= MOST_PEOPLE:
            raise CommandError(f"--people is {people}: write a number from {LEAST_PEOPLE:,} to {MOST_PEOPLE:,}.")
        if seed < 0:
            raise CommandError(f"--seed is {seed}: write a number from 0 on.")
        if options["scenario"]:
            self._compare(options["scenario"], people, seed)
            return
        found = calibrate(people_count=people, seed=seed, progress=self._progress)
        self._show(found)
        if not found.is_met:
            raise CommandError(f"Not within the tolerance after {found.round_count} rounds: nothing was written.")
        if options["write"]:
            try:
                write_values({name: getattr(found.model, name) for name in calibrated()})
            except OSError as error:
                raise CommandError(f"model.yaml cannot be written: {error}.") from None
            self.stdout.write("Written to model.yaml.")

    def _progress(self, done: int, largest: float) -> None:
        self.stderr.write(f"round {done}: largest difference {largest:.2%}")

    def _show(self, found: Calibrated) -> None:
        self.stdout.write(f"{'figure':58}{'target':>10}{'before':>10}{'after':>10}")
        for target in TARGETS:
            values = (target.value, found.before[target.figure], found.after[target.figure])
            self.stdout.write(f"{target.about:58}" + "".join(f"{_shown(target, value):>10}" for value in values))
        self.stdout.write(f"\n{'parameter':58}{'before':>10}{'after':>10}")
        for name in calibrated():
            self.stdout.write(f"{name:58}{getattr(MODEL, name):>10.4g}{getattr(found.model, name):>10.4g}")

    def _compare(self, scenario: str, people: int, seed: int) -> None:
        change, world = SCENARIOS[scenario]
        as_is = rehearse(MODEL, people_count=people, seed=seed)
        other = rehearse(change(MODEL), people_count=people, seed=seed, scenario=world)
        self.stdout.write(f"{'figure':58}{'as it is':>10}{scenario:>18}")
        for target in (*TARGETS, *(Target(name, about, 0.0) for name, about in ALSO.items())):
            values = _shown(target, as_is[target.figure]), _shown(target, other[target.figure])
            self.stdout.write(f"{target.about:58}{values[0]:>10}{values[1]:>18}")


def _shown(target: Target, value: float) -> str:
    return f"{value:.1%}" if target.is_share else f"{value:.3f}"
