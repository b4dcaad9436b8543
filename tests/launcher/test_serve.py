"""`dev up --check` says which of its parts failed."""

import contextlib
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import bank, environment, serve
from launcher.project import Project, project
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


def test_check_fails_where_the_bank_lets_nobody_in(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (checkout / "manage.py").write_text("")
    rails = checkout / "rails.json"

    @contextlib.contextmanager
    def served(*_: object) -> Iterator[tuple[None, str]]:
        yield None, "http://127.0.0.1:1"

    monkeypatch.setattr(serve, "_server", served)
    made, steps = Project(checkout, Path(sys.executable), environment.child_environment()), Steps()
    with serve.bound(0) as listener, serve.bound(0) as nobody:
        rails.write_text(json.dumps({"bni": {"files": {"address": _address(nobody), "token": "a"}}}))
        nobody.close()
        assert serve._check(made, steps, listener, bank.Bank(rails)) == 1
    assert "dev up --check: the bank failed" in capsys.readouterr().err
    assert steps.failed == ["bank (lets the programme in)"]


def _address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/bni"


def test_other_commands_are_told_where_the_demo_answers_while_it_does(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    (checkout / ".local").mkdir()
    (checkout / "manage.py").write_text("")

    @contextlib.contextmanager
    def served(*_: object) -> Iterator[tuple[None, str]]:
        yield None, "http://127.0.0.1:8765"

    def told(*_: object) -> str | None:
        return project(checkout, Path(sys.executable), {}).variables.get("BEKAL_ADDRESS")

    seen: list[str | None] = []
    monkeypatch.setattr(serve, "_server", served)
    monkeypatch.setattr(serve.worker, "beside", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(serve, "wait", lambda _: seen.append(told()) or 0)
    made = Project(checkout, Path(sys.executable), environment.child_environment())
    with socket.socket() as listener:
        assert serve._serve(made, Steps(), listener) == 0
    assert (seen, told()) == (["http://127.0.0.1:8765"], None)
