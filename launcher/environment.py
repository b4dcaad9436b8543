"""The Python environment in `.venv`: made from hash-pinned requirement files with uv if present, else venv and pip."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher import paths
from launcher.locks import exclusive
from launcher.say import Refusal, line

MINIMUM_PYTHON = (3, 11)
LOCKS = ("base", "test", "science")  # requirements/<name>.txt; each holds the ones before it
STAMP = "bekal-installed.json"
SOURCES = "bekal.pth"  # in site-packages: where the checkout's own code is
# In .local while packages are being installed; found at a later start, it says that the last one was killed.
UNFINISHED = "bekal-unfinished"
NO_VENV = (
    "This Python comes without the modules venv and ensurepip: install them (Debian and Ubuntu: "
    "`apt install python3-venv`), or put uv on the PATH."
)


def python_of(root: Path) -> Path:
    """The interpreter of the checkout's environment, whether it is there or not."""
    return root / ".venv" / "bin" / "python"


def lock_digest(lock: Path) -> str:
    """What a requirement file pins, as one hash."""
    try:
        return hashlib.sha256(lock.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise Refusal(f"The requirement file {lock} is missing: take it from the repository again.") from None


def read_stamp(root: Path) -> dict[str, str]:
    """What was last installed completely: the folder of the environment and, by name, the hash of each lock."""
    try:
        stamp = json.loads((root / ".venv" / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_installed(root: Path, lock: str) -> bool:
    """Whether the environment holds this lock, stands where it was made, and its interpreter answers."""
    stamp = read_stamp(root)
    wanted = {"folder": str(root), lock: lock_digest(root / "requirements" / f"{lock}.txt")}
    return wanted.items() <= stamp.items() and interpreter_version(root) is not None and _finds_sources(root)


def point_at_sources(root: Path) -> None:
    """`.venv`'s interpreter imports bekal from this checkout, whatever folder it is started in."""
    for packages in (root / ".venv").glob("lib/python*/site-packages"):
        (packages / SOURCES).write_text(f"{root / 'src'}\n")


def _finds_sources(root: Path) -> bool:
    found = [file.read_text() for file in (root / ".venv").glob(f"lib/python*/site-packages/{SOURCES}")]
    return found == [f"{root / 'src'}\n"]


def interpreter_version(root: Path) -> tuple[int, int] | None:
    """The version of `.venv`'s interpreter; None where it is gone, too old, or another one than it was made with."""
    try:
        asked = "import sys; print(*sys.version_info[:2])"
        done = subprocess.run([python_of(root), "-I", "-c", asked], capture_output=True, text=True, check=True)
        major, minor = (int(part) for part in done.stdout.split())
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    made_for_it = (root / ".venv" / "lib" / f"python{major}.{minor}" / "site-packages").is_dir()
    return (major, minor) if made_for_it and (major, minor) >= MINIMUM_PYTHON else None


def ensure(root: Path, lock: str = "base") -> Path:
    """Makes `.venv` hold `requirements/<lock>.txt`, and returns its interpreter; instant where it does already."""
    with exclusive(paths.local_folder(root) / "environment.lock", "another command is installing the packages"):
        if is_installed(root, lock):
            return python_of(root)
        # What is there already is brought up to date, never taken away.
        lock = max([lock, *(name for name in LOCKS if name in read_stamp(root))], key=LOCKS.index)
        _install(root, lock)
    return python_of(root)


def _install(root: Path, lock: str) -> None:
    """Installs with uv if there is one, else with pip; the stamp is written last: a broken-off run is repeated."""
    requirements = root / "requirements" / f"{lock}.txt"
    held = LOCKS[: LOCKS.index(lock) + 1]
    digests = {"folder": str(root)} | {name: lock_digest(root / "requirements" / f"{name}.txt") for name in held}
    usable, uv, stamp = _usable(root), shutil.which("uv"), root / ".venv" / STAMP
    with _unfinished(root):
        stamp.unlink(missing_ok=True)
        if not (uv and _install_with_uv(uv, root, requirements, usable)):
            if uv:
                line("   uv could not install the packages; trying pip")
            _install_with_pip(root, requirements, usable)
        point_at_sources(root)
        if interpreter_version(root) is None:
            raise Refusal("The environment in .venv does not work after installing: see `python3 dev doctor`.")
    half = stamp.with_suffix(".half")
    half.write_text(json.dumps(digests, indent=1))
    half.rename(stamp)


@contextmanager
def _unfinished(root: Path) -> Iterator[None]:
    """Leaves a mark if the process is killed inside: an environment that may be half installed is made anew.

    An installer that fails by itself cleans up, and what it worked on may still be of use without a network.
    """
    mark = root / ".local" / UNFINISHED
    mark.touch()
    try:
        yield
    except Refusal:
        mark.unlink(missing_ok=True)
        raise
    mark.unlink(missing_ok=True)


def _usable(root: Path) -> bool:
    """Whether there is an environment worth installing into, rather than making anew."""
    unfinished = (root / ".local" / UNFINISHED).exists()
    moved = read_stamp(root).get("folder", str(root)) != str(root) or not _scripts_point_here(root)
    return not unfinished and not moved and interpreter_version(root) is not None


def _scripts_point_here(root: Path) -> bool:
    """Whether the environment was made in this folder; one that was copied or moved runs the other one's scripts."""
    for name in ("django-admin", "pip"):
        script = root / ".venv" / "bin" / name
        if script.is_file():
            return os.fsencode(root / ".venv") in script.read_bytes()[:4096]
    return True


def _make(root: Path, command: list[str]) -> bool:
    """Makes `.venv` anew with a command."""
    shutil.rmtree(root / ".venv", ignore_errors=True)
    return subprocess.run(command, check=False, env=child_environment(), cwd=root).returncode == 0


def _has_pip(root: Path) -> bool:
    return any((root / ".venv").glob("lib/python*/site-packages/pip"))


def _install_with_uv(uv: str, root: Path, requirements: Path, usable: bool) -> bool:
    """False where uv fails: pip may be set up for an index that uv knows nothing of, so it gets its turn."""
    line(f"   installing {requirements.name} with uv")
    if not usable and not _make(root, [uv, "venv", "--quiet", "--python", sys.executable, str(root / ".venv")]):
        return False
    # uv's own environments have no pip; one that has was made by hand and keeps what else was put into it.
    verb = ["install", "-r"] if _has_pip(root) else ["sync"]
    options = ["--quiet", "--require-hashes", "--python", str(python_of(root))]
    command = [uv, "pip", verb[0], *options, *verb[1:], str(requirements)]
    return subprocess.run(command, check=False, env=child_environment(), cwd=root).returncode == 0


def _install_with_pip(root: Path, requirements: Path, usable: bool) -> None:
    """pip as the user has set it up: nothing is said about indexes here, and its settings are left alone."""
    line(f"   installing {requirements.name} with pip (this takes about half a minute)")
    if not (usable and _has_pip(root)):
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            raise Refusal(NO_VENV)
        if not _make(root, [sys.executable, "-m", "venv", str(root / ".venv")]):
            raise Refusal(f"`{sys.executable} -m venv` failed (its reason stands above). {NO_VENV}")
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-user", "--no-deps", "--no-compile"]
    command = [str(python_of(root)), "-m", "pip", "install", *options, "--require-hashes", "-r", str(requirements)]
    done = subprocess.run(command, check=False, env=child_environment(), cwd=root, capture_output=True, text=True)
    if done.returncode:
        line(done.stdout + done.stderr)
        raise Refusal(
            "Installing the packages failed (pip's reason stands above): mend that, such as the network or pip's "
            "settings, and run the same command again."
        )


def child_environment() -> dict[str, str]:
    """The environment less what would make a child's Python another one than that of `.venv`, or a slow one.

    Without byte code kept on disk every command would compile Django and numpy anew, for seconds of CPU each."""
    dropped = (
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONDONTWRITEBYTECODE",
        "VIRTUAL_ENV",
        "__PYVENV_LAUNCHER__",
    )
    return {key: value for key, value in os.environ.items() if key not in dropped} | {"PYTHONUTF8": "1"}


def lock_requirements(root: Path) -> None:
    """Writes requirements/*.txt from *.in: every version with its hashes, for Python 3.11 and later, no addresses."""
    uv = shutil.which("uv") or str(root / ".venv" / "bin" / "uv")
    if not Path(uv).exists():
        raise Refusal("Locking the requirements needs uv: install it, for example with `pip install uv`.")
    options = ["--quiet", "--universal", "--fork-strategy", "fewest", "--python-version", "3.11", "--generate-hashes"]
    options += ["--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"]
    for name, smaller in zip(LOCKS, (None, *LOCKS), strict=False):
        same_versions = ["--constraint", f"{smaller}.txt"] if smaller else []
        command = [uv, "pip", "compile", *options, *same_versions, f"{name}.in", "--output-file", f"{name}.txt"]
        if subprocess.run(command, check=False, cwd=root / "requirements").returncode:
            raise Refusal(f"uv could not lock requirements/{name}.in (its reason stands above).")
        line(f"   requirements/{name}.txt is written")
