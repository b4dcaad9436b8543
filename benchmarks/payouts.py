"""Payouts at a nation's scale: planned, written into files, answered, and paid end to end over the rail of files.

    dev bench payouts [--payouts N] [--only plan,files,lines,end] [--no-write] [--drop]

Each part works on a copy of a world of so many people to each of whom one instalment is due. A world is built once
(`bekal_payouts_N`, about 10 minutes a million) and kept; `--drop` removes what was built. Parts may be run one by one:
each writes its own figures, with its commit, where the size is the one of the targets.

plan      one run of everything that is due (1,000,000) beside COPY of the same rows into a table with the same
          constraints and indexes, and the finished run again.
files     a tenth of N and N: the writer alone, from the database's rows to files on the disk, and the verb that writes
          the intent; payments a second, and what each grew its process by. Some files by the schema of the standard.
lines     what the bank says of 1,000,000 payments, read, weighed and recorded: reports that are news, notifications
          that say the same again; every file once more, which changes nothing.
end       N payouts over a bank that is a process of its own: minutes and where they go, the proof of the ledger, and
          the bank's own books beside ours. One transfer in 250 is rejected.

The kills are `manage prove crash`'s: it has runners of its own and the bank's books to hold against ours.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import kept, machine
from benchmarks._costs import Figures, Timer, ratios
from benchmarks._programme import set_up
from benchmarks._targets import Target, verdicts

PAYOUTS, PLANNED = 2_000_000, 1_000_000
SEED = 1
# Minutes for a million on two quiet cores: to build the world, and what the part then does.
BUILD_MINUTES = 10.0
PART_MINUTES = {"plan": 2.0, "files": 3.0, "lines": 4.0, "end": 8.0}
TARGETS = (
    Target("planning, of COPY into the same constraints", ("plan", "of_copy"), 0.9),
    Target("planning, of a COPY that draws numbers, too", ("plan", "of_copy_that_draws_numbers"), 0.9),
    Target("files: the writer", ("files", "writer_per_second"), 200_000, unit="/s"),
    Target("files: from the database's rows", ("files", "rows_to_files_per_second"), 200_000, unit="/s"),
    Target("files: memory of ten times as many, writing", ("files", "rows_to_files_growth_mib"), 16, True, " MiB"),
    Target("files: memory of ten times as many, the verb", ("files", "export_growth_mib"), 64, True, " MiB"),
    Target("lines: reports and notifications as they come", ("lines", "lines_per_second"), 70_000, unit="/s"),
    Target("lines: rows that the same again changes", ("lines", "again", "rows_changed"), 0, True, " rows"),
    Target("end to end: payments that do not agree", ("end", "differences"), 0, True, " rows"),
)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when measured; 1 where the books do not agree, a proof does not hold or a repetition changed rows."""
    parser = argparse.ArgumentParser(prog="dev bench payouts", description="Payouts at a nation's scale.")
    parser.add_argument("--payouts", type=int, default=PAYOUTS, help=f"how many end to end (default {PAYOUTS:,})")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--no-write", action="store_true", help="print only, leave the committed figures alone")
    parser.add_argument("--drop", action="store_true", help="remove the worlds of this size, and do nothing else")
    options = parser.parse_args(arguments)
    parts = options.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    set_up()
    from benchmarks import _payouts_world as world

    if options.drop:
        for size in {each for name in PARTS for each in _sizes(name, options.payouts)}:
            kept.drop(world.name_of(size))
        return 0
    print(f"{machine.one_line(machine.describe())}; seed {SEED}", flush=True)
    print(f"about {_minutes(parts, options.payouts, world.name_of):.0f} minutes on two quiet cores", flush=True)
    figures: Figures = {}
    for name in parts:
        started = time.perf_counter()
        print(f"\n{name}", flush=True)
        figures[name] = PARTS[name](options.payouts)
        figures[name]["part_minutes"] = round((time.perf_counter() - started) / 60, 1)
        if not options.no_write and options.payouts == PAYOUTS:
            print(f"Written to {_write(name, figures[name])}", flush=True)
    found = verdicts(figures, TARGETS)
    print("kills: `manage prove crash`, with figures of its own")
    return 0 if all(each["is_met"] for each in found if each["bound"] == 0) else 1


