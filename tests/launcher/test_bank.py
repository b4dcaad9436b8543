"""The demo's bank beside the server: only in the demo, on one port however often it dies, ended with the block."""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import bank, environment, serve, worker
from launcher.project import Project
from launcher.say import Steps

# A stand-in for `manage bank-setup` and `manage bank`: the rails name a token, and the server lets that token in.
MANAGE = """
import http.server, json, os, pathlib, socket, sys
first = 2 if sys.argv[1] == "bank" else 3
arguments = dict(zip(sys.argv[first::2], sys.argv[first + 1::2]))
pathlib.Path("called").open("a").write(sys.argv[1] + "\\n")
if sys.argv[1] == "bank-setup":
    if not pathlib.Path("no demo").exists():
        rails = pathlib.Path(arguments["--rails-file"])
        rails.parent.mkdir(exist_ok=True)
        files = {"address": arguments["--address"] + "/bni", "token": "the token"}
        rails.write_text(json.dumps({"bni": {"files": files}, "ovo": {"snap": {}}}))
    sys.exit()
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.headers["Authorization"] == "Bearer the token" else 401)
        self.end_headers()
        self.wfile.write(b'{"files": []}')
server = http.server.HTTPServer(("127.0.0.1", 0), Answers, bind_and_activate=False)
server.socket = socket.socket(fileno=int(arguments["--listener"]))
server.serve_forever()
"""


@pytest.fixture
def made(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(worker, "FIRST_PAUSE_SECONDS", 0.01)
    (checkout / "manage.py").write_text(MANAGE)
    (checkout / ".local").mkdir()
    return Project(checkout, Path(sys.executable), environment.child_environment() | {"BEKAL_DEMO": "1"})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with serve.bound(0) as held:
        yield held


def called(made: Project) -> list[str]:
    file = made.root / "called"
    return file.read_text().split() if file.exists() else []


def test_the_demo_is_led_to_a_bank_that_lets_it_in(made: Project, listener: socket.socket) -> None:
    with bank.beside(made, Steps(), listener) as (led, running):
        assert running is not None and running.answers()
        assert led.variables["BEKAL_PAYOUT_RAILS"] == str(running.rails)
        said = json.loads(running.rails.read_text())
        said["bni"]["files"]["token"] = "another"
        running.rails.write_text(json.dumps(said))
        assert not running.answers()
    assert not running.rails.exists() and "BEKAL_PAYOUT_RAILS" not in made.variables
    assert called(made) == ["bank-setup", "bank"]


def test_a_bank_that_is_killed_comes_back_on_its_port(
    made: Project, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[worker.Keeper] = []

    class Noted(worker.Keeper):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[arg-type]
            kept.append(self)

    monkeypatch.setattr(bank, "Keeper", Noted)
    with bank.beside(made, Steps(), listener) as (_, running):
        assert running is not None and running.answers()
        os.kill(kept[0].process.pid, signal.SIGKILL)
        assert running.answers(), "who calls meanwhile waits for the next"
    assert called(made).count("bank") == 2
    assert kept[0].process.poll() is not None


def test_two_demos_of_a_checkout_have_a_bank_each(made: Project, listener: socket.socket) -> None:
    with (
        serve.bound(0) as other,
        bank.beside(made, Steps(), listener) as (_, first),
        bank.beside(made, Steps(), other) as (_, second),
    ):
        assert first is not None and second is not None and first.rails != second.rails
        assert first.answers() and second.answers()


@pytest.mark.parametrize("variables", [{"BEKAL_DEMO": "0"}, {"BEKAL_PAYOUT_RAILS": "own.json"}])
def test_what_is_no_demo_or_has_rails_of_its_own_is_left_alone(
    variables: dict[str, str], made: Project, listener: socket.socket
) -> None:
    alone = Project(made.root, made.python, {**made.variables, **variables})
    with bank.beside(alone, Steps(), listener) as (led, running):
        assert (led, running) == (alone, None)
    assert called(made) == []


def test_a_programme_that_nobody_simulated_gets_no_bank(made: Project, listener: socket.socket) -> None:
    (made.root / "no demo").touch()
    left_behind = made.root / ".local" / "bank" / f"rails-{listener.getsockname()[1]}.json"
    left_behind.parent.mkdir()
    left_behind.write_text("{}")
    with bank.beside(made, Steps(), listener) as (led, running):
        assert (led, running) == (made, None)
    assert called(made) == ["bank-setup"]
