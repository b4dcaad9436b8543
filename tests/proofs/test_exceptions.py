"""What waits for a second officer is an open item with its age, until it is answered."""

from datetime import timedelta

import pytest
from django.db import connection

from bekal.lifecycle.mass_runs import approve_mass_run, ask_to_stop_mass_run, plan_mass_run, stop_mass_run
from bekal.proofs.exceptions import open_items
from tests import factories
from tests.factories import jakarta

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 5, 21)


def waiting(*, days: int, as_of_days: int | None = None) -> dict[str, tuple[str, int, int]]:
    """Kinds of items about mass runs: (owner, count, age)."""
    as_of = None if as_of_days is None else AT + timedelta(days=as_of_days)
    with connection.cursor() as cursor:
        found = open_items(cursor, as_of, at=AT + timedelta(days=days))
    return {each.kind: (each.owner, each.count, each.age) for each in found if each.kind.startswith("mass_")}


def test_a_request_to_stop_a_run_waits_for_an_officer_and_what_it_leaves_undone_for_nobody() -> None:
    factories.accepted(1)
    run = plan_mass_run(operation="revoke", planned_by_id=None, at=AT)
    assert run.run_id is not None and run.list_sha256 is not None
    officers = [factories.officer().pk for _ in range(2)]
    approve_mass_run(run_id=run.run_id, officer_id=officers[0], list_sha256=run.list_sha256, at=AT)
    ask_to_stop_mass_run(run_id=run.run_id, officer_id=officers[0], because="Keliru.", at=AT + timedelta(days=1))
    asked = {"mass_chunk_unfinished": ("worker", 1, 3), "mass_run_stop_waiting": ("officer", 1, 2)}
    assert waiting(days=3) == asked
    refusal = stop_mass_run(run_id=run.run_id, officer_id=officers[1], because="Keliru.", at=AT + timedelta(days=4))
    assert refusal is None and waiting(days=5) == {}
    assert waiting(days=3, as_of_days=3) == asked, "as of then it waited"
