"""`dev up --check` says which of its parts failed."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import environment, serve
from launcher.project import Project
from launcher.say import Steps


@pytest.mark.parametrize(
    ("failing", "status", "said"),
    [
        ("", 0, "it works"),
        ("work", 3, "the worker failed"),
        ("check-journey", 3, "the journey failed"),
        ("work check-journey", 3, "the journey and the worker failed"),
    ],
)
def test_check_tries_the_journey_and_the_worker(
    failing: str,
    status: int,
    said: str,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    (checkout / "manage.py").write_text(f"import sys\nsys.exit(3 if sys.argv[1] in {failing.split()!r} else 0)")

    @contextlib.contextmanager
    def served(*_: object) -> Iterator[tuple[None, str]]:
        yield None, "http://127.0.0.1:1"

    monkeypatch.setattr(serve, "_server", served)
    made, steps = Project(checkout, Path(sys.executable), environment.child_environment()), Steps()
    with socket.socket() as listener:
        assert serve._check(made, steps, listener) == status
    assert f"dev up --check: {said}" in capsys.readouterr().err
    assert len(steps.failed) == len(failing.split())
