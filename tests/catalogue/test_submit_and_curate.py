"""From a draft to a training on sale: who may send, what waits, who may decide, what holds at once."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.catalogue.content import Content, content_sha256
from bekal.catalogue.curate import Criterion, CurateOutcome, NewDecision, curate
from bekal.catalogue.interests import NewInterest, declare_interests
from bekal.catalogue.models import CurationDecision, Institution, Platform, Submission, Training, TrainingPrice
from bekal.catalogue.offer_trainings import offer_trainings, take_off_sale
from bekal.catalogue.own import NewOwnership, record_ownerships
from bekal.catalogue.prices import price_history
from bekal.catalogue.refusals import ShelfRefusal
from bekal.catalogue.submit_trainings import NewSubmission, SubmitOutcome, submit_trainings, withdraw_submissions
from tests import factories
from tests.factories import jakarta
from tests.factories.shelf import owned

AT = jakarta(2020, 5, 4)
LATER = jakarta(2020, 5, 6)
ALL = tuple(criterion.value for criterion in Criterion)

pytestmark = pytest.mark.django_db


def content(**changes: Any) -> Content:
    factories.training()  # there is a category
    fields: dict[str, Any] = {"title": "Membatik", "category": "keterampilan", "price_rupiah": 250_000}
    return Content(**fields | changes)


def submit(institution: Institution, what: Content | None = None, **changes: Any) -> SubmitOutcome:
    new = NewSubmission(institution_id=institution.pk, content=what or content(), **changes)
    (outcome,) = submit_trainings(submissions=[new], at=changes.pop("at", AT))
    return outcome


def decide(number: int | None, **changes: Any) -> CurateOutcome:
    row = Submission.objects.get(pk=number)
    fields: dict[str, Any] = {
        "submission_id": row.pk,
        "verdict": "approved",
        "reason": "",
        "met": ALL,
        "content_sha256": content_sha256(row),
        "curator_id": changes.pop("curator_id", None) or factories.officer().pk,
    }
    (outcome,) = curate(decisions=[NewDecision(**fields | changes)], at=LATER)
    return outcome


def approved(institution: Institution, what: Content | None = None) -> Training:
    sent = submit(institution, what)
    decided = decide(sent.submission_id)
    assert decided.refusal is None, decided
    (offered,) = offer_trainings(
        institution_id=institution.pk, training_ids=[decided.training_id or 0], by_id=None, at=LATER
    )
    assert offered.is_on_sale
    return Training.objects.get(pk=decided.training_id)


def test_a_training_goes_from_draft_to_sale_and_off() -> None:
    institution = factories.institution()
    draft = submit(institution, is_draft=True)
    assert draft.state == "draft" and decide(draft.submission_id).refusal is not None, "a draft waits for nobody"
    sent = submit(institution)
    assert (sent.submission_id, sent.state, sent.repeated) == (draft.submission_id, "submitted", False)
    assert submit(institution).repeated
    returned = decide(sent.submission_id, verdict="returned", reason="Jumlah sesi kurang.", met=("skill",))
    assert returned.refusal is None and Submission.objects.get().state == "returned"
    again = submit(institution, content(session_count=3))
    assert again.state == "submitted" and again.submission_id == sent.submission_id
    done = decide(again.submission_id)
    training = Training.objects.get(pk=done.training_id)
    assert (training.session_count, training.on_sale, training.is_offered) == (3, False, False)
    assert [line.price_rupiah for line in price_history(training_id=training.pk)] == [250_000]
    (offered,) = offer_trainings(institution_id=institution.pk, training_ids=[training.pk], by_id=None, at=LATER)
    assert offered.is_on_sale and not offered.repeated
    (off,) = take_off_sale(institution_id=institution.pk, training_ids=[training.pk], by_id=None, at=LATER)
    assert not off.is_on_sale
    verdicts = CurationDecision.objects.order_by("pk").values_list("verdict", "met")
    assert list(verdicts) == [("returned", ["skill"]), ("approved", list(ALL))]


def test_a_lower_price_holds_at_once_and_anything_else_waits() -> None:
    institution = factories.institution()
    training = approved(institution)
    for what, state in (
        (content(), "unchanged"),
        (content(price_rupiah=200_000), "lowered"),
        (content(price_rupiah=260_000), "submitted"),
    ):
        assert submit(institution, what, code=training.code).state == state
        training.refresh_from_db()
    assert training.price_rupiah == 200_000, "a higher price waits"
    assert [line.price_rupiah for line in price_history(training_id=training.pk)] == [200_000, 250_000]
    waiting = Submission.objects.get(state="submitted")
    assert decide(waiting.pk).refusal is None
    training.refresh_from_db()
    assert (training.price_rupiah, training.on_sale) == (260_000, True)
    for what in (content(title="Membatik II", price_rupiah=1), content(session_count=2, price_rupiah=1)):
        assert submit(institution, what, code=training.code).state == "submitted"
    training.refresh_from_db()
    assert training.title == "Membatik" and training.price_rupiah == 260_000


def test_nobody_sends_a_training_of_another_institution() -> None:
    training = approved(factories.institution())
    sent = submit(factories.institution(), code=training.code)
    assert sent.refusal and sent.refusal.code == ShelfRefusal.CODE_TAKEN
    mine = submit(factories.institution(), code="punya-saya")
    (withdrawn,) = withdraw_submissions(
        submission_ids=[mine.submission_id or 0], institution_id=factories.institution().pk, at=AT
    )
    assert withdrawn.refusal and withdrawn.refusal.code == ShelfRefusal.SUBMISSION_UNKNOWN


def test_what_the_office_took_off_sale_is_not_offered_without_a_curator() -> None:
    training = factories.training(price_rupiah=0, on_sale=False)
    (offered,) = offer_trainings(institution_id=training.institution_id, training_ids=[training.pk], by_id=None, at=AT)
    assert offered.refusal and offered.refusal.code == ShelfRefusal.NOT_YET_APPROVED
    training.refresh_from_db()
    assert not training.on_sale


def test_only_what_was_seen_is_decided_once_and_with_reasons() -> None:
    institution = factories.institution()
    sent = submit(institution)
    seen = content_sha256(Submission.objects.get())
    submit(institution, content(price_rupiah=900_000))
    officer = factories.officer()
    codes = [
        outcome.refusal.code if outcome.refusal else None
        for outcome in (
            decide(sent.submission_id, content_sha256=seen),
            decide(sent.submission_id, met=ALL[1:]),
            decide(sent.submission_id, verdict="returned", reason="  "),
            decide(sent.submission_id, verdict="ya"),
            decide(sent.submission_id, curator_id=factories.auditor("auditor-2").pk),
            decide(sent.submission_id, curator_id=officer.pk),
            decide(sent.submission_id),
        )
    ]
    assert codes == [
        ShelfRefusal.SUBMISSION_CHANGED,
        ShelfRefusal.CRITERIA_MISSING,
        ShelfRefusal.REASON_EMPTY,
        ShelfRefusal.VERDICT_UNKNOWN,
        ShelfRefusal.NOT_AN_OFFICER,
        None,
        ShelfRefusal.NOT_WAITING,
    ]
    assert decide(sent.submission_id, curator_id=officer.pk).repeated, "a second click is the first"
    assert CurationDecision.objects.count() == Training.objects.filter(title="Membatik").count() == 1


@pytest.mark.parametrize("through", ["institution", "platform", "owner", "held owner"])
def test_a_curator_never_curates_its_own_however_far_the_link(through: str) -> None:
    institution = factories.institution()
    platform = Platform.objects.create(code="karsa", name="Karsa Belajar")
    officer = factories.officer()
    sent = submit(institution, content(platform="karsa"))
    bound: dict[str, Any] = {"institution_id": institution.pk}
    if through == "platform":
        bound = {"platform_id": platform.pk}
    elif through == "owner":
        owned("PT Induk", platform=platform)
        bound = {"shareholder_id": owned("PT Induk", share=40, institution=factories.institution()).shareholder_id}
    elif through == "held owner":
        holding = owned("PT Induk", institution=institution)
        bound = {"shareholder_id": owned("Bapak Besar", held_owner=holding.shareholder).shareholder_id}
    (declared,) = declare_interests(
        interests=[NewInterest(user_id=officer.pk, explanation="Saudara.", by_id=officer.pk, **bound)], at=AT
    )
    assert declared.refusal is None
    refused = decide(sent.submission_id, curator_id=officer.pk)
    assert refused.refusal and refused.refusal.code == ShelfRefusal.OWN_INTEREST
    assert decide(sent.submission_id).refusal is None, "another officer is free"


def test_whoever_works_at_the_institution_is_bound_to_it() -> None:
    institution = factories.institution()
    officer = factories.officer()
    institution.staff.create(user=officer)
    sent = submit(institution)
    refused = decide(sent.submission_id, curator_id=officer.pk)
    assert refused.refusal and refused.refusal.values["via"] == institution.name


def test_a_share_that_has_ended_binds_nobody() -> None:
    institution, officer = factories.institution(), factories.officer()
    share = owned("PT Lama", institution=institution, until_on=jakarta(2020, 5, 1).date())
    interest = NewInterest(
        user_id=officer.pk, shareholder_id=share.shareholder_id, explanation="Dulu.", by_id=officer.pk
    )
    declare_interests(interests=[interest], at=AT)
    assert decide(submit(institution).submission_id, curator_id=officer.pk).refusal is None


def test_shares_of_one_are_never_more_than_the_whole() -> None:
    institution, officer = factories.institution(), factories.officer()
    owned("PT Satu", share=60, institution=institution)
    new = NewOwnership(
        owner_name="PT Dua",
        owner_kind="company",
        institution_id=institution.pk,
        share_percent=owned("PT Satu", share=60, institution=institution).share_percent - 19,
        since_on=AT.date(),
        by_id=officer.pk,
    )
    (outcome,) = record_ownerships(ownerships=[new], at=AT)
    assert outcome.refusal and outcome.refusal.code == ShelfRefusal.SHARES_ABOVE_WHOLE
    (outcome,) = record_ownerships(ownerships=[replace(new, share_percent=new.share_percent - 1)], at=AT)
    assert outcome.refusal is None


@given(
    title=st.text(max_size=310),
    description=st.text(max_size=50),
    price_rupiah=st.integers() | st.integers(0, 100_000_000),
    mode=st.sampled_from(["self_paced", "webinar", "on_site", "x\0"]),
    province=st.none() | st.integers(),
    hours=st.none() | st.integers(),
    session_count=st.integers(-3, 40),
    seat_count=st.none() | st.integers(),
    category=st.just("keterampilan") | st.text(max_size=50),
    platform=st.none() | st.text(max_size=50),
    code=st.just("") | st.text(max_size=70),
)
def test_any_field_is_taken_or_refused_and_never_an_error(code: str, **fields: Any) -> None:
    content()
    institution, _ = Institution.objects.get_or_create(code="cerobong", name="Lembaga")
    new = NewSubmission(institution_id=institution.pk, content=Content(**fields), code=code)
    (outcome,) = submit_trainings(submissions=[new], at=AT)
    assert (outcome.refusal is None) == (outcome.state == "submitted")


def test_a_price_is_one_row_of_the_history_at_every_instant() -> None:
    institution = factories.institution()
    training = approved(institution)
    submit(institution, content(price_rupiah=100_000), code=training.code)
    rows = TrainingPrice.objects.filter(training=training).order_by("since_at").values_list("price_rupiah", "source")
    assert list(rows) == [(250_000, "curation"), (100_000, "lowered")]
