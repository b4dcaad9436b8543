"""Which version of the model serves: two officers, an examination that passes, and one command back."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from bekal.core.recommend import FORMAT_VERSION
from bekal.recommender.fit import fit
from bekal.recommender.model_store import is_damaged, serving_model
from bekal.recommender.models import ModelPromotion, ModelProposal, ModelVersion
from bekal.recommender.promote_model import promote_model
from bekal.recommender.propose_model import propose_model
from bekal.recommender.refusals import ModelRefusal, ModelRefusedError
from bekal.recommender.roll_back_model import roll_back_model
from bekal.recommender.serve import ListState, recommend_for
from bekal.recommender.spending import spending_for
from tests import factories
from tests.factories.serving import examined, promoted
from tests.factories.unchanged import nothing_changes
from tests.recommender import world

AT = world.AT


def version(**manifest: Any) -> ModelVersion:
    """One whose format is read, but whose arrays nobody looks at."""
    return ModelVersion.objects.create(
        fitted_at=AT,
        manifest={"format_version": FORMAT_VERSION, **manifest},
        arrays=b"",
        sha256=b"\0" * 32,
        people_count=1,
        choice_count=1,
    )


def refused(verb: Callable[..., object], **arguments: Any) -> ModelRefusal:
    """The code of the refusal, which changes nothing and says how to mend it."""
    with nothing_changes(), pytest.raises(ModelRefusedError) as caught:
        verb(at=AT, **arguments)
    assert len(str(caught.value)) > 10
    return ModelRefusal(caught.value.refusal.code)


def serves() -> int:
    return ModelPromotion.objects.order_by("-id").values_list("model_version_id", flat=True)[0]


@pytest.mark.django_db
def test_a_version_serves_once_a_second_officer_has_agreed(tmp_path: Path) -> None:
    world.stock()
    world.learn_from_others(tmp_path, count=100)
    one, two = fit(at=AT), fit(at=AT, seed=1)
    assert serving_model() is None, "fitted is not served"
    promoted(one, at=AT)
    served = serving_model()
    assert served is not None and served.version_id == one.pk and serving_model() is served, "loaded once"
    promoted(two, at=AT)
    served = serving_model()
    assert served is not None and served.version_id == two.pk
    call_command("roll-back-model", stdout=(out := StringIO()))
    served = serving_model()
    assert served is not None and served.version_id == one.pk and out.getvalue() == f"Model {one.pk} serves again.\n"


@pytest.mark.django_db
def test_one_person_alone_promotes_nothing() -> None:
    first, second = factories.officer(), factories.officer()
    one = version()
    examined(one, at=AT)
    assert refused(promote_model, version_id=one.pk, by=second) is ModelRefusal.NOT_PROPOSED
    proposal = propose_model(version_id=one.pk, by=first, at=AT)
    assert refused(promote_model, version_id=one.pk, by=first) is ModelRefusal.SAME_PERSON
    assert refused(propose_model, version_id=one.pk, by=first) is ModelRefusal.ALREADY_PROPOSED
    propose_model(version_id=one.pk, by=second, at=AT)
    promotion = promote_model(version_id=one.pk, by=second, at=AT)
    assert (promotion.proposal_id, promotion.proposed_by_id) == (proposal.pk, first.pk), "the other officer's proposal"
    assert refused(promote_model, version_id=one.pk, by=first) is ModelRefusal.ALREADY_SERVES
    assert refused(propose_model, version_id=one.pk, by=first) is ModelRefusal.ALREADY_SERVES


@pytest.mark.django_db
def test_the_database_itself_refuses_one_person_alone() -> None:
    one, officer = version(), factories.officer()
    proposal = ModelProposal.objects.create(model_version=one, proposed_at=AT, proposed_by=officer)
    whole = {"kind": "promoted", "model_version": one, "promoted_at": AT, "promoted_by": officer, "proposal": proposal}
    other = factories.officer()
    for wrong in (
        {"proposed_by": officer},
        {"proposed_by": None},
        {"proposed_by": other, "promoted_by": None},
        {"proposed_by": other, "proposal": None},
        {"proposed_by": other, "kind": "rolled_back"},
    ):
        with pytest.raises(DatabaseError, match="second_person"), transaction.atomic():
            ModelPromotion.objects.create(**whole | wrong)


@pytest.mark.django_db
def test_only_a_version_that_passed_and_can_be_read_is_promoted() -> None:
    first, second = factories.officer(), factories.officer()
    one, old = version(), version(format_version=FORMAT_VERSION - 1)
    propose_model(version_id=one.pk, by=first, at=AT)
    assert refused(promote_model, version_id=one.pk, by=second) is ModelRefusal.NOT_EXAMINED
    examined(one, at=AT)
    examined(one, at=AT, passes=False)
    assert refused(promote_model, version_id=one.pk, by=second) is ModelRefusal.NOT_PASSED, "the newest counts"
    examined(one, at=AT)
    promote_model(version_id=one.pk, by=second, at=AT)
    examined(old, at=AT)
    for verb in (propose_model, promote_model):
        assert refused(verb, version_id=old.pk, by=second) is ModelRefusal.NOT_READABLE
        assert refused(verb, version_id=10**9, by=second) is ModelRefusal.VERSION_NOT_FOUND


@pytest.mark.django_db
def test_a_roll_back_returns_to_what_served_before() -> None:
    assert refused(roll_back_model) is ModelRefusal.NOTHING_SERVES
    one, two, three, never = (version() for _ in range(4))
    promoted(one, at=AT)
    assert refused(roll_back_model) is ModelRefusal.NOTHING_BEFORE
    with pytest.raises(CommandError, match="Not rolled back: no version served before this one"):
        call_command("roll-back-model")
    promoted(two, at=AT)
    promoted(three, at=AT)
    officer = factories.officer()
    back = roll_back_model(at=AT, by=officer)
    assert (back.kind, back.model_version_id, back.promoted_by) == ("rolled_back", two.pk, officer)
    assert roll_back_model(at=AT).model_version_id == one.pk, "two in a row go back two"
    assert refused(roll_back_model) is ModelRefusal.NOTHING_BEFORE
    assert refused(roll_back_model, to_version_id=never.pk) is ModelRefusal.NEVER_SERVED
    assert refused(roll_back_model, to_version_id=one.pk) is ModelRefusal.ALREADY_SERVES
    assert refused(roll_back_model, to_version_id=10**9) is ModelRefusal.VERSION_NOT_FOUND
    call_command("roll-back-model", "--to", str(three.pk), stdout=StringIO())
    assert serves() == three.pk
    promoted(two, at=AT)
    assert roll_back_model(at=AT).model_version_id == three.pk


@pytest.mark.django_db
def test_without_a_browser_two_officers_do_it_by_command() -> None:
    one = version()
    examined(one, at=AT)
    for login, *way in (("petugas-a", "--propose"), ("petugas-b",)):
        with pytest.raises(CommandError, match=f"no officer with the login {login}"):
            call_command("promote-model", str(one.pk), "--as", login, *way)
        factories.officer(login)
        call_command("promote-model", str(one.pk), "--as", login, *way, stdout=StringIO())
    assert serves() == one.pk
    with pytest.raises(CommandError, match=f"Nothing was changed: version {one.pk}: it serves already"):
        call_command("promote-model", str(one.pk), "--as", "petugas-a")


@pytest.mark.django_db
def test_an_older_format_is_passed_over_and_wrong_arrays_are_never_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, assert_queries: Callable[..., Any]
) -> None:
    world.stock()
    world.learn_from_others(tmp_path, count=60)
    one = promoted(fit(at=AT), at=AT)
    old = version(format_version=FORMAT_VERSION - 1)
    ModelPromotion.objects.create(kind="rolled_back", model_version=old, promoted_at=AT)
    served = serving_model()
    assert served is not None and served.version_id == one.pk, "this programme cannot read the newer one"
    assert refused(roll_back_model) is ModelRefusal.NOTHING_BEFORE
    damaged = ModelVersion.objects.create(
        fitted_at=AT, manifest=one.manifest, arrays=one.arrays, sha256=b"\1" * 32, people_count=1, choice_count=1
    )
    promoted(damaged, at=AT)
    for _ in range(3):
        assert serving_model() is None
    (told,) = caplog.messages
    assert told.startswith(f"model {damaged.pk} cannot be read"), "once"
    with assert_queries(1):
        assert serving_model() is None, "its arrays are not read again"
    assert is_damaged(damaged.pk, "01" * 32) and not is_damaged(one.pk, bytes(one.sha256).hex())
    roll_back_model(at=AT)
    served = serving_model()
    assert served is not None and served.version_id == one.pk


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [b"", b"PK\3\4", b"\x80\x04pickle"])
def test_whatever_a_damaged_version_holds_nothing_is_recommended(wrong: bytes) -> None:
    damaged = ModelVersion.objects.create(
        fitted_at=AT,
        manifest={"format_version": FORMAT_VERSION},
        arrays=wrong,
        sha256=b"\2" * 32,
        people_count=1,
        choice_count=1,
    )
    promoted(damaged, at=AT)
    (person,) = world.participants(1)
    (shown,) = recommend_for(participation_ids=[person], at=AT)
    assert (shown.state, shown.items, shown.plans) == (ListState.NO_MODEL, (), ())
    assert spending_for(participation_id=person, at=AT).state is ListState.NO_MODEL
