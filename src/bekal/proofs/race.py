"""Let rivals start together, thousands of times, and check by SQL what they leave behind.

Worker processes wait for each other on a barrier before every round; each round has people of its own. The same rounds
are also run with careless code (read, decide, write, without a lock or a condition, its constraints taken out of the
scratch database): a harness in which that goes unnoticed would be blind, so then the command fails.
"""

import multiprocessing
import random
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import connection

from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.ledger_faults import ledger_faults
from bekal.proofs.race_contest import Contest, Tally
from bekal.proofs.race_ends import END_CONTESTS
from bekal.proofs.race_ledger import LEDGER_CONTESTS
from bekal.proofs.race_purchases import PURCHASE_CONTESTS
from bekal.proofs.race_refunds import EndingAgainstProof
from bekal.proofs.race_runs import RUN_CONTESTS
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import keep_progress, read_progress, write_result
from bekal.proofs.scratch import owner_cursor, scratch_database
from bekal.proofs.small_world import World
from bekal.proofs.subjects import Output
from bekal.proofs.workers import Bar, results_of

WORKER_COUNT = 4
ATTEMPTS = 6_000
BATCH_ATTEMPTS = 6_000  # a new database after so many: the next rounds are as fast as the first
CARELESS_ATTEMPTS, CARELESS_TRIES = 40, 5  # of each contest; tried again, with others, while nothing went wrong
BARRIER_LIMIT_SECONDS = 300
CONTESTS: tuple[type[Contest], ...] = (
    *PURCHASE_CONTESTS,
    *LEDGER_CONTESTS,
    *END_CONTESTS,
    EndingAgainstProof,
    *RUN_CONTESTS,
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One rival's call: of which contest, round and stage, as which rival, starting how much after the barrier."""

    contest: int
    round: int
    stage: str
    rival: int
    delay_seconds: float


@dataclass(slots=True)
class Race:
    """What all batches together showed; kept in a file between starts."""

    seed: int
    batch_count: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    careless: dict[str, Tally] = field(default_factory=dict)
    ledger_violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def attempt_count(self) -> int:
        return sum(tally.attempt_count for tally in self.tallies.values())

    @property
    def round_count(self) -> int:
        return sum(tally.round_count for tally in self.tallies.values())

    @property
    def violation_count(self) -> int:
        return sum(tally.violation_count for tally in self.tallies.values()) + len(self.ledger_violations)

    @property
    def blind(self) -> list[str]:
        """The contests in which careless code was not noticed."""
        return [name for name, tally in self.careless.items() if tally.violation_count == 0]

    @property
    def holds(self) -> bool:
        return self.attempt_count > 0 and self.violation_count == 0 and not self.blind


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--attempts", type=whole_number(0), default=ATTEMPTS, help=f"calls of rivals (default {ATTEMPTS:,})"
    )
    parser.add_argument("--naive", action="store_true", help="run only the careless variants: each must be noticed")
    add_common_arguments(parser)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where nothing was violated and every careless variant was noticed."""
    if not options["attempts"] and not options["naive"]:
        raise CommandError("--attempts 0 tries nothing: ask for attempts, or with --naive for the careless variants")
    path = options.get("resume")
    kept = read_progress("race", options)
    race = _race_of(kept) if kept else Race(seed_of(options))
    prove_race(race, attempts=0 if options["naive"] else options["attempts"], path=path)
    stdout.write(
        heading("race", seed=race.seed, attempts=race.attempt_count, rounds=race.round_count, workers=WORKER_COUNT)
    )
    for line in lines_of(race):
        stdout.write(line)
    write_result(options.get("result"), result_of(race), resumed=path)
    tried = bool(race.careless) if options["naive"] else race.attempt_count > 0
    return 0 if tried and not race.violation_count and not race.blind else 1


def prove_race(race: Race, *, attempts: int, path: Path | None = None) -> None:
    """Go on until there were so many attempts over all contests, then the careless variants; kept after each batch."""
    started, before = time.monotonic(), race.seconds
    bar = Bar(attempts, "attempts")
    with bar:
        while race.attempt_count < attempts:
            _one_batch(race, min(BATCH_ATTEMPTS, attempts - race.attempt_count))
            race.batch_count += 1
            race.seconds = round(before + time.monotonic() - started, 1)
            keep_progress(path, "race", asdict(race))
            bar.update(race.attempt_count - bar.n)
    for number, group in enumerate(_groups()):
        with scratch_database("race_naive"):
            _careless_rounds(race, group, random.Random(f"{race.seed}:careless:{number}"))


def _race_of(kept: Mapping[str, Any]) -> Race:
    """What an earlier start kept."""
    tallies = {name: Tally(**one) for name, one in kept["tallies"].items()}
    return Race(**{**kept, "tallies": tallies, "careless": {}})


def _groups() -> list[list[type[Contest]]]:
    """The contests that may share a database, and each that needs one of its own."""
    together = [contest for contest in CONTESTS if not contest.own_database]
    return [together, *([contest] for contest in CONTESTS if contest.own_database)]


def _one_batch(race: Race, attempts: int) -> None:
    rng = random.Random(f"{race.seed}:{race.batch_count}")
    whole = sum(contest.share for contest in CONTESTS)
    for group in _groups():
        with scratch_database("race"):
            world = World()
            contests = [contest(world) for contest in group]
            calls = [one.rivals * len(one.stages) for one in contests]
            counts = [max(1, round(attempts * one.share / whole / n)) for one, n in zip(contests, calls, strict=True)]
            for contest, tally in zip(contests, _contest(contests, counts, rng), strict=True):
                race.tallies.setdefault(contest.name, Tally()).add(tally)
            race.ledger_violations += ledger_faults()


def _careless_rounds(race: Race, group: Sequence[type[Contest]], rng: random.Random) -> None:
    """The same rounds, one stage of each careless, in a database without the constraints that would catch it."""
    world = World()
    contests = [contest(world) for contest in group]
    with owner_cursor() as cursor:
        for statement in dict.fromkeys(statement for contest in contests for statement in contest.unguard):
            cursor.execute(statement)
    wanted = [(one, stage) for one in contests for stage in one.careless_stages]
    for _ in range(CARELESS_TRIES):
        for contest, stage in wanted:
            count = CARELESS_ATTEMPTS // contest.rivals
            (tally,) = _contest([contest], [count], rng, careless_stage=stage)
            race.careless.setdefault(_title(contest, stage), Tally()).add(tally)
        wanted = [(one, stage) for one, stage in wanted if not race.careless[_title(one, stage)].violation_count]


def _title(contest: Contest, stage: str) -> str:
    return f"{contest.name} ({stage})" if stage else contest.name


def _contest(
    contests: Sequence[Contest], counts: Sequence[int], rng: random.Random, *, careless_stage: str | None = None
) -> list[Tally]:
    """Prepare so many rounds of each, run them, and judge what is left in the database."""
    for contest, count in zip(contests, counts, strict=True):
        contest.prepare(count, rng)
    with owner_cursor() as cursor:
        cursor.execute("ANALYZE")
    beats = [beat for number, contest in enumerate(contests) for beat in _beats(number, contest, rng, careless_stage)]
    answers: list[list[dict[str, list[str]]]] = [[{} for _ in contest.rounds] for contest in contests]
    barrier = multiprocessing.get_context("fork").Barrier(WORKER_COUNT)
    tasks = [_worker(number, contests, beats, barrier, careless_stage) for number in range(WORKER_COUNT)]
    for found in results_of(tasks):
        for turn, answer in found:
            answers[turn.contest][turn.round].setdefault(turn.stage, []).append(answer)
    return [contest.judge(given) for contest, given in zip(contests, answers, strict=True)]


def _beats(
    number: int, contest: Contest, rng: random.Random, careless_stage: str | None
) -> Iterator[list[Turn | None]]:
    """Which worker calls what between two barriers: as many rounds side by side as there are workers for. After a
    careless stage nothing is worth trying."""
    until = len(contest.stages) if careless_stage is None else contest.stages.index(careless_stage)
    width = WORKER_COUNT // contest.rivals if contest.side_by_side else 1
    for start in range(0, len(contest.rounds), width):
        rounds = range(start, min(start + width, len(contest.rounds)))
        for stage in contest.stages[: until + 1]:
            beat: list[Turn | None] = []
            for round_number in rounds:
                for rival in range(contest.rivals):
                    apart = contest.stagger_seconds.get(stage, 0.0) if careless_stage is None else 0.0
                    delay = rng.uniform(0, apart)
                    beat.append(Turn(number, round_number, stage, rival, delay))
            beat += [None] * (WORKER_COUNT - len(beat))
            rng.shuffle(beat)
            yield beat


def _worker(
    number: int,
    contests: Sequence[Contest],
    beats: Sequence[Sequence[Turn | None]],
    barrier: Any,
    careless_stage: str | None,
) -> Callable[[], list[tuple[Turn, str]]]:
    """A worker's task: wait for the others before every beat, then take one's own turn."""

    def work() -> list[tuple[Turn, str]]:
        connection.ensure_connection()
        done = []
        for beat in beats:
            barrier.wait(BARRIER_LIMIT_SECONDS)
            turn = beat[number]
            if turn is not None:
                if turn.delay_seconds:
                    time.sleep(turn.delay_seconds)
                contest, careless = contests[turn.contest], turn.stage == careless_stage
                done.append((turn, contest.outcome(turn.round, turn.stage, turn.rival, careless=careless)))
        return done

    return work


def lines_of(race: Race) -> Iterator[str]:
    """The report, line by line."""
    if race.seconds:
        rate = race.attempt_count / race.seconds
        yield f"  {race.seconds:.1f} s with set-up and checks, {rate:,.0f} attempts a second"
    for name, tally in race.tallies.items():
        verdict = "VIOLATED" if tally.violation_count else "holds"
        yield f"  {verdict:8s} {name}: {tally.round_count:,} rounds; {tally.summary}"
        yield from (f"           {violation}" for violation in tally.examples)
    for violation in race.ledger_violations:
        yield f"  VIOLATED prove ledger after the rounds: {violation}"
    for name, tally in race.careless.items():
        verdict = "noticed" if tally.violation_count else "UNSEEN"
        yield f"  {verdict:8s} careless {name}: {tally.violation_count:,} of {tally.round_count:,} rounds went wrong"
    if race.round_count and not race.violation_count:
        yield f"  by rounds: {bound(race.round_count)}"


def result_of(race: Race) -> dict[str, Any]:
    """The figures for a result file."""
    return {
        "seed": race.seed,
        "attempts": race.attempt_count,
        "rounds": race.round_count,
        "seconds": round(race.seconds, 1),
        "attempts_a_second": round(race.attempt_count / race.seconds) if race.seconds else None,
        "violations": race.violation_count,
        "rate_below": 3 / race.round_count if race.round_count else None,
        "contests": {
            name: {"rounds": tally.round_count, "violations": tally.violation_count, "outcomes": tally.outcomes}
            for name, tally in race.tallies.items()
        },
        "careless": {
            name: {"rounds": tally.round_count, "violations": tally.violation_count}
            for name, tally in race.careless.items()
        },
    }
