"""Partners' systems in Python and Node, written from docs/partners/ alone, turn the whole conformance page green."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

from bekal.partners.conformance_checks import CHECKS
from bekal.partners.deliver_webhooks import deliver_webhooks
from bekal.partners.models import Partner
from bekal.partners.webhook_events import collect_events
from tests import factories
from tests.api.server import Server, serving
from tests.databases import ROOT, TestDatabase

CLIENTS = ROOT / "tests" / "contracts" / "partner_clients"
NODE = shutil.which("node") or ""
OLDEST_NODE = 18
WORKER_SECONDS = 0.5


def node_is_usable() -> bool:
    """Whether there is a Node that has `fetch`."""
    if not NODE:
        return False
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True).stdout
    return int(said.strip().removeprefix("v").partition(".")[0] or 0) >= OLDEST_NODE


@pytest.fixture(scope="module")
def static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages find their style: the participant's, and those of problems."""
    folder = tmp_path_factory.mktemp("static")
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"BEKAL_STATIC_ROOT": str(folder)}, check=True)
    return folder


@pytest.fixture
def server(transactional_db: None, sandbox: TestDatabase, static_root: Path) -> Iterator[Server]:
    """As `python3 dev up` starts it: the sandbox may send webhooks to this machine."""
    environ = dict(os.environ) | {"BEKAL_STATIC_ROOT": str(static_root), "BEKAL_DEMO": "1"}
    with override_settings(DEMO=True), serving(environ) as running:
        yield running


def answered(*command: str) -> dict[str, Any]:
    """What a command of the programme office prints as JSON, having ended with 0."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command, "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def spoken(command: list[str]) -> str:
    """What the client said from its begin to its end, while the worker's step tells it what happened."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={})
    try:
        while True:
            try:
                said, _ = process.communicate(timeout=WORKER_SECONDS)
                break
            except subprocess.TimeoutExpired:
                # The wall's clock: the one of tests stands still, and the server is no test.
                now = datetime.now(UTC)
                collect_events(now=now)
                deliver_webhooks(now=now)
    finally:
        process.kill()
    assert process.returncode == 0, said
    return said


def show_everything(server: Server, command: list[str], folder: Path, kind: str = "institution") -> None:
    """The client speaks as a new partner of that kind; nothing is asked of the page before, everything after."""
    access = answered("sandbox-keys", "--partner", "uji-sistem", "--kind", kind)
    (folder / "access.json").write_text(json.dumps(access))
    said = spoken([*command, f"http://127.0.0.1:{server.port}", str(folder / "access.json")])
    seen = answered("conformance", "--all", "--partner", "uji-sistem")
    assert (seen["complete"], seen["all_green"]) == (True, True), seen
    asked = {check.code for check in CHECKS if check.kind in (None, kind)}
    tried = {line.split()[1] for line in said.splitlines() if line.startswith("ok ")}
    assert asked - tried == set(), "the client does not try these itself"


def test_a_system_in_python_shows_the_whole_contract(server: Server, tmp_path: Path) -> None:
    show_everything(server, [sys.executable, "-E", str(CLIENTS / "client.py")], tmp_path)
    institution = factories.institution()
    Partner.objects.filter(code="uji-sistem").update(institution=institution)
    desk = Client()
    desk.force_login(factories.institution_staff(institution))
    page = desk.get("/institution/sandbox/conformance/").content.decode()
    asked = [check for check in CHECKS if check.kind in (None, "institution")]
    assert page.count('<span class="chip good">') == len(asked)
    assert '<span class="chip bad">' not in page


@pytest.mark.skipif(not node_is_usable(), reason=f"no node of version {OLDEST_NODE} or newer is on the path")
def test_a_system_in_node_shows_the_whole_contract(server: Server, tmp_path: Path) -> None:
    show_everything(server, [NODE, str(CLIENTS / "client.mjs")], tmp_path)


def test_a_platform_in_python_shows_the_whole_contract(server: Server, tmp_path: Path) -> None:
    show_everything(server, [sys.executable, "-E", str(CLIENTS / "client.py")], tmp_path, "platform")


@pytest.mark.skipif(not node_is_usable(), reason=f"no node of version {OLDEST_NODE} or newer is on the path")
def test_a_platform_in_node_shows_the_whole_contract(server: Server, tmp_path: Path) -> None:
    show_everything(server, [NODE, str(CLIENTS / "client.mjs")], tmp_path, "platform")
