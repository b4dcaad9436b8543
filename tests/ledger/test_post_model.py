"""The ledger against a plain model in memory: any order of commits, purchases, repeats and returns ends the same."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.plugin import DjangoDbBlocker

from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import balances_of, remaining, totals
from bekal.proofs.check import prove_ledger

AT = datetime(2020, 4, 11, 3, tzinfo=UTC)
OWNERS = (1, 2, 3)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([Movement.PURCHASE, Movement.COMPLETION, Movement.REVOKE_TRAINING, Movement.END_TRAINING]),
        st.sampled_from(OWNERS),
        st.integers(1, 700_000),
        st.integers(0, 5),
    ),
    max_size=25,
)


class Model:
    """What the ledger must do, in a dozen lines: balances per kind, keys seen, no balance below Rp0."""

    def __init__(self) -> None:
        self.kinds: dict[tuple[int, Kind], int] = defaultdict(int)
        self.seen: dict[tuple[int, str], tuple[Movement, int]] = {}

    def post(self, posting: Posting) -> str:
        name = (posting.owner_id, posting.idempotency_key)
        if name in self.seen:
            return "repeated"
        source = (posting.owner_id, posting.movement.debit_kind)
        if source[1] is Kind.TRAINING_BALANCE and self.kinds[source] < posting.amount_rupiah:
            return "refused"
        self.seen[name] = (posting.movement, posting.amount_rupiah)
        self.kinds[source] -= posting.amount_rupiah
        self.kinds[posting.owner_id, posting.movement.credit_kind] += posting.amount_rupiah
        return "posted"


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_ledger_agrees_with_a_plain_model(steps: list, django_db_blocker: DjangoDbBlocker) -> None:  # type: ignore[type-arg]
    from django.db import transaction

    with transaction.atomic():
        model = Model()
        for owner in OWNERS:
            opening = Posting(owner, Movement.COMMIT_TRAINING, 1_000_000, "commit:training")
            assert model.post(opening) == "posted"
            post(postings=[opening], at=AT)
        for n, (movement, owner, amount, key) in enumerate(steps):
            name = f"{movement.name}:{key}"
            # The same key always stands for the same amount, as it does for a training and its price.
            amount = model.seen.get((owner, name), (movement, amount))[1]
            posting = Posting(owner, movement, amount, name)
            if movement is Movement.COMPLETION and model.kinds[owner, Kind.ESCROW] < amount:
                continue  # the purchases room never completes more than it bought
            result = post(postings=[posting], at=AT + timedelta(hours=n + 1))
            got = "posted" if result.posted else "repeated" if result.repeated else "refused"
            assert got == model.post(posting)
        for owner in OWNERS:
            want = {kind: amount for (who, kind), amount in model.kinds.items() if who == owner and amount}
            assert {k: v for k, v in balances_of(owner_ids=[owner])[owner].items() if v} == want
            assert remaining(owner_ids=[owner])[owner] == model.kinds[owner, Kind.TRAINING_BALANCE]
        assert sum(totals().values()) == 0
        money = [v for v in prove_ledger(connection).violations if v.invariant.name in ("I1", "I2")]
        assert money == []
        transaction.set_rollback(True)
