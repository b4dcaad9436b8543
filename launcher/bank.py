"""The demo's bank beside the server: `manage bank` on a port of this machine, and the rails that lead the demo there.

Only where this is the demo, and nobody has named rails of their own. Everything of it lies in `.local/bank`: keys and
tokens that are made once, its books, and for each running demo the file of its rails.
"""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from launcher.locks import exclusive
from launcher.project import Project
from launcher.say import Steps
from launcher.worker import Keeper

ANSWER_LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Bank:
    """A bank that runs, and the file of the rails to it."""

    rails: Path

    def answers(self) -> bool:
        """Whether it lets the programme's tokens in, at every partner that takes files."""
        said: dict[str, dict[str, Any]] = json.loads(self.rails.read_text())
        accesses = [rail["files"] for rail in said.values() if rail.get("files")]
        return bool(accesses) and all(_lists_files(one["address"], one["token"]) for one in accesses)


def _lists_files(address: str, token: str) -> bool:
    split = urlsplit(address)
    connection = http.client.HTTPConnection(split.netloc, timeout=ANSWER_LIMIT_SECONDS)
    try:
        connection.request("GET", f"{split.path}/files?after=0", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status == http.client.OK and "files" in json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


@contextmanager
def beside(made: Project, steps: Steps, listener: socket.socket) -> Iterator[tuple[Project, Bank | None]]:
    """The project with rails to a bank that runs while the block does, on the port that is held already; the project as
    it is, and no bank, where it is to have none."""
    if made.variables.get("BEKAL_DEMO") != "1" or made.variables.get("BEKAL_PAYOUT_RAILS"):
        yield made, None
        return
    folder, port = made.root / ".local" / "bank", listener.getsockname()[1]
    # A file for each running demo: two of one checkout have a bank each, over the same books.
    rails, settings = folder / f"rails-{port}.json", folder / "settings.json"
    with (
        steps.step("bank (keys, rails, accounts)"),
        exclusive(made.root / ".local" / "bank.lock", "another command is preparing the bank"),
    ):
        address = f"http://127.0.0.1:{port}"
        rails.unlink(missing_ok=True)  # left behind by one that was killed, on the same port
        made.must_manage("bank-setup", str(settings), "--address", address, "--rails-file", str(rails))
    if not rails.exists():
        yield made, None
        return
    arguments = ("bank", "--settings-file", str(settings), "--listener", str(listener.fileno()))
    # In a session of its own: Ctrl-C ends the server and the worker first, which may be speaking to it.
    keeper = Keeper(made, "bank", arguments, pass_fds=[listener.fileno()], start_new_session=True)
    try:
        yield replace(made, variables={**made.variables, "BEKAL_PAYOUT_RAILS": str(rails)}), Bank(rails)
    finally:
        keeper.end()
        rails.unlink(missing_ok=True)
