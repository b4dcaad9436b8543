"""What every test stands on: a PostgreSQL of its own, a stopped programme clock, and hostility to sloppiness."""

import os
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import db
from django.test import TransactionTestCase
from django.test.utils import CaptureQueriesContext, override_settings
from hypothesis import HealthCheck, settings

from bekal.config.translations import compile_translations
from tests import databases, hostile

JAKARTA = ZoneInfo("Asia/Jakarta")
# The instant of every test that does not choose another: the morning of the demo programme.
PROGRAMME_INSTANT = datetime(2020, 11, 19, 10, 0, tzinfo=JAKARTA)
NewDatabase = Callable[..., databases.TestDatabase]


# Time never decides a test: a busy machine is no reason to fail. A failing example prints how to repeat it.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("house")


# The run: one seed, one name


def pytest_configure(config: pytest.Config) -> None:
    given: dict[str, Any] = getattr(config, "workerinput", {})
    seed = given.get("bekal_seed") or int(
        os.environ.get("BEKAL_SHUFFLE_SEED") or random.SystemRandom().randrange(1, 10**6)
    )
    config.stash[SHUFFLING] = hostile.Shuffling(seed)
    config.stash[RUN] = given.get("bekal_run") or os.getpid()
    if not given:
        # Before any worker starts: Django reads the translations once per process and never looks again.
        compile_translations()
    patch = pytest.MonkeyPatch()
    hostile.shuffle_unordered_rows(config.stash[SHUFFLING], patch)
    hostile.refuse_undefined_variables(patch)
    hostile.keep_sockets_on_this_machine(patch)
    config.add_cleanup(patch.undo)


SHUFFLING = pytest.StashKey[hostile.Shuffling]()
RUN = pytest.StashKey[int]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Workers of pytest-xdist share the seed and the name of the run."""
    node.workerinput["bekal_seed"] = node.config.stash[SHUFFLING].seed
    node.workerinput["bekal_run"] = node.config.stash[RUN]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """All journeys belong to one worker, one browser and one programme to copy, as do tests that ask for the same walk
    or the same rehearsals; every other test is free."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class SomeTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)

    return SomeTogether(config, log)


TOGETHER = ("tests/journeys/", "tests/simulation/test_rehearsal.py", "tests/simulation/test_walk.py")
# Where single tests take long; what begins first does not keep one worker busy when the other has nothing left.
FIRST = ("tests/journeys/", "tests/proofs/", "tests/simulation/", "tests/shards/")


def pytest_report_header(config: pytest.Config) -> str:
    seed = config.stash[SHUFFLING].seed
    return f"unordered rows are shuffled with seed {seed} (the same again: BEKAL_SHUFFLE_SEED={seed})"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-browser", action="store_true", help="leave out the journeys in a real browser, saying so")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Journeys may be left out; otherwise the worker that has them begins with them. Long tests go before short."""
    if config.getoption("--no-browser") or os.environ.get("BEKAL_NO_BROWSER") == "1":
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="journeys in the browser were left out (--no-browser)"))
    yield
    items.sort(key=lambda item: [not item.nodeid.startswith(place) for place in FIRST])


def pytest_runtest_setup(item: pytest.Item) -> None:
    item.config.stash[SHUFFLING].start_test(item.nodeid)


# The database


