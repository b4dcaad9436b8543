"""Somebody with a history to be, and the two ways of bringing a table of it in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import factories
from tests.exchange.door import imported, refused, table


@pytest.fixture
def nik(db: None) -> str:
    """Somebody accepted on 20 April 2020 with a payout account."""
    factories.training(code="jahit", price_rupiah=300_000, session_count=2)
    factories.training(code="roti", price_rupiah=800_000)
    new = factories.new_nik()
    factories.accepted(nik=new)
    return new


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., str]:
    return lambda kind, text, *arguments: imported(kind, table(tmp_path, text), *arguments)


@pytest.fixture
def wrong(tmp_path: Path) -> Callable[..., list[tuple[str, str, str, str]]]:
    return lambda kind, text: refused(kind, table(tmp_path, text))
