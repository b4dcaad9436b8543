"""One server for all tests of v1 over a socket, in the very database of these tests, and an institution calling it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bekal.catalogue.models import Training
from bekal.ledger.models import ProgrammeClock
from bekal.partners.keys import KeyOrder, issue_keys
from bekal.partners.models import Partner
from tests import factories
from tests.api.server import Client, Server, serving
from tests.conftest import PROGRAMME_INSTANT


@pytest.fixture(scope="session")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn as deployed; what a test has committed (`transactional_db`) is what it sees."""
    with serving(dict(os.environ) | {"BEKAL_STATIC_ROOT": str(tmp_path_factory.mktemp("static"))}) as running:
        yield running


@dataclass(frozen=True)
class Registered:
    """A partner tied to the institution of a training, and its key."""

    partner: Partner
    training: Training
    key_id: int
    client_code: str
    secret: str = field(repr=False)

    def bought(self) -> tuple[int, str]:
        """Somebody's purchase of the training, by its number, with the code that the institution was handed."""
        (participation_id,) = factories.accepted()
        outcome = factories.bought(participation_id, self.training)
        assert outcome.purchase_id and outcome.redeem_code
        return outcome.purchase_id, outcome.redeem_code


def registered(*, code: str = "lembaga-uji", **of_training: object) -> Registered:
    """A partner with a live key of v1."""
    training = factories.training(**of_training)  # type: ignore[arg-type]
    partner = Partner.objects.create(
        code=code,
        name="Lembaga Uji",
        kind=Partner.Kind.INSTITUTION,
        institution=training.institution,
        registered_at=factories.REGISTERED_AT,
    )
    (issued,) = issue_keys(orders=[KeyOrder(partner.pk, 1, is_sandbox=False)], at=factories.REGISTERED_AT)
    assert issued.key_id
    return Registered(partner, training, issued.key_id, issued.client_code, issued.secret)


@pytest.fixture
def programme_day(transactional_db: None) -> None:
    """The server's programme clock shows the day of the tests, too."""
    ProgrammeClock.objects.create(id=1, offset=PROGRAMME_INSTANT - datetime.now(UTC))


@pytest.fixture
def institution(programme_day: None) -> Registered:
    """An institution's system that the server knows."""
    return registered()


@pytest.fixture
def client_of_institution(server: Server, institution: Registered) -> Client:
    """The same, ready to call."""
    return Client(server, institution.client_code, institution.secret)
