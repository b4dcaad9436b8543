"""The worker beside the server: a child that is started again where it dies, and ended with the block."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher import environment, worker
from launcher.project import Project

# A stand-in for `manage work`: notes that it was started, then lives or dies as the test says.
STARTED = "import os, pathlib; pathlib.Path('started').open('a').write(f'{os.getpid()}\\n')\n"
# Asked to end, it ends in peace; the note comes after it listens.
PATIENT = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + STARTED
STAYS = PATIENT + "time.sleep(600)\n"
DIES_ONCE = PATIENT + "sys.exit(3) if len(open('started').readlines()) == 1 else time.sleep(600)\n"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST_PAUSE_SECONDS", 0.01)


def project_with(checkout: Path, manage: str) -> Project:
    (checkout / "manage.py").write_text(manage)
    return Project(checkout, Path(sys.executable), environment.child_environment())


def starts(checkout: Path) -> int:
    file = checkout / "started"
    return len(file.read_text().splitlines()) if file.exists() else 0


def until(condition: Callable[[], bool]) -> None:
    """Waits for what must come; a test that hangs here has found a fault."""
    while not condition():
        time.sleep(0.01)


def test_it_runs_with_the_block_and_ends_with_it(checkout: Path):
    with worker.beside(project_with(checkout, STAYS)) as keeper:
        until(lambda: starts(checkout) == 1)
        assert keeper.process.poll() is None
    assert keeper.process.returncode == 0, "it was asked to end, not killed"


def test_one_that_dies_is_told_and_started_again(checkout: Path, capsys: pytest.CaptureFixture[str]):
    with worker.beside(project_with(checkout, DIES_ONCE)):
        until(lambda: starts(checkout) == 2)
    assert "The worker ended with status 3" in capsys.readouterr().err
    assert starts(checkout) == 2


def test_one_that_cannot_start_is_told_every_time(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    monkeypatch.setattr(worker, "line", told.append)
    with worker.beside(project_with(checkout, "raise SystemExit(1)")):
        until(lambda: len(told) >= 3)
    assert all("The worker ended with status 1" in text for text in told)


def test_one_that_was_asked_to_end_stays_ended(checkout: Path):
    with worker.beside(project_with(checkout, STARTED)) as keeper:
        until(lambda: keeper.process.poll() == 0)
        keeper._thread.join()
    assert starts(checkout) == 1
