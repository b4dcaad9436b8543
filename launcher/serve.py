"""`dev up`: from a bare checkout to a server that answers, and the check of it over a real socket."""

import argparse
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from launcher import bank, database, environment, worker
from launcher.locks import exclusive
from launcher.project import Project, address_file, end, project, setup, wait
from launcher.say import Refusal, Steps, line

DEFAULT_PORT = 8000
DEMO_PARTICIPANTS = 5000
ANSWER_LIMIT_SECONDS = 120


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of `dev up`; ends the program with a sentence where one is wrong."""
    parser = argparse.ArgumentParser(prog="python3 dev up", allow_abbrev=False)
    parser.add_argument(
        "--check", action="store_true", help="start on a free port, read Beranda, stop; exit 0 if it works"
    )
    parser.add_argument("--port", type=_port, help=f"where to listen (default {DEFAULT_PORT}, or the next free one)")
    parser.add_argument("--participants", type=_count, default=DEMO_PARTICIPANTS, help="size of a new demo population")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: give a number from 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of participants: give a whole number from 1")
    return int(text)


def up(root: Path, arguments: Sequence[str]) -> int:
    """Sets everything up, starts the server, and stays with it until Ctrl-C (or, with --check, tries it and stops)."""
    options = parse(arguments)
    steps = Steps()
    try:
        with ExitStack() as stack:
            listener = stack.enter_context(bound(0) if options.check else _choose(options.port))
            with steps.step("packages"):
                python = environment.ensure(root)
            with steps.step("database"):
                variables = stack.enter_context(database.ready(root))
            made = project(root, python, variables, BEKAL_DEMO=os.environ.get("BEKAL_DEMO", "1"))
            _prepare(made, steps, options.participants)
            made, payer = stack.enter_context(bank.beside(made, steps, stack.enter_context(bound(0))))
            return _check(made, steps, listener, payer) if options.check else _serve(made, steps, listener)
    finally:
        if options.check:
            steps.table()


def _prepare(made: Project, steps: Steps, participants: int) -> None:
    with steps.step("set-up (roles, schema, translations, static files)"):
        setup(made)
    with (
        steps.step("demo (people, journeys, recommender; only on an empty database)"),
        exclusive(made.root / ".local" / "demo.lock", "another command is making the demo"),
    ):
        made.must_manage("seed-demo", "--analyze", "--participants", str(participants))


def _serve(made: Project, steps: Steps, listener: socket.socket) -> int:
    """The server in the foreground, a worker beside it."""
    with _server(made, steps, listener) as (process, address), worker.beside(made):
        address_file(made.root).write_text(address)
        try:
            made.manage("demo-logins", "--base-url", address)
            line(f"\nBekal answers at {address}/  (Ctrl-C ends it)")
            return wait(process)
        finally:
            address_file(made.root).unlink(missing_ok=True)


def _check(made: Project, steps: Steps, listener: socket.socket, payer: bank.Bank | None = None) -> int:
    """The server on a free port, the demo participant's first steps on it, the bank, and a round of the worker."""
    with _server(made, steps, listener) as (_, address), steps.step("journey (sign in, read Beranda)"):
        status = made.manage("check-journey", "--base-url", address)
        if status:
            steps.failed.append("journey (sign in, read Beranda)")
    silent = 0
    if payer is not None:
        with steps.step("bank (lets the programme in)"):
            silent = 0 if payer.answers() else 1
            if silent:
                steps.failed.append("bank (lets the programme in)")
    with steps.step("worker (one round: what is due, digest, proof)"):
        worked = made.manage("work", "--once")
        if worked:
            steps.failed.append("worker (one round: what is due, digest, proof)")
    parts = (("the journey", status), ("the bank", silent), ("the worker", worked))
    failed = " and ".join(name for name, code in parts if code)
    line(f"dev up --check: {failed} failed (see above)" if failed else "dev up --check: it works")
    return status or silent or worked


@contextmanager
def _server(made: Project, steps: Steps, listener: socket.socket) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """gunicorn on a port that is taken already, so that no other program can answer there; ended with the block."""
    # Its control socket lies in the home folder, where instances would meet, and nobody uses it.
    command = [str(made.python), "-m", "gunicorn", "--no-control-socket", "-c", "src/bekal/config/gunicorn.py"]
    variables = {**made.variables, "BEKAL_BIND": f"fd://{listener.fileno()}", "PYTHONPATH": str(made.root / "src")}
    process = subprocess.Popen(
        [*command, "bekal.config.wsgi"],
        cwd=made.root,
        env=variables,
        stdin=subprocess.DEVNULL,
        pass_fds=[listener.fileno()],
    )
    port = int(listener.getsockname()[1])
    try:
        with steps.step("server (until its first answer)"):
            _wait_for_answer(process, port)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        end(process)


def _wait_for_answer(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + ANSWER_LIMIT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Refusal("The server ended while starting; its reason stands above.")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT_SECONDS)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    raise Refusal(f"The server has not answered on port {port} for {ANSWER_LIMIT_SECONDS} s.")


def bound(port: int) -> socket.socket:
    """A socket on a port of the loopback interface (0: any), held from now on; raises OSError if it is taken.

    It listens at once, since until then the system gives the port to others, too: who calls early waits for the server.
    """
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _choose(wanted: int | None) -> socket.socket:
    """The port asked for, or the first free one from the default on."""
    if wanted is not None:
        try:
            return bound(wanted)
        except OSError as error:
            reason = f"Port {wanted} can not be used ({error.strerror})"
            raise Refusal(f"{reason}: give another with --port, or leave --port out.") from error
    for port in range(DEFAULT_PORT, DEFAULT_PORT + 100):
        try:
            return bound(port)
        except OSError:
            continue
    raise Refusal(f"No port from {DEFAULT_PORT} to {DEFAULT_PORT + 99} is free: give one with --port.")
