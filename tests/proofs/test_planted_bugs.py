"""Every planted bug of the ledger is caught by a machine, each by its name; without a bug nothing is."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from bekal.proofs import scratch
from bekal.proofs.model import plant
from bekal.proofs.model.hunt import Ground, ground, hunt
from bekal.proofs.model.plant import Bug, DoesNotFit, bugs, changed_source, planted
from bekal.purchases import reconcile as reconcile_module
from bekal.purchases.hold import payable_from_on
from tests import factories

SEED = 3


@pytest.fixture(scope="module")
def world(template_database: str, django_db_setup: None, django_db_blocker: Any) -> Iterator[Ground]:
    """One for all bugs: each is put into a copy."""
    owner = connections.settings["owner"]
    server = (str(owner["HOST"]), str(owner["PORT"]))
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setattr(scratch, "templates", {server: template_database})
        with ground() as made:
            yield made
        connections.close_all()


def test_there_are_enough_of_both_kinds() -> None:
    assert len(bugs()) >= 25
    assert sum(bool(bug.statements) for bug in bugs()) >= 5
    assert sum(bug.module is not None for bug in bugs()) >= 20


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Bug, world: Ground, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        run = hunt(bug, world, seed_number=SEED)
    assert run.problem == ""
    assert run.failure is not None and not run.failure.is_slip, f"{bug.name} lives: {bug.sentence}"


def test_a_transfer_that_is_wrong_is_seen_by_itself(world: Ground, django_db_blocker: Any) -> None:
    """Not only when the whole ledger is proven at the end of an example."""
    bug = next(bug for bug in bugs() if bug.name == "the instant of a purchase is the machine's")
    with django_db_blocker.unblock():
        run = hunt(bug, world, seed_number=SEED)
    assert run.failure is not None and run.failure.check == "transfers"


def test_a_bug_is_taken_out_again() -> None:
    bug = next(bug for bug in bugs() if bug.name == "a completion moves a round amount")
    code = reconcile_module._release.__code__
    with planted(bug):
        assert reconcile_module._release.__code__ != code
    assert reconcile_module._release.__code__ == code


def test_a_constant_is_changed_and_changed_back() -> None:
    bug = Bug("", "", "", "bekal.purchases.hold", '_RULE = "settlement_hold_days"', '_RULE = "clawback_days"', ())
    at = factories.jakarta(2020, 6, 1)
    before = payable_from_on(at)
    with planted(bug):
        assert (payable_from_on(at) - before).days == 60 - 7
    assert payable_from_on(at) == before


@pytest.mark.parametrize("find", ["this stands nowhere", "from"])
def test_a_bug_whose_place_is_gone_is_no_bug(find: str) -> None:
    bug = Bug("a bug", "", "", "bekal.purchases.hold", find, "", ())
    with pytest.raises(DoesNotFit, match="a bug"):
        changed_source(bug)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{name: a, is: b, module: c}", "module, find and replace"),
        ("{name: a, is: b}", "module, find and replace"),
        ("{name: a, is: b, statements: [c], colour: red}", "colour"),
        ("{name: a, is: b, statements: [c]}, {name: a, is: b, statements: [c]}", "same name"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(
    entry: str, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    file = tmp_path / "bugs.yaml"
    file.write_text(f"bugs: [{entry}]")
    monkeypatch.setattr(plant, "FILE", file)
    with pytest.raises(ValueError, match=told):
        bugs.__wrapped__()
