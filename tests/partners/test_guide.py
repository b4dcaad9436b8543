"""A stranger who pastes the commands of docs/partners/README.md sees what the page says they will see."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bekal.partners.conformance import CheckState, conformance_of
from bekal.partners.models import Partner
from tests.api.server import Server, serving
from tests.databases import ROOT, TestDatabase

GUIDE = ROOT / "docs" / "partners" / "README.md"
# The launcher would start a server of its own; its `manage` is this.
SHIM = """#!{python}
import os, sys
arguments = sys.argv[1:]
if arguments[:2] == ["dev", "manage"]:
    arguments = [{manage!r}, *arguments[2:]]
os.execv({python!r}, [{python!r}, *arguments])
"""


def steps() -> Iterator[tuple[str, str]]:
    """The commands of a block, and the output that follows it ("" where the page shows none)."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for place, (language, text) in enumerate(blocks):
        if language == "sh":
            following = blocks[place + 1] if place + 1 < len(blocks) else ("", "")
            yield text, following[1] if following[0] == "text" else ""


@pytest.fixture
def server(transactional_db: None, sandbox: TestDatabase, tmp_path: Path) -> Iterator[Server]:
    with serving(dict(os.environ) | {"BEKAL_STATIC_ROOT": str(tmp_path / "static")}) as running:
        yield running


def test_every_command_of_the_guide_does_what_the_guide_says(server: Server, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    shim = programs / "python3"
    shim.write_text(SHIM.format(python=sys.executable, manage=str(ROOT / "manage.py")))
    shim.chmod(0o700)
    mark = "=== step ==="
    script = f"\necho '{mark}'\n".join(commands for commands, _ in steps())
    # As `dev up` hands it to `dev manage`.
    environ = {"BEKAL_ADDRESS": f"http://127.0.0.1:{server.port}", "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.split(f"{mark}\n")
    expected = [output for _, output in steps()]
    assert len(said) == len(expected)
    for output, pattern in zip(said, expected, strict=True):
        for line in pattern.splitlines():
            wanted = ".*".join(re.escape(part) for part in line.split("…"))
            assert re.search(rf"^{wanted}$", output, flags=re.MULTILINE), (line, output)
    seen = conformance_of(Partner.objects.get(code="uji-lembaga"))
    green = {each.check.code for each in seen.results if each.state is CheckState.GREEN}
    assert {"v1.status", "v1.commit", "v2.redeem_code", "v2.record_attendance", "v2.record_completion"} <= green
