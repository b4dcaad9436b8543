"""`dev test`: everything that has to hold before a change goes in, each step with its seconds, one exit status."""

import os
from collections.abc import Sequence
from pathlib import Path

from launcher import chromium, database, environment
from launcher.project import Project, project
from launcher.say import Steps, line

PYTHON_SOURCES = ("src", "tests", "benchmarks", "launcher", "manage.py", "dev")
# Test processes share the cores: linear algebra that takes all of them in each waits for itself.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
LINT_IMPORTS = """
import sys
sys.path.insert(0, "src")
from importlinter.cli import lint_imports_command
sys.exit(lint_imports_command())
"""


def run(root: Path, arguments: Sequence[str]) -> int:
    """Runs all checks, or with pytest's arguments only the tests they name."""
    narrowed = [argument for argument in arguments if argument != "--no-browser"]
    steps = Steps()
    with steps.step("packages"):
        python = environment.ensure(root, "test")
    if "--no-browser" in arguments:
        line("-> browser: left out (--no-browser), the journeys in the browser are not tested")
        extra = {"BEKAL_NO_BROWSER": "1"}
    else:
        with steps.step("browser"):
            # Named tests may need none, so nothing is installed for them; a journey that finds none says so itself.
            path = chromium.find() if narrowed else chromium.ensure(python)
            extra = {"BEKAL_CHROMIUM": path} if path else {}
    with database.ready(root) as variables:
        made = project(root, python, variables, **ONE_THREAD, **extra)
        _run_steps(made, steps, narrowed)
    line("")
    steps.table()
    line(f"dev test: FAILED in {', '.join(steps.failed)}" if steps.failed else "dev test: everything passed")
    return 1 if steps.failed else 0


def _run_steps(made: Project, steps: Steps, narrowed: Sequence[str]) -> None:
    """All of them even where one fails, so that one run shows everything there is to mend."""
    if narrowed:
        line("-> only the named tests; without arguments all checks run")
    else:
        for name, command in _static_checks(made.root):
            _step(made, steps, name, command)
    _step(made, steps, "pytest", ["-m", "pytest", *_processes(narrowed), *narrowed])


def _step(made: Project, steps: Steps, name: str, command: Sequence[str]) -> None:
    with steps.step(name):
        if made.call(command):
            steps.failed.append(name)
            line(f"   {name}: FAILED")


def _static_checks(root: Path) -> list[tuple[str, list[str]]]:
    sources = [name for name in PYTHON_SOURCES if (root / name).exists()]
    return [
        ("ruff check", ["-m", "ruff", "check", "--quiet", *sources]),
        ("ruff format", ["-m", "ruff", "format", "--check", "--quiet", *sources]),
        ("mypy", ["-m", "mypy", "--no-error-summary"]),
        ("import contracts", ["-c", LINT_IMPORTS, "--no-logo"]),
        ("missing migrations", ["manage.py", "makemigrations", "--check", "--dry-run"]),
    ]


def _processes(narrowed: Sequence[str]) -> list[str]:
    """One test process for each core, unless the caller says something about it or there is only one core."""
    told = any(argument.startswith(("-n", "--numprocesses", "--pdb", "--dist")) for argument in narrowed)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [] if told or cores < 2 else ["-n", str(min(cores, 8)), "--dist", "loadgroup"]
