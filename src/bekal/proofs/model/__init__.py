"""Let two machines loose on the programme's money beside a plain model of it, and on copies with a known bug in it."""

from argparse import ArgumentParser, BooleanOptionalAction
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import keep_progress, read_progress, write_result
from bekal.proofs.subjects import Output
from bekal.proofs.workers import Bar

if TYPE_CHECKING:
    from bekal.proofs.model.batches import Progress
    from bekal.proofs.model.hunt import Ground, Run

EXAMPLES, STEPS = 100, 30


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--examples", type=whole_number(0), default=EXAMPLES, help=f"for each machine ({EXAMPLES}; 0: no machine)"
    )
    parser.add_argument("--steps", type=whole_number(1), default=STEPS, help=f"of each example ({STEPS})")
    parser.add_argument("--bugs", action=BooleanOptionalAction, default=True, help="also show each planted bug caught")
    parser.add_argument("--bug", action="append", default=[], metavar="NAME", help="only this planted bug")
    add_common_arguments(parser)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The machines, then the bugs; 1 where a machine finds a difference, or a bug lives."""
    # What is heavy is imported when it is needed: every `manage prove` imports this package.
    from bekal.proofs.model.batches import named
    from bekal.proofs.model.hunt import ground

    examples, names = 0 if options["bug"] else options["examples"], _names(options)
    if not examples and not names:
        raise CommandError("--examples 0 with --no-bugs tries nothing: ask for examples, or for bugs")
    progress, path = _progress(options), options.get("resume")
    with ground() as place:
        if examples:
            _machines(progress, place, examples, stdout, path)
        if names:
            _bugs(progress, place, names, stdout, path)
    machines = [
        {
            "machine": each.machine,
            "holds": each.holds,
            "examples": each.example_count,
            "proven_in_full": each.proven_count,
            "steps": each.step_count,
            "seconds": round(each.seconds, 1),
            "exercised": named(each.steps),
        }
        for each in progress.machines
    ]
    bugs = [progress.bugs[name] for name in names]
    figures = {"seed": progress.seed, "rules_an_example": progress.step_limit, "machines": machines, "bugs": bugs}
    write_result(options.get("result"), figures, resumed=path)
    return 0 if all(each["holds"] for each in machines) and all(bug["caught"] for bug in bugs) else 1


def _names(options: Mapping[str, Any]) -> list[str]:
    """Of the bugs that are asked for."""
    from bekal.proofs.model.plant import bugs

    names = [bug.name for bug in bugs()]
    if unknown := [name for name in options["bug"] if name not in names]:
        raise CommandError(f"--bug {unknown[0]!r} is none of: {'; '.join(names)}")
    if options["bug"]:
        return [name for name in names if name in options["bug"]]
    return names if options["bugs"] else []


def _progress(options: Mapping[str, Any]) -> "Progress":
    """A new run, or the one that the file of --resume knows."""
    from bekal.proofs.model.batches import Progress

    kept = read_progress("model", options)
    if not kept:
        return Progress(seed_of(options), options["steps"])
    progress = Progress.of(kept)
    if progress.step_limit != options["steps"]:
        path, steps = options["resume"], progress.step_limit
        raise CommandError(f"{path} goes on with examples of {steps} steps: say --steps {steps}, or name another file")
    return progress


def _machines(progress: "Progress", place: "Ground", examples: int, stdout: Output, path: Path | None) -> None:
    """Both machines at the same time, and what they did."""
    from bekal.proofs.model.batches import let_loose

    bar = Bar(2 * examples, "examples")

    def done() -> None:
        keep_progress(path, "model", progress.kept())
        bar.update(progress.example_count - bar.n)

    with bar:
        let_loose(progress, place, examples=examples, shrink=True, done=done)
    runs = progress.machines
    example_count, step_count = sum(run.example_count for run in runs), sum(run.step_count for run in runs)
    stdout.write(heading("model", examples=example_count, steps=step_count, seed=progress.seed))
    for each in runs:
        share = 100 * each.proven_count // max(each.example_count, 1)
        stdout.write(
            f"  {each.machine}: {each.example_count:_} examples of {progress.step_limit} rules, {each.step_count:_} "
            f"steps, {each.seconds:.1f} s ({each.cpu_seconds:.1f} s of them in Python); {each.proven_count:_} ({share} "
            "%) proven in full at the end"
        )
        _tell(each, stdout)
    for name, answers in _exercised(runs).items():
        stdout.write(f"    {name}: {', '.join(answers)}")
    if all(each.holds for each in runs):
        stdout.write(f"  {bound(example_count)}")


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


def _bugs(progress: "Progress", place: "Ground", names: Sequence[str], stdout: Output, path: Path | None) -> None:
    """Every bug, by which machine and comparison it was caught, after how many examples."""
    from bekal.proofs.model.hunt import hunts
    from bekal.proofs.model.plant import bugs

    known = {name for name in names if progress.bugs.get(name, {}).get("caught")}
    for bug, each in hunts([bug for bug in bugs() if bug.name in {*names} - known], place, seed_number=progress.seed):
        caught = each.failure is not None and not each.failure.is_slip
        told = f"{each.machine}, {each.failure.check}" if each.failure else each.problem or "NOT CAUGHT"
        progress.bugs[bug.name] = {
            "bug": bug.name,
            "caught": caught,
            "by": told,
            "examples": each.example_count,
            "seconds": round(each.seconds, 1),
        }
        keep_progress(path, "model", progress.kept())
    stdout.write(heading("model", planted_bugs=len(names), seed=progress.seed))
    width = max(len(name) for name in names)
    for name in names:
        bug_figures = progress.bugs[name]
        stdout.write(
            f"  {name:{width}}  {'caught' if bug_figures['caught'] else 'LIVES '} after "
            f"{bug_figures['examples']:3} examples, {bug_figures['seconds']:5.1f} s: {bug_figures['by']}"
        )
    living = sum(not progress.bugs[name]["caught"] for name in names)
    stdout.write(f"  {len(names)} planted, {len(names) - living} caught, {living} not caught")
