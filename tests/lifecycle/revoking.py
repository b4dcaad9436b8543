"""Mass runs of a revocation, as officers plan and approve them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from bekal.lifecycle import mass_work
from bekal.lifecycle.mass_runs import PlannedMass, approve_mass_run, plan_mass_run
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.operations import OPERATIONS, Done
from bekal.participants.models import Participation
from tests import factories
from tests.factories import jakarta

REVOKE = MassRun.Operation.REVOKE
# The first purchase is due 30 days after the acceptance of 20 April 2020.
AT = jakarta(2020, 5, 21)
LATER = AT + timedelta(hours=2)
ENVELOPE_RUPIAH = 3_550_000


def planned(operation: str = REVOKE, *, at: datetime = AT, **parameters: Any) -> PlannedMass:
    """A run planned by the programme itself."""
    run = plan_mass_run(operation=operation, planned_by_id=None, at=at, parameters=parameters)
    assert run.refusal is None, run.refusal
    return run


def approved(run: PlannedMass, *, at: datetime = AT) -> int:
    """Its number, after an officer has approved it."""
    assert run.run_id is not None and run.list_sha256 is not None
    officer_id = factories.officer().pk
    assert approve_mass_run(run_id=run.run_id, officer_id=officer_id, list_sha256=run.list_sha256, at=at) is None
    return run.run_id


def revoked_ids() -> list[int]:
    return list(Participation.objects.filter(revoked_at__isnull=False).order_by("pk").values_list("pk", flat=True))


def fail_for(monkeypatch: pytest.MonkeyPatch, person: int, error: Exception) -> None:
    """Revocation breaks after it has done its work for a chunk with that person."""
    operation = OPERATIONS[REVOKE]

    def broken(ids: Sequence[int], at: datetime, parameters: Any) -> Done:
        done = operation.work(ids, at, parameters)
        if person in ids:
            raise error
        return done

    changed = {**OPERATIONS, REVOKE: type(operation)(operation.subject, True, operation.listing, broken)}
    monkeypatch.setattr(mass_work, "OPERATIONS", changed)
