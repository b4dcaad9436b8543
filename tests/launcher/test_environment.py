import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from launcher import environment
from launcher.say import Refusal


def stamp(root: Path, *locks: str) -> None:
    """Says that these locks were installed, as they are now."""
    digests = {name: environment.lock_digest(root / "requirements" / f"{name}.txt") for name in locks}
    (root / ".venv" / environment.STAMP).write_text(json.dumps({"folder": str(root), **digests}))
    environment.point_at_sources(root)


def test_nothing_is_installed_without_a_stamp(installed: Path):
    assert not environment.is_installed(installed, "base")


def test_stamped_locks_are_installed_and_others_are_not(installed: Path):
    stamp(installed, "base")
    assert environment.is_installed(installed, "base")
    assert not environment.is_installed(installed, "test")


def test_ready_environment_is_returned_at_once(installed: Path, monkeypatch: pytest.MonkeyPatch):
    stamp(installed, "base")
    monkeypatch.setenv("PATH", "/nowhere")
    assert environment.ensure(installed) == installed / ".venv" / "bin" / "python"


def test_environment_that_does_not_find_the_sources_is_not_installed(installed: Path):
    stamp(installed, "base")
    (source,) = installed.glob(f".venv/lib/*/site-packages/{environment.SOURCES}")
    assert source.read_text() == f"{installed}/src\n"
    source.write_text("/elsewhere/src\n")
    assert not environment.is_installed(installed, "base")


def test_changed_lock_is_not_installed(installed: Path):
    stamp(installed, "base")
    (installed / "requirements" / "base.txt").write_text("base==2\n")
    assert not environment.is_installed(installed, "base")


def test_moved_environment_is_not_installed_nor_usable(installed: Path):
    stamp(installed, "base")
    moved = installed.rename(installed.with_name("moved"))
    assert not environment.is_installed(moved, "base")
    assert not environment._usable(moved)


def test_copied_environment_without_a_stamp_is_known_by_its_scripts(installed: Path):
    script = installed / ".venv" / "bin" / "pip"
    script.write_text(f"#!{installed}/.venv/bin/python\n")
    assert environment._usable(installed)
    copy = installed.with_name("copy")
    shutil.copytree(installed, copy, symlinks=True)
    assert not environment._usable(copy)


def test_environment_of_a_removed_interpreter_is_not_installed(installed: Path):
    stamp(installed, "base")
    (installed / ".venv" / "bin" / "python").unlink()
    (installed / ".venv" / "bin" / "python").symlink_to("/nowhere/python3.11")
    assert environment.interpreter_version(installed) is None
    assert not environment.is_installed(installed, "base")


def test_environment_made_for_another_version_is_not_usable(installed: Path):
    lib = installed / ".venv" / "lib"
    next(lib.iterdir()).rename(lib / "python3.8")
    assert environment.interpreter_version(installed) is None


def test_killed_installation_makes_the_environment_unusable(installed: Path):
    (installed / ".local").mkdir()
    assert environment._usable(installed)
    (installed / ".local" / environment.UNFINISHED).touch()
    assert not environment._usable(installed)


def test_mark_stays_when_killed_and_goes_when_the_installer_failed_by_itself(checkout: Path):
    (checkout / ".local").mkdir()
    mark = checkout / ".local" / environment.UNFINISHED
    with pytest.raises(KeyboardInterrupt), environment._unfinished(checkout):
        raise KeyboardInterrupt
    assert mark.exists()
    with pytest.raises(Refusal), environment._unfinished(checkout):
        raise Refusal("no network")
    assert not mark.exists()


def test_python_without_venv_says_what_to_install(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delitem(sys.modules, "ensurepip", raising=False)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(Refusal, match="apt install python3-venv"):
        environment.ensure(checkout)


def test_missing_lock_is_one_sentence(checkout: Path):
    (checkout / "requirements" / "base.txt").unlink()
    with pytest.raises(Refusal, match=r"base\.txt is missing"):
        environment.ensure(checkout)


def test_children_keep_pips_settings_and_lose_a_foreign_python(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_CERT", "/some/certificate")
    monkeypatch.setenv("PYTHONPATH", "/some/where")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    child = environment.child_environment()
    assert child["PIP_CERT"] == "/some/certificate"
    assert "PYTHONPATH" not in child
    assert "PYTHONDONTWRITEBYTECODE" not in child
    assert os.environ["PYTHONPATH"] == "/some/where"
