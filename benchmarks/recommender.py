"""How good the recommender is beside what people use instead, and whether it is as good as it has to be.

    dev bench recommender [--data FILE] [--short] [--quick] [--peers NAME,...] [--participants N]

On an npz file of real choices (`--data`), or, without one, on a simulated population in a database of its own. The
protocol is that of `_recommender_protocol`; "short" fits on only the first short_len choices of each training person,
which is the programme's real situation. Every peer (`benchmarks.peers`) is tuned on held-out training people and then
fitted to all of them. A whole run is written to benchmarks/results.
"""

import argparse
import sys
from pathlib import Path

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import machine
from benchmarks._recommender_protocol import EXPLANATION, World, read
from benchmarks._recommender_simulated import simulated_world
from benchmarks._recommender_table import NAMES, SEED, Table, progress, regime
from benchmarks._recommender_verdicts import PUBLIC_SHA256

PARTICIPANT_COUNT, TRAINING_COUNT, SIMULATION_SEED = 20_000, 300, 1


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when everything measured holds, 1 where a target is missed or a peer is not installed, 2 where there
    is nothing to measure on."""
    options = _options(arguments)
    try:
        world = _world(options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{machine.one_line(machine.describe())}; seed {SEED}; {world.name}", flush=True)
    names = world.regimes[-1:] if options.short else world.regimes
    tables = {name: regime(world, name, options.peers, quick=options.quick) for name in names}
    print()
    found = [verdict for table in tables.values() for verdict in table.verdicts]
    for verdict in found:
        print(verdict.line())
    if world.sha256 != PUBLIC_SHA256:
        print(f"The targets of the public set do not apply to {world.name}.")
    missing = sorted({name for table in tables.values() for name in table.missing})
    if missing:
        print(f"The table is not whole, not installed: {', '.join(missing)}. `dev bench` installs what they need.")
    if missing or options.quick or options.peers != NAMES or names != world.regimes:
        print("Only a whole table is written.")
    else:
        print(f"Written to {_write(world, tables)}")
    return 1 if missing or not all(verdict.is_met for verdict in found) else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev bench recommender", description="The recommender beside its peers.")
    parser.add_argument("--data", type=Path, help="npz file of real choices; it is read, never copied")
    parser.add_argument("--short", action="store_true", help="only the regime of short histories")
    parser.add_argument("--quick", action="store_true", help="only the ends of each grid, to see that it runs")
    parser.add_argument("--peers", default=",".join(NAMES), metavar="NAME,...", help=f"only some of {', '.join(NAMES)}")
    parser.add_argument(
        "--participants", type=int, default=PARTICIPANT_COUNT, metavar="N", help="how many to simulate without --data"
    )
    options = parser.parse_args(arguments)
    asked = [name.strip() for name in options.peers.split(",") if name.strip()]
    unknown = [name for name in asked if name not in NAMES]
    if unknown:
        parser.error(f"--peers names {unknown[0]}: write any of {', '.join(NAMES)}.")
    options.peers = [name for name in NAMES if name in asked]
    return options


def _world(options: argparse.Namespace) -> World:
    """What to measure on; ValueError where there is nothing."""
    if options.data is not None and options.data.is_file():
        world = read(options.data)
    else:
        absent = "" if options.data is None else f"There is no file {options.data}. "
        print(f"{absent}{EXPLANATION} Now: a simulated population.", file=sys.stderr, flush=True)
        if options.participants < 1:
            raise ValueError(f"--participants is {options.participants}: write a whole number from 1 on.")
        world = simulated_world(
            participant_count=options.participants,
            training_count=TRAINING_COUNT,
            seed=SIMULATION_SEED,
            say=progress(),
        )
    if not 0 < len(world.test) < len(world.choices):
        raise ValueError(f"{world.name} has nobody to test on, or nobody to learn from.")
    return world


def _write(world: World, tables: dict[str, Table]) -> Path:
    """Of real choices and of simulated ones each into its own file."""
    record = {
        "data": world.name,
        "data_sha256": world.sha256,
        "seed": SEED,
        "regimes": {name: table.record for name, table in tables.items()},
    }
    return machine.write_result("recommender" if world.sha256 else "recommender_simulated", record)


if __name__ == "__main__":
    sys.exit(main())
