"""`prove model`: the machines find no difference, say one in sentences where there is one, and leave nothing behind."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.entitlement import instalments_owed
from bekal.core.money import allocate
from bekal.core.rules import RULES
from bekal.proofs.model.days import pay_on, terms_of
from bekal.proofs.model.ends import Model
from bekal.proofs.model.hunt import MACHINES, Ground, ground, let_loose
from bekal.proofs.model.memory import BALANCE, DONE, ESCROW, OWED, TREASURY, Offer
from tests.conftest import JAKARTA

SEED = 1
AT = datetime(2020, 4, 20, 9, tzinfo=JAKARTA)
DAYS = st.dates(date(2020, 1, 1), date(2025, 6, 30))


@pytest.fixture
def world(own_databases: None) -> Iterator[Ground]:
    with ground() as made:
        yield made


def test_the_programme_and_the_plain_model_agree(world: Ground) -> None:
    """The size of every run; `manage prove model --examples 5000 --steps 50` is the full one."""
    runs = let_loose([*MACHINES], world, examples=100, steps=30, seed_number=SEED, shrink=False)
    for run in runs:
        assert run.problem == ""
        assert run.failure is None, "\n".join((run.failure.told, *run.failure.story))
        assert run.example_count >= 100
    done = {name for run in runs for (name, answer), _ in run.steps.items() if answer == DONE}
    assert done >= {
        "accept",
        "buy",
        "reconcile",
        "entitle",
        "answer",
        "settle",
        "reverse",
        "end purchase",
        "settle institutions",
        "revoke",
        "end balances",
        "close",
        "approve clawback",
        "repay",
        "withdraw clawback",
    }


def test_the_command_says_what_it_did(own_databases: None) -> None:
    out = StringIO()
    call_command("prove", "model", examples=2, steps=5, seed=3, bugs=False, stdout=out)
    told = out.getvalue()
    assert "prove model: " in told
    assert "seed 3" in told
    assert "small steps: " in told
    assert "journeys: " in told
    assert "no failure in" in told


def test_a_bug_that_is_none_is_refused(own_databases: None) -> None:
    with pytest.raises(CommandError, match="none of"):
        call_command("prove", "model", bug=["a bug nobody planted"])


# The model is a second opinion: where it reckons by itself, it must not be wrong itself.


@given(accepted_on=DAYS, days=st.integers(0, 400))
def test_the_models_days_of_payment_are_the_programmes(accepted_on: date, days: int) -> None:
    proven_on = accepted_on + timedelta(days=days)
    owed = instalments_owed(RULES.scheme(accepted_on), proven_on)
    assert [one.payment_on for one in owed] == [pay_on(proven_on, one.number) for one in owed]


@given(accepted_on=DAYS)
def test_the_models_promises_are_the_programmes(accepted_on: date) -> None:
    scheme, terms = RULES.scheme(accepted_on), terms_of(accepted_on)
    assert (terms.due_on, terms.ends_on, terms.earning_ends_on) == (
        scheme.first_purchase_due_on,
        scheme.balance_ends_on,
        scheme.earning_ends_on,
    )
    assert sum(count * rupiah for count, rupiah in terms.kinds.values()) == (
        scheme.envelope_rupiah - scheme.training_balance_rupiah
    )


@given(price_rupiah=st.integers(1, 2_000_000), session_count=st.integers(1, 30), data=st.data())
def test_the_models_split_is_the_programmes(price_rupiah: int, session_count: int, data: st.DataObject) -> None:
    attended_count = data.draw(st.integers(0, session_count))
    model = Model((Offer(price_rupiah, session_count, 0),), (True,), 1)
    model.accept(0, AT)
    place = model.places[0]
    assert place is not None
    place.held[BALANCE] = price_rupiah
    model.request(0, 0, AT)
    assert model.buy(0, 0, AT, right_code=True, right_price=True) == DONE
    model.redeem(0, 0, 0, AT)
    for session in range(1, attended_count + 1):
        model.attend(0, 0, 0, session)
    split = allocate(price_rupiah, [attended_count, session_count - attended_count])
    assert model.end_purchase(0, 0, AT) == (DONE, *split)
    assert [place.held[OWED], place.held[BALANCE], place.held[ESCROW]] == [*split, 0]


def test_the_model_keeps_every_rupiah() -> None:
    model = Model((Offer(999_950, 1, 0),), (True,), 1)
    model.accept(0, AT)
    model.revoke(AT + timedelta(days=31))
    place = model.places[0]
    assert place is not None
    assert place.held[TREASURY] == 0
    assert sum(rupiah for *_, rupiah, _ in model.moves) == 2 * 3_550_000
