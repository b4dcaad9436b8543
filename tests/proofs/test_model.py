"""`prove model`: the machines find no difference, say one in sentences where there is one, and leave nothing behind."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.entitlement import instalments_owed
from bekal.core.money import allocate
from bekal.core.rules import RULES
from bekal.proofs.model import batches as module
from bekal.proofs.model.batches import Batch, Progress, let_loose
from bekal.proofs.model.days import pay_on, terms_of
from bekal.proofs.model.ends import Model
from bekal.proofs.model.hunt import MACHINES, Failure, Ground, Run, ground
from bekal.proofs.model.memory import BALANCE, DONE, ESCROW, OWED, TREASURY, Offer
from bekal.proofs.result_file import keep_progress
from tests.conftest import JAKARTA

SEED = 1
AT = datetime(2020, 4, 20, 9, tzinfo=JAKARTA)
DAYS = st.dates(date(2020, 1, 1), date(2025, 6, 30))


@pytest.fixture
def world(own_databases: None) -> Iterator[Ground]:
    with ground() as made:
        yield made


def test_the_programme_and_the_plain_model_agree(world: Ground) -> None:
    """The size of every run; `manage prove model --examples 5000 --steps 50 --resume FILE` is the full one."""
    progress = Progress(SEED, 30)
    let_loose(progress, world, examples=100, shrink=False)
    runs = progress.machines
    assert [run.machine for run in runs] == [*MACHINES]
    for run in runs:
        assert run.problem == ""
        assert run.failure is None, "\n".join((run.failure.told, *run.failure.story))
        assert run.example_count >= 100
        assert run.proven_count >= run.example_count * 2 / 3, "most examples end with all of I1 to I12"
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


def test_the_command_says_what_it_did_and_a_later_start_does_the_rest(own_databases: None, tmp_path: Path) -> None:
    out, result = StringIO(), tmp_path / "result"
    files = [f"--resume={tmp_path / 'progress'}", f"--result={result}"]
    call_command("prove", "model", "--no-bugs", "--steps=5", "--examples=2", "--seed=3", *files, stdout=out)
    first = json.loads(result.read_text())
    call_command("prove", "model", "--no-bugs", "--steps=5", "--examples=4", *files, stdout=out)
    then = json.loads(result.read_text())
    assert first["seed"] == then["seed"] == 3
    for before, after in zip(first["machines"], then["machines"], strict=True):
        assert 2 <= before["examples"] <= after["examples"] - 2
        assert before["exercised"].items() != after["exercised"].items()
        assert all(after["exercised"][step] >= count for step, count in before["exercised"].items())
    told = out.getvalue()
    for part in ("prove model: ", "seed 3", "small steps: ", "journeys: ", "proven in full", "no failure in"):
        assert part in told


def test_the_same_seed_tries_the_same(world: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order of the batches, and in however many starts."""
    monkeypatch.setattr(module, "BATCH_EXAMPLES", 2)
    at_once, in_parts = Progress(5, 6), Progress(5, 6)
    let_loose(at_once, world, examples=4, shrink=False)
    for examples in (2, 4):
        let_loose(in_parts, world, examples=examples, shrink=False)
        in_parts = Progress.of(json.loads(json.dumps(in_parts.kept())))
    assert {name: run.steps for name, run in at_once.runs.items()} == {
        name: run.steps for name, run in in_parts.runs.items()
    }


def test_what_is_to_come_is_what_no_start_has_done() -> None:
    progress = Progress(1, 30)
    assert list(progress.to_come(70)) == [
        Batch("small steps", 0, 50),
        Batch("journeys", 0, 50),
        Batch("small steps", 50, 20),
        Batch("journeys", 50, 20),
    ]
    progress.add(Batch("small steps", 50, 20), a_run("small steps"))
    progress.add(Batch("journeys", 0, 50), a_run("journeys"))
    assert list(progress.to_come(100)) == [
        Batch("small steps", 0, 50),
        Batch("small steps", 70, 30),
        Batch("journeys", 50, 50),
    ]
    assert len({batch.seed_of(seed) for batch in progress.to_come(100) for seed in (1, 2)}) == 6


def test_a_machine_that_has_found_something_is_not_let_loose_again() -> None:
    progress = Progress(1, 30)
    progress.add(Batch("journeys", 0, 50), a_run("journeys", Failure("balances", "Rp1 too much", ("accept", "buy"))))
    progress.add(Batch("journeys", 50, 50), a_run("journeys"))
    kept = Progress.of(json.loads(json.dumps(progress.kept())))
    assert kept == progress
    assert not kept.runs["journeys"].holds
    assert kept.runs["journeys"].failure == Failure("balances", "Rp1 too much", ("accept", "buy"))
    assert list(kept.to_come(50)) == [Batch("small steps", 0, 50)]


def test_a_run_without_a_step_does_not_hold() -> None:
    assert a_run("journeys").holds
    assert not Run("journeys", 5, 5, 0, Counter(), 1.0, 1.0).holds


def a_run(machine: str, failure: Failure | None = None) -> Run:
    return Run(machine, 50, 44, 900, Counter({("buy", "done"): 7}), 1.5, 0.5, failure)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--examples=0", "--no-bugs"], "tries nothing"),
        (["--examples=-1"], "'-1' is no whole number from 0 up"),
        (["--steps=0"], "'0' is no whole number from 1 up"),
        (["--examples=many"], "'many' is no whole number"),
    ],
)
def test_to_try_nothing_is_refused(options: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("prove", "model", *options)


def test_a_file_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    keep_progress(path, "model", Progress(4, 50).kept())
    for options, told in (([], "say --steps 50"), (["--steps=50", "--seed=5"], "goes on with seed 4")):
        with pytest.raises(CommandError, match=told):
            call_command("prove", "model", f"--resume={path}", *options)


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
