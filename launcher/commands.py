"""What `python3 dev` can do; each command is a few lines over the parts beside this file."""

import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from launcher import checks, database, doctor, environment, paths, postgres, serve
from launcher.project import Project, Terminated, project, secret_key, setup
from launcher.say import Refusal, line

USAGE = """\
Bekal: individual learning accounts. Usage: python3 dev COMMAND

  up [--port N] [--participants N]   set up what is missing, start the demo on this machine, until Ctrl-C
  up --check                         the same on a free port: sign in, read Beranda, print the seconds, stop
  test [--no-browser]                all checks: ruff, mypy, import contracts, migrations, pytest with browser journeys
  test ARGUMENTS                     only pytest, with those arguments (tests/ledger, -k name, ...)
  manage COMMAND ...                 a management command (simulate, prove, import-data, ...); alone: lists them
  bench [NAME ...]                   a benchmark of benchmarks/; alone: lists them
  planted                            puts in known bugs one by one and shows that the tests catch each
  doctor                             what is wrong on this machine, and how to mend it
  db                                 start the database, leave it running, print the variables that lead to it
  stop                               stop the database
  reset [--yes]                      delete the local database and everything else in .local
  lock                               write requirements/*.txt anew from *.in (needs uv)

Everything is kept in .venv and .local of this folder. DATABASE_URL, where it is set, names a PostgreSQL of your own.
"""
# Commands that must work where the schema is not up to date, since they are what mends it.
WITHOUT_SETUP = {"setup", "makemigrations", "migrate", "showmigrations", "sqlmigrate", "makemessages", "check", "help"}


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit status. What a person can mend is one sentence, never a traceback."""
    name, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if name not in COMMANDS:
        asked_for = name in ("", "help", "-h", "--help")
        print(USAGE if asked_for else f"There is no command `{name}`.\n\n{USAGE}", end="")
        return 0 if asked_for else 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    try:
        return COMMANDS[name](paths.ROOT, rest)
    except Refusal as refusal:
        line(f"dev {name}: {refusal}")
        return 1
    except PermissionError as error:
        line(f"dev {name}: {error.filename} belongs to another user: give it to yourself with chown, or clone anew.")
        return 1
    except KeyboardInterrupt:
        line(f"dev {name}: stopped")
        return 130


def _terminate(signum: int, frame: object) -> None:
    """A polite end by the system, or of the terminal, is handled as Ctrl-C is: what was started is stopped."""
    raise Terminated


@contextmanager
def _ready(root: Path, lock: str = "base") -> Iterator[Project]:
    """The project with its packages and its database, for one command."""
    python = environment.ensure(root, lock)
    with database.ready(root) as variables:
        yield project(root, python, variables)


def _manage(root: Path, arguments: list[str]) -> int:
    with _ready(root) as made:
        if arguments and not WITHOUT_SETUP & set(arguments) and "--help" not in arguments:
            setup(made)
        return made.manage(*arguments)


def _bench(root: Path, arguments: list[str]) -> int:
    folder = root / "benchmarks"
    names = sorted(path.stem.replace("_", "-") for path in folder.glob("[a-z]*.py"))
    if not arguments or arguments[0].replace("_", "-") not in names:
        raise Refusal(f"Name one of the benchmarks: {', '.join(names) or 'there are none yet'}.")
    with _ready(root, "science") as made:
        setup(made)
        script = folder / f"{arguments[0].replace('-', '_')}.py"
        return made.call([script, *arguments[1:]], PYTHONPATH=str(root / "src"))


def _planted(root: Path, arguments: list[str]) -> int:
    with _ready(root, "test") as made:
        return made.call([root / "tests" / "planted" / "run.py", *arguments])


def _db(root: Path, arguments: list[str]) -> int:
    environment.ensure(root)
    variables = database.keep(root) | {"BEKAL_SECRET_KEY": secret_key(root)}
    for variable, value in variables.items():
        print(f"export {variable}={shlex.quote(value)}")
    return 0


def _stop(root: Path, arguments: list[str]) -> int:
    line("The database is stopped." if database.stop(root) else "The database was not running.")
    return 0


def _reset(root: Path, arguments: list[str]) -> int:
    if database.own_url(root):
        raise Refusal("DATABASE_URL names a server of your own, which reset leaves alone: unset it first.")
    folders = [folder for folder in (root / ".local", paths.system_folder(root)) if folder.exists()]
    if not folders:
        line("There is nothing to delete.")
        return 0
    listed = " and ".join(map(str, folders))
    if arguments != ["--yes"]:
        if not sys.stdin.isatty():
            raise Refusal(f"This would delete {listed}: say `python3 dev reset --yes` if you mean it.")
        if input(f"Delete {listed} with the local database and its people? Type yes: ").strip() != "yes":
            line("Nothing was deleted.")
            return 1
    if postgres.find_binaries(root):
        server = postgres.locate(root)
        postgres.stop(server)
        shutil.rmtree(server.socket, ignore_errors=True)
    for folder in (root / ".local", paths.system_folder(root)):
        if folder.exists():
            shutil.rmtree(folder)
    line(f"Deleted {listed}. `python3 dev up` makes everything anew.")
    return 0


def _lock(root: Path, arguments: list[str]) -> int:
    environment.lock_requirements(root)
    return 0


COMMANDS: dict[str, Callable[[Path, list[str]], int]] = {
    "up": serve.up,
    "test": checks.run,
    "manage": _manage,
    "bench": _bench,
    "planted": _planted,
    "doctor": doctor.run,
    "db": _db,
    "stop": _stop,
    "reset": _reset,
    "lock": _lock,
}
