"""One server for the tests of v2 over a socket, in the very database of these tests."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bekal.ledger.models import ProgrammeClock
from tests.api.server import Server, serving
from tests.conftest import PROGRAMME_INSTANT


@pytest.fixture(scope="session")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn as deployed; what a test has committed (`transactional_db`) is what it sees."""
    with serving(dict(os.environ) | {"BEKAL_STATIC_ROOT": str(tmp_path_factory.mktemp("static"))}) as running:
        yield running


@pytest.fixture
def programme_day(transactional_db: None) -> None:
    """The server's programme clock shows the day of the tests, too."""
    ProgrammeClock.objects.create(id=1, offset=PROGRAMME_INSTANT - datetime.now(UTC))