def _sizes(part: str, payouts: int) -> tuple[int, ...]:
    """Of which worlds a part needs a copy."""
    return {
        "plan": (min(payouts, PLANNED),),
        "files": (max(1, payouts // 10), payouts),
        "lines": (min(payouts, PLANNED),),
        "end": (payouts,),
    }[part]


def _minutes(parts: list[str], payouts: int, name_of: Callable[[int], str]) -> float:
    worlds = {size for part in parts for size in _sizes(part, payouts) if not kept.exists(name_of(size))}
    work = sum(PART_MINUTES[part] * size for part in parts for size in _sizes(part, payouts))
    return (BUILD_MINUTES * sum(worlds) + work) / 1_000_000


def _write(part: str, figures: Figures) -> Path:
    """Beside the other parts' figures, each with its commit."""
    from bekal.proofs.report import commit

    path = machine.RESULTS / "payouts.json"
    before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["parts"] if path.exists() else {}
    parts = {**before, part: {**figures, "commit": commit()}}
    return machine.write_result("payouts", {"parts": parts, "targets": verdicts(parts, TARGETS), "seed": SEED})


def plan(payouts: int) -> Figures:
    """Everything due in one run, beside COPY of the payouts it wrote."""
    from bekal.incentives.plan_payout_run import plan_payout_run
    from benchmarks import _payouts_world as world
    from benchmarks._copy import copy_beside, make_peers

    (count,) = _sizes("plan", payouts)
    timer = Timer()
    with world.restored(count):
        who = world.officers()
        make_peers("incentives_payout")
        with timer("verb 1"):
            planned = plan_payout_run(planned_for=who.day, officer_id=who.planner_id, at=who.at(8))
        if planned.payout_count != count:
            raise RuntimeError(f"{count:,} are due, and the plan is {planned}")
        copy_beside("incentives_payout", "true", timer, 1)
        started = time.perf_counter()
        again = plan_payout_run(planned_for=who.day, officer_id=who.planner_id, at=who.at(8))
        found = {"payouts": count, **ratios(timer.costs, 1, count)}
        found["again_seconds"] = round(time.perf_counter() - started, 2)
    if again.run_id is not None:
        raise RuntimeError(f"the finished run again: {again}")
    print(
        f"planned {count:,} in {timer.costs['verb 1'].seconds:.1f} s, {found['verb']['people_per_second']:,}/s: "
        f"{found['of_copy']:.0%} of COPY into the same constraints, {found['of_copy_that_draws_numbers']:.0%} of one "
        f"that draws numbers, {found['of_bare_copy']:.0%} of COPY into a bare heap; again: nothing due, "
        f"{found['again_seconds']:.1f} s",
        flush=True,
    )
    return found


def files(payouts: int) -> Figures:
    """The figures of both sizes; the larger one's speed, and by how much more it grew than a tenth of it."""
    from benchmarks import _payouts_files
    from benchmarks import _payouts_world as world

    small, large = (_measured(size, world.restored, _payouts_files.measured) for size in _sizes("files", payouts))
    found: Figures = {"small": small, "large": large}
    for way in ("writer", "rows_to_files", "export"):
        found[f"{way}_per_second"] = large[way]["payments_per_second"]
        found[f"{way}_growth_mib"] = round(large[way]["growth_mib"] - small[way]["growth_mib"], 1)
    return found


def _measured(size: int, restored: Callable[[int], Any], measure: Callable[[int], Figures]) -> Figures:
    with restored(size):
        return measure(size)


def lines(payouts: int) -> Figures:
    from benchmarks import _payouts_lines
    from benchmarks import _payouts_world as world

    return _measured(*_sizes("lines", payouts), world.restored, _payouts_lines.measured)


def end(payouts: int) -> Figures:
    from benchmarks import _payouts_end
    from benchmarks import _payouts_world as world

    return _measured(payouts, world.restored, _payouts_end.whole_run)


PARTS: dict[str, Callable[[int], Figures]] = {"plan": plan, "files": files, "lines": lines, "end": end}


if __name__ == "__main__":
    sys.exit(main())
