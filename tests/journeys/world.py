"""A demo programme on a database of its own, behind the real server on a free port."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.databases import ROOT, TestDatabase

PARTICIPANTS = 300


@dataclass(frozen=True)
class World:
    """One programme: where its pages are, and how to run its commands."""

    base_url: str
    environ: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """Run a management command; AssertionError with what it said where it fails."""
        return manage(self.environ, *arguments)


def manage(environ: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"manage {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environ_of(database: TestDatabase, static_root: Path) -> dict[str, str]:
    """The environment of a demo on that database."""
    settings = {"BEKAL_DEMO": "1", "BEKAL_STATIC_ROOT": str(static_root), "BEKAL_WORKERS": "1", "PYTHONPATH": "src"}
    # Compiled once for all servers and commands of the run, wherever they may not write beside the source.
    settings["PYTHONPYCACHEPREFIX"] = str(static_root.with_name("compiled"))
    environ = os.environ | database.environ | settings
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return environ


@contextmanager
def served(environ: dict[str, str]) -> Iterator[World]:
    """The real server with the deployed configuration, killed afterwards."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "-c", "src/bekal/config/gunicorn.py", "--log-level", "info"]
    process = subprocess.Popen(
        [*command, "bekal.config.wsgi"],
        cwd=ROOT,
        env=environ | {"BEKAL_BIND": address},
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    assert process.stderr is not None
    listening = threading.Event()
    listener = threading.Thread(target=listen, args=[process.stderr, said, listening])
    listener.start()
    try:
        listening.wait()
        assert any("Listening at" in line for line in said), "the server did not start:\n" + "".join(said)
        yield World(f"http://{address}", environ)
    finally:
        process.terminate()
        process.wait()
        listener.join()
        process.stderr.close()
    assert not any(re.search(r"\b(ERROR|CRITICAL)\b", line) for line in said), "".join(said)


def listen(stream: IO[str], said: list[str], listening: threading.Event) -> None:
    """Collect what the server says; tell when it listens, or will say no more."""
    for line in stream:
        said.append(line)
        if "Listening at" in line:
            listening.set()
    listening.set()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
