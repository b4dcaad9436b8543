"""How many rows a second come in through the door for files, in how much memory; and the same files once more.

    dev bench exchange [--people N]

In a database of its own, made and dropped here, `manage import-data` takes in N synthetic people with their envelopes
(a third with opening balances), phone numbers and payout accounts, each file in a process of its own, whose greatest
memory is what the system reports of it. The second time nothing may change.
"""

import argparse
import csv
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import machine
from benchmarks.verbs import own_database

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("waves", "participants", "contact_points", "payout_accounts")
HEADS = {
    "waves": "number,opens_on,closes_on,quota_count",
    "participants": "nik,full_name,sex,born_on,education,employment,province,wave,accepted_at,"
    "training_balance_rupiah,incentives_left_count,surveys_left_count",
    "contact_points": "nik,kind,value",
    "payout_accounts": "nik,partner,number,holder_name",
}
# Prints its own greatest memory (KiB on Linux) on the last line, whatever the command said.
RUN = """
import resource, sys
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when measured, 1 where a second time changed something."""
    parser = argparse.ArgumentParser(prog="dev bench exchange", description="Rows per second of imports.")
    parser.add_argument("--people", type=int, default=100_000, help="how many (default 100,000)")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
    with tempfile.TemporaryDirectory() as name, own_database("bekal_bench_exchange"):
        folder = Path(name)
        write_files(folder, options.people)
        manage("setup")
        found = [measure(folder, kind, time_no) for time_no in (1, 2) for kind in KINDS]
        manage("prove", "ledger")
    print(f"{machine.one_line(machine.describe())}\n")
    for line in found:
        print(
            f"{line['kind']:16} time {line['time']}: {line['rows_per_second']:>9,} rows/s, "
            f"{line['seconds']:>7.1f} s, {line['peak_mib']} MiB"
        )
    print(f"Written to {machine.write_result('exchange', {'people': options.people, 'imports': found})}")
    return 1 if any(line["changed_count"] for line in found if line["time"] == 2) else 0


def write_files(folder: Path, people: int) -> None:
    """One CSV for each kind, the same for the same number of people."""
    rows: dict[str, Iterator[list[Any]]] = {
        "waves": iter([[1, "2020-04-11", "2020-04-16", people]]),
        "participants": (participant(number) for number in range(people)),
        "contact_points": ([nik_of(number), "phone", f"0812{number:08d}"] for number in range(people)),
        "payout_accounts": ([nik_of(number), "bni", f"{number:010d}", f"Orang {number}"] for number in range(people)),
    }
    for kind, lines in rows.items():
        with (folder / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(HEADS[kind] + "\n")
            csv.writer(file).writerows(lines)


def participant(number: int) -> list[Any]:
    """A person of their own; every third comes with opening balances."""
    draw = random.Random(number)
    opening = [draw.randrange(10) * 100_000, draw.randrange(5), draw.randrange(4)] if number % 3 == 0 else ["", "", ""]
    facts = [draw.randint(1, 6), draw.randint(1, 3), 32, 1, "2020-04-20T09:00:00+07:00"]
    return [nik_of(number), f"Orang {number}", "M", born_on(number), *facts, *opening]


def born_on(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=number % 11_000)


def nik_of(number: int) -> str:
    return f"{320_101 + number // 9_999:06d}{born_on(number):%d%m%y}{number % 9_999 + 1:04d}"


def measure(folder: Path, kind: str, time_no: int) -> dict[str, Any]:
    """One import: rows, seconds, greatest memory, and how many rows it added or changed."""
    path = folder / f"{kind}.csv"
    with path.open(encoding="utf-8") as file:
        row_count = sum(1 for _ in file) - 1
    started = time.perf_counter()
    said = manage("import-data", kind, str(path))
    seconds = time.perf_counter() - started
    written = re.findall(r"(\d[\d,]*) (?:\w+ ){0,2}(?:added|changed|accepted)", said)
    return {
        "kind": kind,
        "time": time_no,
        "rows": row_count,
        "seconds": round(seconds, 1),
        "rows_per_second": round(row_count / seconds),
        "peak_mib": round(int(said.rpartition("peak ")[2]) / 1024),
        "changed_count": sum(int(number.replace(",", "")) for number in written),
    }


def manage(*arguments: str) -> str:
    """What a command says, in a process of its own; its progress goes to our stderr."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], env=environ, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"manage {' '.join(arguments)} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
