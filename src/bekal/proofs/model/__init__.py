"""Let two machines loose on the programme's money beside a plain model of it, and on copies with a known bug in it."""

from argparse import ArgumentParser, BooleanOptionalAction
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import seed_of, write_result
from bekal.proofs.subjects import Output

if TYPE_CHECKING:
    from bekal.proofs.model.hunt import Ground, Run

EXAMPLES, STEPS = 100, 30


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--examples", type=int, default=EXAMPLES, help=f"for each machine ({EXAMPLES}; 0: no machine)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each example ({STEPS})")
    parser.add_argument("--seed", type=int, help="the same seed tries the same (default: a new one, which is printed)")
    parser.add_argument("--bugs", action=BooleanOptionalAction, default=True, help="also show each planted bug caught")
    parser.add_argument("--bug", action="append", default=[], metavar="NAME", help="only this planted bug")
    parser.add_argument("--result", type=Path, metavar="FILE", help="write the figures to this JSON file")


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The machines, then the bugs; 1 where a machine finds a difference, or a bug lives."""
    # What is heavy is imported when it is needed: every `manage prove` imports this package.
    from bekal.proofs.model.hunt import ground
    from bekal.proofs.model.plant import bugs

    seed_number = seed_of(options)
    names = [bug.name for bug in bugs()]
    if unknown := [name for name in options["bug"] if name not in names]:
        raise CommandError(f"--bug {unknown[0]!r} is none of: {'; '.join(names)}")
    figures: dict[str, Any] = {"seed": seed_number}
    with ground() as place:
        if options["examples"] > 0 and not options["bug"]:
            figures["machines"] = _machines(place, options["examples"], options["steps"], seed_number, stdout)
        if options["bug"] or options["bugs"]:
            figures["bugs"] = _bugs(place, set(options["bug"]), seed_number, stdout)
    if options["result"]:
        write_result(options["result"], figures)
    differs = any(not machine["holds"] for machine in figures.get("machines", ()))
    return int(differs or any(not bug["caught"] for bug in figures.get("bugs", ())))


def _machines(place: "Ground", examples: int, steps: int, seed_number: int, stdout: Output) -> list[dict[str, Any]]:
    """Both machines at the same time; their figures."""
    from bekal.proofs.model.hunt import MACHINES, let_loose

    runs = let_loose([*MACHINES], place, examples=examples, steps=steps, seed_number=seed_number, shrink=True)
    example_count, step_count = sum(run.example_count for run in runs), sum(run.step_count for run in runs)
    stdout.write(heading("model", examples=example_count, steps=step_count, seed=seed_number))
    for each in runs:
        stdout.write(
            f"  {each.machine}: {each.example_count:_} examples of {steps} rules, {each.step_count:_} steps, "
            f"{each.seconds:.1f} s ({each.cpu_seconds:.1f} s of them in Python)"
        )
        _tell(each, stdout)
    for name, answers in _exercised(runs).items():
        stdout.write(f"    {name}: {', '.join(answers)}")
    if all(_holds(each) for each in runs):
        stdout.write(f"  {bound(example_count)}")
    return [
        {
            "machine": each.machine,
            "holds": _holds(each),
            "examples": each.example_count,
            "steps": each.step_count,
            "seconds": round(each.seconds, 1),
            "exercised": {f"{name}: {answer}": count for (name, answer), count in sorted(each.steps.items())},
        }
        for each in runs
    ]


def _holds(each: "Run") -> bool:
    return each.failure is None and not each.problem


def _tell(each: "Run", stdout: Output) -> None:
    """What a machine found, as a story."""
    if each.failure is not None:
        stdout.write(f"  DIFFERENCE, told by {each.failure.check}: {each.failure.told}")
        for line in each.failure.story:
            stdout.write(f"    {line}")
    if each.problem:
        stdout.write(f"  the machine itself failed: {each.problem}")


def _exercised(runs: "Sequence[Run]") -> Mapping[str, list[str]]:
    """Each kind of step with its answers and how often each was given."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    together: Counter[tuple[str, str]] = sum((each.steps for each in runs), start=Counter())
    for (name, answer), count in sorted(together.items()):
        told[name].append(f"{answer} {count}")
    return told


def _bugs(place: "Ground", names: set[str], seed_number: int, stdout: Output) -> list[dict[str, Any]]:
    """Every bug, by which machine and comparison it was caught, after how many examples."""
    from bekal.proofs.model.hunt import hunts
    from bekal.proofs.model.plant import bugs

    wanted = [bug for bug in bugs() if not names or bug.name in names]
    width = max(len(bug.name) for bug in wanted)
    stdout.write(heading("model", planted_bugs=len(wanted), seed=seed_number))
    figures = []
    for bug, each in hunts(wanted, place, seed_number=seed_number):
        caught = each.failure is not None
        told = f"{each.machine}, {each.failure.check}" if each.failure else each.problem or "NOT CAUGHT"
        stdout.write(
            f"  {bug.name:{width}}  {'caught' if caught else 'LIVES '} after {each.example_count:3} examples, "
            f"{each.seconds:5.1f} s: {told}"
        )
        figures.append({"bug": bug.name, "caught": caught, "by": told, "examples": each.example_count})
    living = sum(not each["caught"] for each in figures)
    stdout.write(f"  {len(wanted)} planted, {len(wanted) - living} caught, {living} not caught")
    return figures
