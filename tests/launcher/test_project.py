import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import environment, project
from launcher.say import Refusal


def made(root: Path) -> project.Project:
    return project.Project(root, Path(sys.executable), environment.child_environment())


def test_secret_is_made_once_and_for_its_owner_only(checkout: Path):
    secret = project.secret_key(checkout)
    assert len(secret) >= 50
    assert project.secret_key(checkout) == secret
    assert (checkout / ".local" / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (checkout / ".local").iterdir()] == ["secret"]


def test_digest_tells_names_and_contents_apart(tmp_path: Path):
    def digest(**files: str) -> str:
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        return project.digest_of(tmp_path, [tmp_path / name for name in sorted(files)])

    assert digest(a="1", b="2") == digest(a="1", b="2")
    assert len({digest(a="1", b="2"), digest(a="2", b="1"), digest(a="1", c="2"), digest(a="12", b="")}) == 4


def test_children_of_the_embedded_server_do_not_see_the_way_to_another(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGPORT", "1")
    embedded = project.project(checkout, Path(sys.executable), {"DATABASE_URL": "postgresql:///bekal"})
    own = project.project(checkout, Path(sys.executable), {})
    assert "PGPORT" not in embedded.variables
    assert own.variables["PGPORT"] == "1"


def test_given_secret_wins(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BEKAL_SECRET_KEY", "given")
    assert project.project(checkout, Path(sys.executable), {}).variables["BEKAL_SECRET_KEY"] == "given"
    assert not (checkout / ".local").exists()


def test_exit_status_of_a_child_is_handed_on(checkout: Path):
    assert made(checkout).call(["-c", "raise SystemExit(7)"]) == 7
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert made(checkout).call(["-c", killed]) == 128 + signal.SIGKILL


def test_failed_management_command_ends_with_a_sentence(checkout: Path):
    (checkout / "manage.py").write_text("raise SystemExit(3)")
    with pytest.raises(Refusal, match="`manage setup` failed with status 3"):
        made(checkout).must_manage("setup")


def test_stubborn_child_is_ended(checkout: Path):
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    process = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    project.end(process, seconds=0.1)
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
