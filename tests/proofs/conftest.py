"""The harnesses make databases of their own; in tests they copy the one that the run has migrated already."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from bekal.proofs import scratch


@pytest.fixture
def own_databases(template_database: str, django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Harnesses may run: scratch databases are copies of the run's template, and nothing stays connected."""
    owner = connections.settings["owner"]
    server = (str(owner["HOST"]), str(owner["PORT"]))
    before = dict(scratch.templates)
    scratch.templates[server] = template_database
    with django_db_blocker.unblock():
        yield
        connections.close_all()
    scratch.templates.clear()
    scratch.templates.update(before)
