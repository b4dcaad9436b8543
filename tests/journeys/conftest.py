"""One demo programme is made once; every journey walks through a copy of it behind a server of its own."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.databases import TestDatabase
from tests.journeys.visitor import Visitor
from tests.journeys.world import PARTICIPANTS, World, environ_of, manage, served

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True)
class Window:
    """How a person looks at the pages."""

    width: int
    scripts: bool = True
    scheme: str = "light"

    def __str__(self) -> str:
        return f"{self.width}-{'js' if self.scripts else 'nojs'}"


WINDOWS = [Window(1280), Window(320), Window(1280, scripts=False), Window(320, scripts=False)]


# Playwright keeps an event loop in the thread while it runs, in which Django's database refuses to work: it must end
# with the module, before this worker takes other tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = os.environ.get("BEKAL_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.fail(
            "There is no Chromium: `python3 dev test` installs one, or name it in BEKAL_CHROMIUM.", pytrace=False
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def demo(
    new_database: Callable[..., TestDatabase], tmp_path_factory: pytest.TempPathFactory
) -> tuple[TestDatabase, Path]:
    """The demo programme as `dev up` makes it, only smaller, and its static files."""
    database = new_database("journeys")
    static_root = tmp_path_factory.mktemp("static-of-journeys")
    environ = environ_of(database, static_root)
    manage(environ, "setup")
    manage(environ, "seed-demo", "--participants", str(PARTICIPANTS))
    return database, static_root


@pytest.fixture
def world(
    demo: tuple[TestDatabase, Path], new_database: Callable[..., TestDatabase], request: pytest.FixtureRequest
) -> Iterator[World]:
    """A programme that this test alone changes. Whatever was clicked, its ledger is proven at the end."""
    original, static_root = demo
    database = new_database(f"journey_{abs(hash(request.node.nodeid)) % 10**6}", copy_of=original.name)
    environ = environ_of(database, static_root)
    with served(environ) as world:
        yield world
    manage(environ, "prove", "ledger", "--no-record")


@pytest.fixture(scope="package")
def museum(demo: tuple[TestDatabase, Path], new_database: Callable[..., TestDatabase]) -> Iterator[World]:
    """A programme that tests only look at."""
    original, static_root = demo
    with served(environ_of(new_database("museum", copy_of=original.name), static_root)) as world:
        yield world


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[[World, Window], Visitor]]:
    """`visit(world, window)` opens a new browser window without any past; at the end nobody may have seen a fault."""
    visitors: list[Visitor] = []
    with ExitStack() as opened:

        def open_context(*, width: int, scripts: bool) -> BrowserContext:
            context = chromium.new_context(
                viewport={"width": width, "height": 800 if width > 400 else 640},
                java_script_enabled=scripts,
                locale="id-ID",
                timezone_id="Asia/Jakarta",
                reduced_motion="reduce",
            )
            opened.callback(context.close)
            return context

        def make(world: World, window: Window) -> Visitor:
            context = open_context(width=window.width, scripts=window.scripts)
            lens = context if window.scripts else open_context(width=window.width, scripts=True)
            visitors.append(Visitor(context, lens, world.base_url))
            return visitors[-1]

        yield make
    faults = [fault for visitor in visitors for fault in visitor.faults]
    if faults:
        pytest.fail("\n".join(dict.fromkeys(faults)), pytrace=False)
