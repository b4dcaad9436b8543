"""Puts known bugs in, one at a time, and shows that a named test catches each.

`python3 dev planted [NAME …] [--jobs N]`. Works on copies of the checkout; the checkout itself is not touched. Before
any bug is planted, the tests that are to catch them must pass: a test that fails anyway catches nothing.
"""

import argparse
import os
import queue
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = (".git", ".venv", ".local", "__pycache__", ".*_cache", ".hypothesis", "screenshots", "results", "data")
# Checkers other than pytest; each exits with 1 where it finds fault.
CHECKERS = {
    "lint-imports": ["lint-imports", "--config", "pyproject.toml", "--no-cache"],
    "ruff": ["ruff", "check", "--no-cache", "src", "tests"],
    "mypy": ["mypy", "--cache-dir", os.devnull],
}
LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Bug:
    """A change that must not go unnoticed: `find` stands exactly once in `file`, a new `file` has no `find`."""

    name: str
    file: str
    find: str | None
    replace: str
    caught_by: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What became of one bug."""

    bug: Bug
    is_caught: bool
    told: str
    seconds: float


def bugs(wanted: list[str]) -> list[Bug]:
    """The bugs of planted.yaml, all or those named; SystemExit with one sentence where the file is wrong."""
    entries = yaml.safe_load((ROOT / "tests" / "planted" / "planted.yaml").read_text())["bugs"]
    found = [Bug(e["name"], e["file"], e.get("find"), e.get("replace", ""), tuple(e["caught_by"])) for e in entries]
    names = [bug.name for bug in found]
    unknown = [name for name in wanted if name not in names]
    if unknown or len(set(names)) != len(names):
        sys.exit(f"planted: no bug is called {unknown[0]}" if unknown else "planted: two bugs have the same name")
    return [bug for bug in found if not wanted or bug.name in wanted]


def commands(caught_by: tuple[str, ...]) -> Iterator[list[str]]:
    """What to run: one pytest for all test ids, and the checkers named."""
    tests = [name for name in caught_by if name not in CHECKERS]
    if tests:
        yield [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "--tb=line", *tests]
    for name in caught_by:
        if name in CHECKERS:
            program, *arguments = CHECKERS[name]
            yield [str(Path(sys.executable).parent / program), *arguments]


def run(command: list[str], folder: Path) -> tuple[int, str]:
    """Exit status and the end of what was said; a run over the limit counts as not caught (status 124)."""
    # Compiled once for all runs, beside the copies: most of a short run would be spent compiling otherwise.
    environ = os.environ | {"PYTHONPATH": "src", "PYTHONPYCACHEPREFIX": str(folder.parents[1] / "compiled")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {LIMIT_SECONDS} s"
    return done.returncode, (done.stdout + done.stderr)[-3000:]


@contextmanager
def planted(bug: Bug, folder: Path) -> Iterator[str | None]:
    """The copy with the bug in it; gives a sentence instead where the bug does not fit the code any more."""
    path = folder / bug.file
    before = path.read_text() if path.exists() else None
    if bug.find is None:
        problem = None if before is None else "there is such a file already"
    else:
        count = 0 if before is None else before.count(bug.find)
        problem = None if count == 1 else f"the place to change stands {count} times in {bug.file}, not once"
    if problem:
        yield problem
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(bug.replace if before is None or bug.find is None else before.replace(bug.find, bug.replace))
    try:
        yield None
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def judge(bug: Bug, folder: Path) -> Verdict:
    """Plant one bug and ask its tests: each command must find fault (1), neither pass nor break for another reason."""
    start = time.monotonic()
    told = []
    is_caught = True
    with planted(bug, folder) as problem:
        if problem:
            return Verdict(bug, False, problem, time.monotonic() - start)
        for command in commands(bug.caught_by):
            status, output = run(command, folder)
            if status != 1:
                is_caught = False
                told.append("survived" if status == 0 else f"exit {status}: {output.strip()[-400:]}")
    return Verdict(bug, is_caught, "; ".join(told), time.monotonic() - start)


def control(found: list[Bug], folder: Path) -> str | None:
    """Without any bug everything passes; otherwise what was said."""
    together = tuple(dict.fromkeys(name for bug in found for name in bug.caught_by))
    for command in commands(together):
        status, output = run([part for part in command if part != "-x"], folder)
        if status != 0:
            return f"{shlex.join(command[-3:])} fails without any bug:\n{output}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 dev planted", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these bugs")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="how many at a time")
    options = parser.parse_args()
    found = bugs(options.names)
    with tempfile.TemporaryDirectory(prefix="bekal-planted-") as base:
        copies: queue.Queue[Path] = queue.Queue()
        for number in range(max(1, options.jobs)):
            copy = Path(base) / str(number) / "bekal"
            shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
            copies.put(copy)
        problem = control(found, copies.queue[0])
        if problem:
            print(problem)
            return 1

        def one(bug: Bug) -> Verdict:
            folder = copies.get()
            try:
                return judge(bug, folder)
            finally:
                copies.put(folder)

        with ThreadPoolExecutor(max_workers=max(1, options.jobs)) as pool:
            verdicts = list(tqdm(pool.map(one, found), total=len(found), desc="planted", disable=None))
    return report(verdicts)


def report(verdicts: list[Verdict]) -> int:
    """The table; 1 where a bug lives or no longer fits the code."""
    width = max(len(verdict.bug.name) for verdict in verdicts)
    print(f"{'bug':{width}}  caught  seconds  by")
    for verdict in verdicts:
        by = ", ".join(name.removeprefix("tests/") for name in verdict.bug.caught_by)
        print(f"{verdict.bug.name:{width}}  {'yes' if verdict.is_caught else 'NO ':6}  {verdict.seconds:7.1f}  {by}")
        if verdict.told:
            print(f"{'':{width}}  {verdict.told}")
    living = [verdict for verdict in verdicts if not verdict.is_caught]
    print(f"{len(verdicts)} planted, {len(verdicts) - len(living)} caught, {len(living)} not caught")
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main())
