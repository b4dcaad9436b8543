"""The simulated year at full size: built through the verbs, proved, compared with COPY, and kept to be restored.

    dev bench year [--participants 700000] [--trainings 2700] [--seed 1] [--again] [--no-copy]

Builds into a database of its own (`bekal_year_<participants>_<seed>`) on the same server. Stopped anywhere, the same
command goes on where it stopped; finished, it builds nothing and measures only what follows. `--again` builds a second
time beside it and compares the digests of all that happened. Benchmarks that need a population get a copy of the
finished database in seconds: `kept.restored(...)`. `--drop` removes it.
"""

import argparse
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import kept, machine

ROOT = Path(__file__).resolve().parents[1]
Figures = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when built, proved and measured; 1 where a proof, a published figure or a digest does not hold."""
    parser = argparse.ArgumentParser(prog="dev bench year", description="The simulated year at full size.")
    parser.add_argument("--participants", type=int, default=700_000)
    parser.add_argument("--trainings", type=int, default=2_700)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="build a second time and compare the digests")
    parser.add_argument("--no-copy", action="store_true", help="leave out the comparison with COPY")
    parser.add_argument("--drop", action="store_true", help="remove what was built, and do nothing else")
    options = parser.parse_args(arguments)
    name = f"bekal_year_{options.participants}_{options.seed}"
    if options.drop:
        for database in (name, f"{name}_again"):
            kept.drop(database)
        return 0
    print(f"{machine.one_line(machine.describe())}; seed {options.seed}", flush=True)
    figures: Figures = {"participants": options.participants, "trainings": options.trainings, "seed": options.seed}
    figures["build"] = build(name, options)
    figures["rows"] = counted(name)
    row_count = sum(figures["rows"].values())
    print(f"{row_count:,} rows in {len(figures['rows'])} tables, {kept.size_mib(name):,} MiB", flush=True)
    figures["row_count"], figures["size_mib"] = row_count, kept.size_mib(name)
    failed = proved(name, figures)
    if options.again:
        failed |= built_again(name, options, figures)
    figures["restore_seconds"] = restored(name)
    if not options.no_copy:
        figures["copy"] = copied(name, row_count)
        seconds = figures["build"].get("seconds")
        if seconds:
            print(f"the verbs: {row_count / seconds:,.0f} rows/s", flush=True)
    path = machine.write_result("year" if options.participants >= 700_000 else "year_small", figures)
    print(f"Written to {path}")
    return int(failed)


def build(name: str, options: argparse.Namespace) -> Figures:
    """Make the database and walk the year, or go on with what is there; seconds, CPU and the program's memory."""
    kept.create(name)
    environ = kept.environ(name)
    manage(environ, "setup")
    if kept.is_finished(name):
        print(f"{name} is there already: nothing to build", flush=True)
        return {"built": "earlier"}
    resumed = kept.is_begun(name)
    command = ["simulate", "--progress", "--trainings", str(options.trainings)]
    command += (
        ["--resume"]
        if resumed
        else ["--participants", str(options.participants), "--year", "2020", "--seed", str(options.seed)]
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", *command], env=environ, stdout=subprocess.PIPE, text=True
    )
    samples: list[tuple[float, float]] = []
    watcher = threading.Thread(target=_watch, args=(process, started, samples), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    print(output, flush=True)
    if process.returncode:
        raise SystemExit(f"simulate ended with {process.returncode}; the same command goes on where it stopped")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.perf_counter() - started
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory = {f"{share} %": round(_at(samples, share / 100)) for share in (10, 25, 50, 75, 90, 100)}
    print(
        f"built in {seconds / 60:.1f} min, {cpu / 60:.1f} min of them the program's CPU; memory (MiB) {memory}",
        flush=True,
    )
    return {
        "seconds": round(seconds, 1),
        "program_cpu_seconds": round(cpu, 1),
        "resumed": resumed,
        "memory_mib": memory,
    }


def _watch(process: "subprocess.Popen[str]", started: float, samples: list[tuple[float, float]]) -> None:
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
            samples.append((time.perf_counter() - started, int(line.split()[1]) / 1024))
        except (OSError, StopIteration):
            pass
        time.sleep(1)


def _at(samples: list[tuple[float, float]], share: float) -> float:
    return samples[min(int(len(samples) * share), len(samples) - 1)][1] if samples else 0.0


def counted(name: str) -> dict[str, int]:
    """Rows of every table that has any."""
    with kept.connect(name) as connection:
        tables = [row[0] for row in connection.execute(kept.TABLES_SQL)]
        counts = {table: kept.one(connection, f'SELECT count(*) FROM "{table}"') for table in tables}
    return {table: count for table, count in counts.items() if count}


def proved(name: str, figures: Figures) -> bool:
    """`prove ledger` and `published` on what was built; whether one of them does not hold."""
    failed = False
    for command in (("prove", "ledger"), ("published",)):
        started = time.perf_counter()
        status = manage(kept.environ(name), *command, check=False)
        seconds = time.perf_counter() - started
        print(f"manage {' '.join(command)}: exit {status} after {seconds:.1f} s", flush=True)
        figures["_".join(command)] = {"exit": status, "seconds": round(seconds, 1)}
        failed |= status != 0
    return failed


def built_again(name: str, options: argparse.Namespace, figures: Figures) -> bool:
    """Build a second time and compare; whether the two differ."""
    again = f"{name}_again"
    figures["build_again"] = build(again, options)
    one, two = kept.digest(name), kept.digest(again)
    different = sorted(what for what in one.keys() | two.keys() if one.get(what) != two.get(what))
    figures["digest"] = {what: str(value) for what, value in one.items()}
    figures["digests_agree"] = not different
    print("two builds agree" if not different else f"two builds differ in {', '.join(different)}", flush=True)
    kept.drop(again)
    return bool(different)


def restored(name: str) -> float:
    with kept.restored(name) as copy:
        print(f"restored as {copy.name} in {copy.seconds:.1f} s", flush=True)
        return round(copy.seconds, 1)


def copied(name: str, row_count: int) -> Figures:
    """COPY of the same rows into the same tables, constraints and indexes, and into tables without any."""
    figures: Figures = {}
    for what, bare in (("same constraints", False), ("bare tables", True)):
        seconds = kept.copy_of_rows(name, bare=bare)
        print(f"COPY into {what}: {seconds:.0f} s, {row_count / seconds:,.0f} rows/s", flush=True)
        figures[what] = {"seconds": round(seconds, 1), "rows_per_second": round(row_count / seconds)}
    return figures


def manage(environ: dict[str, str], *arguments: str, check: bool = True) -> int:
    done = subprocess.run([sys.executable, ROOT / "manage.py", *arguments], env=environ, check=False)
    if check and done.returncode:
        raise SystemExit(f"manage {' '.join(arguments)} ended with {done.returncode}")
    return done.returncode


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
    sys.exit(main())
