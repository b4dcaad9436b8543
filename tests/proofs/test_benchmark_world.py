"""The world that benchmarks build set by set still fits the tables, and its ledger is in order."""

import pytest
from django.db import connection, connections

from bekal.incentives.entitle import entitle
from bekal.incentives.models import PayoutStatus
from bekal.ledger.post import post_commitments
from bekal.proofs.check import prove_ledger
from bekal.proofs.scratch import scratch_database
from bekal.purchases.models import InstitutionSettlement
from benchmarks import _ledger_world as world


@pytest.mark.usefixtures("own_databases")
def test_it_is_what_the_verbs_would_have_left() -> None:
    few = world.World(20)
    buyers = range(1, few.buyer_count + 1)
    with scratch_database("bench"), connections["owner"].cursor() as cursor:
        world.people(cursor.execute, few)
        world.accounts(cursor.execute, few)
        post_commitments(owner_ids=range(1, few.people_count + 1), commitments=world.ENVELOPE, at=world.ACCEPTED_AT)
        world.trained(cursor.execute, few)
        assert entitle(at=world.ENTITLED_AT, participation_ids=buyers).entitlement_count > 0
        world.paid(cursor.execute)
        assert InstitutionSettlement.objects.exists()
        assert PayoutStatus.objects.filter(state="settled").count() == few.buyer_count
        assert prove_ledger(connection).violations == ()