@pytest.fixture(scope="session")
def template_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> str:
    """The name of the migrated database that all others of this run are copied from; made by the first who asks."""
    config = request.config
    name = f"{databases.PREFIX}{config.stash[RUN]}_template"
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(config, "workerinput") else base
    with databases.locked(shared / "template.lock"), django_db_blocker.unblock():
        if not (shared / "template.ready").exists():
            databases.drop_leftovers()
            databases.drop(name)
            databases.create(name)
            databases.point_connections_at(name)
            databases.migrate()
            db.connections.close_all()
            (shared / "template.ready").touch()
    return name


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest, template_database: str) -> Iterator[NewDatabase]:
    """`new_database("label")` is a migrated copy; with `migrated=False` an empty one; `copy_of=name` copies that.

    `.environ` leads a subprocess to it. Dropped at the end of the run."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    made: list[str] = []

    def make(label: str, *, migrated: bool = True, copy_of: str | None = None) -> databases.TestDatabase:
        name = f"{databases.PREFIX}{request.config.stash[RUN]}_{worker}_{label}"
        database = databases.create(name, template=copy_of or (template_database if migrated else None))
        made.append(name)
        return database

    yield make
    for name in made:
        databases.drop(name)


@pytest.fixture(scope="session")
def django_db_setup(new_database: NewDatabase, django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """pytest-django's own would create with the program's role, which may not."""
    database = new_database("tests")
    with django_db_blocker.unblock():
        databases.point_connections_at(database.name)
    owner = databases.owner_connection(database.name)

    def empty_as_owner(self: TransactionTestCase) -> None:
        for connection in db.connections.all(initialized_only=True):
            connection.close()
        databases.empty_all_tables(owner)

    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", empty_as_owner)
    yield
    patch.undo()
    owner.close()
    with django_db_blocker.unblock():
        db.connections.close_all()


@pytest.fixture(scope="session")
def sandbox_database(new_database: NewDatabase, django_db_setup: None) -> databases.TestDatabase:
    """The partners' sandbox beside this worker's test database; made when a test first asks."""
    return new_database("tests_sandbox")


@pytest.fixture
def sandbox(sandbox_database: databases.TestDatabase) -> Iterator[databases.TestDatabase]:
    """An empty sandbox, which `world_of` finds. The programme's rows are those of `db` or `transactional_db`."""
    from bekal.partners.world import close_sandbox_connections

    # Before the test: pages that any test visits may write there, too.
    close_sandbox_connections()
    with databases.owner_connection(sandbox_database.name) as owner:
        databases.empty_all_tables(owner)
    yield sandbox_database
    close_sandbox_connections()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The run's own process outlives its workers, so it removes the template."""
    if hasattr(session.config, "workerinput"):
        return
    databases.drop(f"{databases.PREFIX}{session.config.stash[RUN]}_template")


# The settings that differ in a test


@pytest.fixture(scope="session", autouse=True)
def settings_of_tests(django_test_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Static files without a manifest (the journeys have the real one) and passwords that cost no time."""
    with override_settings(
        STORAGES={
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        STATIC_ROOT=str(tmp_path_factory.mktemp("static")),
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        yield


# The clock


class StoppedClock:
    """The programme's clock in tests: it shows one instant until the test moves it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def set(self, year: int, month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
        """Show that local time in Jakarta; returns the instant."""
        self.at = datetime(year, month, day, hour, minute, tzinfo=JAKARTA)
        return self.at

    def forward(self, **span: float) -> datetime:
        """Move on by `timedelta(**span)`; returns the instant."""
        self.at += timedelta(**span)
        return self.at


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """`programme_now()` is 19 November 2020, 10:00 in Jakarta, in every test, until `clock.set(...)`."""
    stopped = StoppedClock(PROGRAMME_INSTANT)
    monkeypatch.setattr("bekal.ledger.clock.timezone", stopped)
    return stopped


# Counting statements


@pytest.fixture
def assert_queries() -> Callable[..., AbstractContextManager[None]]:
    """`with assert_queries(7): …` pins the number of SQL statements of the default connection (or `using=`)."""

    @contextmanager
    def counting(expected: int, *, using: str = "default") -> Iterator[None]:
        with CaptureQueriesContext(db.connections[using]) as captured:
            yield
        statements = [query["sql"] for query in captured.captured_queries if not _is_bookkeeping(query["sql"])]
        if len(statements) != expected:
            pytest.fail(_difference(expected, statements), pytrace=False)

    return counting


def _is_bookkeeping(statement: str) -> bool:
    return statement.startswith(("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO", "BEGIN", "COMMIT"))


def _difference(expected: int, statements: Sequence[str]) -> str:
    """The statements in order, and which shapes came more than once."""
    shapes = Counter(re.sub(r"'[^']*'|\b\d+\b", "?", statement) for statement in statements)
    lines = [f"{expected} statements expected, {len(statements)} sent:"]
    lines += [f"{number:3d}. {statement[:300]}" for number, statement in enumerate(statements, 1)]
    lines += [f"   {count} times: {shape[:200]}" for shape, count in shapes.most_common() if count > 1]
    return "\n".join(lines)


# Rivals


@pytest.fixture
def race(transactional_db: None) -> Callable[..., list[Any]]:
    """`race(first, second, …)` starts every callable in a thread of its own at the same moment, each with its own
    connections; returns what each returned, or the exception it raised, in order."""

    def run(*rivals: Callable[[], Any]) -> list[Any]:
        barrier = threading.Barrier(len(rivals))
        results: list[Any] = [None] * len(rivals)

        def compete(number: int, rival: Callable[[], Any]) -> None:
            try:
                db.connections["default"].ensure_connection()
                barrier.wait()
                results[number] = rival()
            except Exception as error:
                results[number] = error
            finally:
                db.connections.close_all()

        threads = [threading.Thread(target=compete, args=pair) for pair in enumerate(rivals)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return run
