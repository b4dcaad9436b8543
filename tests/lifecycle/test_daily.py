"""`manage daily`: what falls due by itself."""

import pytest
from django.core.management import call_command

from bekal.incentives.models import Entitlement
from bekal.participants.models import Participation
from tests import factories
from tests.conftest import StoppedClock


@pytest.mark.django_db
def test_what_falls_due_is_done_once(clock: StoppedClock, capsys: pytest.CaptureFixture[str]) -> None:
    learner, idler = factories.accepted(2)
    factories.reviewed(learner, factories.training())
    clock.set(2020, 5, 21)
    call_command("daily")
    assert capsys.readouterr().out.splitlines() == [
        "Reconciled 1 purchases; 0 wait for evidence.",
        "Entitled 1 people to 4 instalments.",
        "Revoked 1 places, Rp3.550.000 returned.",
        "Ended 0 balances, Rp0 returned.",
    ]
    assert Entitlement.objects.filter(participation=learner).count() == 4
    assert Participation.objects.get(revoked_at__isnull=False).pk == idler
    call_command("daily")
    assert "Reconciled 0" in capsys.readouterr().out
