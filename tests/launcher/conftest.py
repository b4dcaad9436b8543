"""Checkouts that are thrown away: folders with requirement files and an environment of this run's interpreter."""

import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher is tested as from a bare shell: the variables of this very run lead to another checkout."""
    for name in ("DATABASE_URL", "BEKAL_APP_DATABASE_URL", "BEKAL_PROOF_DATABASE_URL", "BEKAL_CHROMIUM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with locks, but nothing installed."""
    root = tmp_path / "checkout"
    (root / "requirements").mkdir(parents=True)
    for lock in ("base", "test"):
        (root / "requirements" / f"{lock}.txt").write_text(f"{lock}==1\n")
    return root


@pytest.fixture
def installed(checkout: Path) -> Path:
    """The checkout with a `.venv` whose interpreter works (this run's own)."""
    venv = checkout / ".venv"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (venv / "bin").mkdir(parents=True)
    (venv / "lib" / version / "site-packages").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    return checkout
