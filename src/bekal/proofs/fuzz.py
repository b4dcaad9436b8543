"""Send to everything that reads what has broken readers: no fault of ours, no hang, nothing stored that is refused.

Each operation of the partner API in both generations, each page as each role, and each file the programme reads gets so
many cases, signed and signed in as it has to be. Each case is a transaction that is undone. A view that raises for one
input, one that never ends, and a reader that stores what it refuses must be noticed.
"""

import random
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.fuzz_files import fuzz_files
from bekal.proofs.fuzz_pages import fuzz_pages
from bekal.proofs.fuzz_partner import fuzz_v1, fuzz_v2
from bekal.proofs.fuzz_planted import PLANTED
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.fuzz_world import FuzzWorld, fuzz_world
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import write_result
from bekal.proofs.scratch import scratch_database
from bekal.proofs.subjects import Output

CASES, FULL_CASES = 1_000, 100_000
Part = Callable[..., None]
PARTS: dict[str, Part] = {"v2": fuzz_v2, "v1": fuzz_v1, "pages": fuzz_pages, "files": fuzz_files}


@dataclass(slots=True)
class Fuzz:
    """What was sent and found."""

    seed: int
    cases: int
    watch: Watch = field(default_factory=Watch)
    planted: dict[str, str | None] = field(default_factory=dict)  # name -> what gave it away

    @property
    def holds(self) -> bool:
        noticed = bool(self.planted) and None not in self.planted.values()
        return self.watch.tries.total() > 0 and not self.watch.violations and noticed


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--cases",
        type=whole_number(1),
        metavar="N",
        help=f"cases of each operation, page and kind of file (default: {CASES:,}; --full: {FULL_CASES:,})",
    )
    parser.add_argument("--full", action="store_true", help=f"{FULL_CASES:,} cases each")
    parser.add_argument(
        "--only", choices=list(PARTS), action="append", help="only this part; may be given more than once"
    )
    add_common_arguments(parser, resume=False)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where every case was answered, and what was planted was noticed."""
    cases = options.get("cases") or (FULL_CASES if options.get("full") else CASES)
    fuzz = Fuzz(seed_of(options), cases)
    prove_fuzz(fuzz, only=options.get("only") or list(PARTS))
    tries = fuzz.watch.tries
    stdout.write(heading("fuzz", seed=fuzz.seed, cases=tries.total(), operations_pages_and_files=len(tries)))
    for line in lines_of(fuzz):
        stdout.write(line)
    write_result(options.get("result"), figures_of(fuzz))
    return 0 if fuzz.holds else 1


def prove_fuzz(fuzz: Fuzz, *, only: list[str]) -> None:
    """Everything, in a database of its own."""
    with scratch_database("fuzz"):
        world = fuzz_world()
        with fuzz.watch.listening():
            for name in only:
                PARTS[name](fuzz.watch, world, cases=fuzz.cases, rng=random.Random(f"{fuzz.seed} {name}"))
        for name, (plant, look) in PLANTED.items():
            fuzz.planted[name] = _noticed(plant, look, world, fuzz.seed)


def _noticed(
    plant: Callable[[], AbstractContextManager[Any]],
    look: Callable[[Watch, FuzzWorld, random.Random], None],
    world: FuzzWorld,
    seed: int,
) -> str | None:
    watch = Watch()
    with plant(), watch.listening():
        look(watch, world, random.Random(seed))
    return next(iter(watch.violations), None)


def figures_of(fuzz: Fuzz) -> dict[str, Any]:
    """What the result file keeps."""
    watch = fuzz.watch
    return {
        "seed": fuzz.seed,
        "cases": fuzz.cases,
        "tries": watch.tries.total(),
        "tries_by_place": dict(sorted(watch.tries.items())),
        "answers": dict(sorted(watch.answers.items())),
        "slowest": watch.slowest,
        "slowest_seconds": round(watch.slowest_seconds, 3),
        "planted": fuzz.planted,
        "violations": dict(watch.violations.most_common()),
        "examples": watch.examples,
    }


def lines_of(fuzz: Fuzz) -> Iterator[str]:
    """What the report says, below its heading."""
    watch = fuzz.watch
    for part in ("v2", "v1", "page", "import-data", "status file"):
        counts = [count for place, count in watch.tries.items() if place.startswith(part)]
        if counts:
            yield f"{part}: {sum(counts):,} cases of {len(counts):,}, at least {min(counts):,} each"
    yield "answers: " + ", ".join(f"{count:,} x {answer}" for answer, count in sorted(watch.answers.items()))
    yield f"slowest: {watch.slowest_seconds:.2f} s of processor time, {watch.slowest}"
    if not watch.violations:
        yield bound(watch.tries.total())
    for name, told in fuzz.planted.items():
        yield f"planted, {name}: {told or 'NOT NOTICED'}"
    for violation, count in watch.violations.most_common(40):
        yield f"VIOLATED {count:,} times: {violation}"
        yield from (f"    {example}" for example in watch.examples[violation])
    if len(watch.violations) > 40:
        yield f"VIOLATED: and {len(watch.violations) - 40} more"
    yield "holds" if fuzz.holds else "does NOT hold"
