"""Send to everything that reads what has broken readers: no fault of ours, no hang, nothing stored that is refused.

Each operation of the partner API in both generations, with live keys and with keys of the sandbox, each page as each
role, and each file the programme reads gets so many cases, signed and signed in as it has to be. Each case is a
transaction that is undone. A view that raises for one input, one that never ends, and a reader that stores what it
refuses must be noticed.
"""

import random
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import CommandError

from bekal.core.text import shown
from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.fuzz_files import file_places
from bekal.proofs.fuzz_pages import page_places
from bekal.proofs.fuzz_partner import v2_places
from bekal.proofs.fuzz_planted import PLANTED
from bekal.proofs.fuzz_rounds import Place, Rounds, copies
from bekal.proofs.fuzz_v1 import v1_places
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.fuzz_world import FuzzWorld, fuzz_world
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import keep_progress, read_progress, write_result
from bekal.proofs.scratch import connected_to, sandbox_beside, scratch_database
from bekal.proofs.subjects import Output

CASES, FULL_CASES = 1_000, 2_000
PLANTED_LIMIT_COUNT = 300
PARTS: dict[str, Callable[[Watch, FuzzWorld, Path], list[Place]]] = {
    "v2": lambda watch, world, folder: v2_places(watch, world.live),
    "v1": lambda watch, world, folder: v1_places(watch, world.live),
    "sandbox": lambda watch, world, folder: [*v2_places(watch, world.sandbox), *v1_places(watch, world.sandbox)],
    "pages": lambda watch, world, folder: page_places(watch, world),
    "files": file_places,
}


@dataclass(slots=True)
class Fuzz:
    """What was sent and found."""

    rounds: Rounds
    parts: dict[str, list[str]] = field(default_factory=dict)  # its places
    planted: dict[str, str | None] = field(default_factory=dict)  # name -> what gave it away

    @property
    def holds(self) -> bool:
        noticed = bool(self.planted) and None not in self.planted.values()
        return sum(self.rounds.done.values()) > 0 and not self.rounds.watch.violations and noticed


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--cases",
        type=whole_number(1),
        metavar="N",
        help=(
            f"cases of each operation of both generations and of each reader of files (default: {CASES:,}, which is "
            "100,000 together); in the sandbox a quarter of it for what has a live twin, for each page a twentieth"
        ),
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help=f"--cases {FULL_CASES}; with --resume in pieces",
    )
    parser.add_argument(
        "--only", choices=list(PARTS), action="append", help="only this part; may be given more than once"
    )
    add_common_arguments(parser)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where every case was answered, and what was planted was noticed."""
    if options.get("cases") and options.get("full"):
        raise CommandError("--cases and --full both say how many cases: leave one of them out")
    cases = options.get("cases") or (FULL_CASES if options.get("full") else CASES)
    path = options.get("resume")
    fuzz = Fuzz(_rounds_of(read_progress("fuzz", options), options))
    prove_fuzz(fuzz, cases=cases, only=options.get("only") or list(PARTS), path=path)
    done = fuzz.rounds.done
    stdout.write(heading("fuzz", seed=fuzz.rounds.seed, cases=sum(done.values()), operations_pages_and_files=len(done)))
    for line in lines_of(fuzz):
        stdout.write(line)
    write_result(options.get("result"), figures_of(fuzz), resumed=path)
    return 0 if fuzz.holds else 1


def _rounds_of(kept: Mapping[str, Any], options: Mapping[str, Any]) -> Rounds:
    """As an earlier start left them, but that a place with a violation, which may be mended by now, begins anew."""
    if not kept:
        return Rounds(seed_of(options))
    rounds = Rounds(kept["seed"])
    rounds.watch.add(kept["watch"])
    begun = {sentence.partition(": ")[0] for sentence in rounds.watch.violations}
    rounds.done.update({place: count for place, count in kept["done"].items() if place not in begun})
    rounds.watch.violations.clear()
    rounds.watch.examples.clear()
    return rounds


def prove_fuzz(fuzz: Fuzz, *, cases: int, only: list[str], path: Path | None = None) -> None:
    """Everything, in databases of its own; kept after each round."""
    rounds = fuzz.rounds

    def keep() -> None:
        keep_progress(path, "fuzz", {"seed": rounds.seed, "done": rounds.done, "watch": rounds.watch.kept()})

    with scratch_database("fuzz") as built, sandbox_beside(built) as sandbox, TemporaryDirectory() as folder:
        world = fuzz_world()
        with rounds.watch.listening():
            found = {name: PARTS[name](rounds.watch, world, Path(folder)) for name in only}
            fuzz.parts = {name: [place.name for place in places] for name, places in found.items()}
            with copies(built, sandbox) as databases, connected_to(built.name):
                places = [place for part in found.values() for place in part]
                rounds.go(places, cases=cases, databases=databases, after_each=keep)
        for name, (plant, look) in PLANTED.items():
            fuzz.planted[name] = _noticed(plant, look, world, rounds.seed)


def _noticed(
    plant: Callable[[], AbstractContextManager[Any]],
    look: Callable[[Watch, FuzzWorld, random.Random], None],
    world: FuzzWorld,
    seed: int,
) -> str | None:
    watch = Watch()
    with plant(), watch.listening():
        look(watch, world, random.Random(seed))
    told = next(iter(watch.violations), None)
    return None if told is None else shown(told, limit=PLANTED_LIMIT_COUNT)


def figures_of(fuzz: Fuzz) -> dict[str, Any]:
    """What the result file keeps."""
    watch, done = fuzz.rounds.watch, fuzz.rounds.done
    return {
        "seed": fuzz.rounds.seed,
        "cases": sum(done.values()),
        "cases_by_part": {name: sum(done[place] for place in places) for name, places in fuzz.parts.items()},
        "cases_by_place": dict(sorted(done.items())),
        "answers": dict(sorted(watch.answers.items())),
        "slowest": watch.slowest,
        "slowest_seconds": round(watch.slowest_seconds, 3),
        "planted": fuzz.planted,
        "violations": dict(watch.violations.most_common()),
        "examples": watch.examples,
    }


def lines_of(fuzz: Fuzz) -> Iterator[str]:
    """What the report says, below its heading."""
    watch, done = fuzz.rounds.watch, fuzz.rounds.done
    for name, places in fuzz.parts.items():
        counts = [done[place] for place in places]
        yield f"{name}: {sum(counts):,} cases of {len(counts):,}, at least {min(counts):,} each"
    yield "answers: " + ", ".join(f"{count:,} x {answer}" for answer, count in sorted(watch.answers.items()))
    yield f"slowest: {watch.slowest_seconds:.2f} s of processor time, {watch.slowest}"
    if not watch.violations:
        yield bound(sum(done.values()))
    for name, told in fuzz.planted.items():
        yield f"planted, {name}: {told or 'NOT NOTICED'}"
    for violation, count in watch.violations.most_common(40):
        yield f"VIOLATED {count:,} times: {violation}"
        yield from (f"    {example}" for example in watch.examples[violation])
    if len(watch.violations) > 40:
        yield f"VIOLATED: and {len(watch.violations) - 40} more"
    yield "holds" if fuzz.holds else "does NOT hold"
