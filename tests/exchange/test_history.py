"""History is taken over as it stands, and refused where the programme could not have seen it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bekal.accounts.models import User
from bekal.accounts.privacy import decrypt
from bekal.engagement.models import SurveyResponse
from bekal.incentives.entitle import entitle
from bekal.incentives.models import Entitlement, Payout, PayoutRun, PayoutStatus
from bekal.ledger.queries import remaining, transfers_of
from bekal.participants.models import Participation
from bekal.purchases.models import Evidence, Purchase, Review
from bekal.purchases.reconcile import reconcile
from tests import factories
from tests.exchange.door import learned, places, prove
from tests.factories import jakarta

BOUGHT = "nik,training,price_rupiah,bought_at,completed_at\n"
PAID = "nik,kind,instalment,amount_rupiah,payment_on,run,state,answered_at\n"
RUNS = """run,planned_for,payout_count,total_rupiah,exported_at
2020-05-26T08:00:00+07:00,2020-05-26,1,600000,2020-05-26T09:00
"""


def owner() -> Participation:
    return Participation.objects.get()


# Completions


def test_an_office_that_never_ran_bekal_needs_five_columns(nik: str, take: Callable[..., str]) -> None:
    text = BOUGHT + f"{nik},jahit,Rp300.000,2020-05-01,2020-05-09\n{nik},roti,0,2020-04-21T10:00:00+07:00,\n"
    assert "2 added, 0 unchanged, 3 pieces of evidence added" in take("completions", text)
    later, first = Purchase.objects.order_by("-ordinal")
    assert (first.ordinal, first.redeemed_at, first.completed_at) == (1, None, None)
    assert later.redeemed_at == later.completed_at == jakarta(2020, 5, 9, 0) and later.reconciled_at is None
    assert set(Evidence.objects.order_by("id").values_list("piece", "sequence", "recorded_at")) == {
        (piece, sequence, jakarta(2020, 5, 9, 0))
        for piece, sequence in (("attendance", 1), ("attendance", 2), ("completion", 1))
    }
    assert later.training.bought_count == later.training.completed_count == 1
    assert remaining(owner_ids=[owner().pk]) == {owner().pk: 700_000}
    assert "0 added, 2 unchanged" in take("completions", text)
    prove()


def test_what_is_not_reconciled_goes_on_with_the_verbs(nik: str, take: Callable[..., str]) -> None:
    take("completions", BOUGHT + f"{nik},jahit,300000,2020-05-01,2020-05-09\n")
    assert reconcile(at=jakarta(2020, 5, 10)).purchase_ids == ()
    take("reviews", f"nik,training,rating,text,written_at\n{nik},jahit,4,Bagus,2020-05-11\n")
    assert Review.objects.get().training.rating_sum == 4
    assert len(reconcile(at=jakarta(2020, 5, 12)).purchase_ids) == 1
    assert entitle(at=jakarta(2020, 5, 12)).entitlement_count == 4
    prove()


def test_history_posts_what_the_verbs_would_have_posted(nik: str, take: Callable[..., str]) -> None:
    text = BOUGHT + f"{nik},jahit,300000,2020-05-01,2020-05-09\n"
    take("completions", text, "--map", "reconciled_at=completed_at")
    training_id = Purchase.objects.get().training_id
    assert [(each.reason.name, each.idempotency_key, each.posted_at) for each in transfers_of(owner_id=owner().pk)][
        3:
    ] == [
        ("PURCHASE", f"purchase:{training_id}", jakarta(2020, 5, 1, 0)),
        ("COMPLETION", f"completion:{training_id}", jakarta(2020, 5, 9, 0)),
    ]


def test_a_redeem_code_comes_along_and_redeems(nik: str, take: Callable[..., str]) -> None:
    take(
        "completions", f"nik,training,price_rupiah,bought_at,redeem_code\n{nik},roti,5,2020-05-01,ABCD-EFGH-JKMN-PQRS\n"
    )
    assert decrypt(bytes(Purchase.objects.get().redeem_code_encrypted or b"")) == "ABCDEFGHJKMNPQRS"
    (outcome,) = factories.redeem(
        redemptions=[factories.Redemption(Purchase.objects.get().training.institution_id, "abcdefghjkmnpqrs")],
        at=jakarta(2020, 5, 2),
    )
    assert outcome.refusal is None


@pytest.mark.parametrize(
    ("rows", "column", "words"),
    [
        ("3171010101900009,jahit,1,2020-05-01,", "nik", "no participant|nobody here has this NIK"),
        ("{nik},sulam,1,2020-05-01,", "training", "no training has this code"),
        ("{nik},jahit,-1,2020-05-01,", "price_rupiah", "whole rupiah"),
        ("{nik},jahit,1000001,2020-05-01,", "price_rupiah", "cost more than the training balance"),
        ("{nik},jahit,300000,2020-05-01,\n{nik},roti,800000,2020-05-02,", "price_rupiah", "cost more than"),
        ("{nik},jahit,1,2020-04-19,", "bought_at", r"before the person was accepted \(2020-04-20T09:00:00\+07:00\)"),
        ("{nik},jahit,1,2020-05-01,2020-04-30", "redeemed_at", "before bought_at"),
        ("{nik},jahit,1,2020-05-01,2020-11-20", "completed_at", "has not come yet"),
        ("{nik},jahit,1,2020-05-01,\n{nik},jahit,1,2020-05-02,", "training", "line 2 has this person's purchase"),
        ("{nik},jahit,1,vorgestern,", "bought_at", "write the instant as"),
    ],
)
def test_a_purchase_the_programme_cannot_have_seen_is_refused(
    nik: str, wrong: Callable[..., Any], rows: str, column: str, words: str
) -> None:
    found = wrong("completions", BOUGHT + rows.format(nik=nik) + "\n")
    assert column in {problem[1] for problem in found}, found
    assert any(re.search(words, problem[3]) for problem in found), found


def test_sessions_ordinals_seats_and_codes_must_agree(nik: str, wrong: Callable[..., Any]) -> None:
    heading = "nik,training,price_rupiah,ordinal,bought_at,attended_at,completed_at,redeem_code\n"
    cases = {
        f"{nik},roti,1,1,2020-05-01,2020-05-02;2020-05-03,,": ("attended_at", "has 1 sessions, and here are 2"),
        f"{nik},jahit,1,1,2020-05-01,2020-05-02,2020-05-03,": ("attended_at", "not every one of the 2 sessions"),
        f"{nik},jahit,1,1,2020-05-01,;2020-05-02,2020-05-03,": ("attended_at", "not every one of the 2 sessions"),
        f"{nik},jahit,1,1,2020-05-01,2020-04-30,,": ("attended_at", "before bought_at"),
        f"{nik},jahit,1,2,2020-05-01,,,": ("ordinal", "not numbered 1, 2, 3"),
        f"{nik},jahit,1,1,2020-05-01,,,ABC": ("redeem_code", "16 characters"),
        f"{nik},jahit,1,1,2020-05-01,,,{'A' * 16}\n{nik},roti,1,2,2020-05-01,,,{'A' * 16}": (
            "redeem_code",
            "another purchase",
        ),
    }
    for row, (column, words) in cases.items():
        found = wrong("completions", heading + row + "\n")
        assert any(each[1] == column and words in each[3] for each in found), (row, found)
    factories.training(code="penuh", price_rupiah=1, seat_count=1, bought_count=1)
    (problem,) = wrong("completions", BOUGHT + f"{nik},penuh,1,2020-05-01,\n")
    assert "only 1 seats" in problem[3]


def test_what_is_known_otherwise_is_refused_and_what_is_blank_agrees(
    nik: str, take: Callable[..., str], wrong: Callable[..., Any]
) -> None:
    purchase_id = factories.reviewed(owner().pk, factories.training(code="las", price_rupiah=50_000))
    bought_at = Purchase.objects.get(pk=purchase_id).bought_at.isoformat()
    assert "0 added, 1 unchanged" in take("completions", BOUGHT + f"{nik},las,50000,{bought_at},\n")
    (problem,) = wrong("completions", BOUGHT + f"{nik},las,50001,{bought_at},\n")
    assert problem[1] == "training" and "known already with other values" in problem[3]
    found = wrong("reviews", f"nik,training,rating,text,written_at\n{nik},las,1,Lain,{bought_at}\n")
    assert any("known already" in each[3] for each in found)


# Reviews and survey answers


def test_only_who_completed_can_review(nik: str, take: Callable[..., str], wrong: Callable[..., Any]) -> None:
    take("completions", BOUGHT + f"{nik},jahit,1,2020-05-01,\n{nik},roti,1,2020-05-01,2020-05-09\n")
    rows = f"{nik},jahit,5,,2020-05-10\n{nik},roti,6,,2020-05-10\n{nik},roti,5,,2020-05-08\n{nik},x,5,,2020-05-10\n"
    found = wrong("reviews", "nik,training,rating,text,written_at\n" + rows)
    assert places(found) == [("2", "training"), ("3", "rating"), ("4", "written_at"), ("5", "training")]
    assert "1 pieces of evidence" in take("reviews", f"nik,training,rating,written_at\n{nik},roti,5,2020-05-10\n")
    assert set(Evidence.objects.values_list("piece", flat=True)) == {"attendance", "completion", "rating"}


def test_survey_answers_are_kept_as_given(nik: str, take: Callable[..., str], wrong: Callable[..., Any]) -> None:
    heading = "nik,survey,answered_at,channel,answers\n"
    text = heading + f'{nik},1,2020-05-25,telephone,"{{""source"": [""a"", ""b""], ""helped"": ""yes""}}"\n'
    assert "1 added" in take("survey_answers", text) and "1 unchanged" in take("survey_answers", text)
    response = SurveyResponse.objects.get()
    assert (response.channel, response.answers) == ("telephone", {"source": ["a", "b"], "helped": "yes"})
    for row, column in (
        (f"{nik},1,2020-05-26,telephone,{{}}", "survey"),
        (f"{nik},2,2020-04-01,,{{}}", "answered_at"),
        (f"{nik},2,2020-05-01,,[]", "answers"),
        (f'{nik},2,2020-05-01,,"{{""a"": 1}}"', "answers"),
        (f"{nik},2,2020-05-01,letter,{{}}", "channel"),
    ):
        assert places(wrong("survey_answers", heading + row + "\n")) == [("2", column)], row


# Payouts


def paid(nik: str, *rows: str) -> str:
    return PAID + "".join(f"{nik},{row}\n" for row in rows)


def test_an_office_without_runs_writes_one_row_for_each_pay_day(nik: str, take: Callable[..., str]) -> None:
    assert "1 added, 0 unchanged, 2 officers added" in take("payout_runs", RUNS)
    run = PayoutRun.objects.select_related("planned_by", "approved_by").get()
    assert run.approved_by is not None and run.planned_by != run.approved_by
    assert not any(User.objects.values_list("is_active", flat=True)), "nobody can sign in as them"
    assert not run.planned_by.has_usable_password()
    take("completions", learned(nik))
    rows = (
        "incentive,1,600000,2020-05-26,2020-05-26T08:00:00+07:00,settled,2020-05-28",
        "incentive,2,600000,2020-06-25,,,",
    )
    assert "2 instalments added, 1 attempts added, 1 answers added" in take("payouts", paid(nik, *rows))
    assert "2 unchanged" in take("payouts", paid(nik, *rows))
    payout = Payout.objects.get()
    assert payout.reference == f"BKL{payout.entitlement_id:014d}A01" and payout.partner == "bni"
    assert [each.posted_at for each in transfers_of(owner_id=owner().pk)][5:] == [
        jakarta(2020, 5, 26, 9),
        jakarta(2020, 5, 28, 0),
    ]
    assert PayoutStatus.objects.count() == 2
    prove()


@pytest.mark.parametrize(
    ("rows", "column", "words"),
    [
        (["incentive,1,600000,2020-05-26,2020-05-27,settled,2020-05-28"], "run", "no run was planned in this instant"),
        (
            ["incentive,1,600000,2020-05-26,2020-05-26T08:00,settled,"],
            "answered_at",
            "exactly where the state is settled",
        ),
        (["incentive,1,600000,2020-05-26,2020-05-26T08:00,,"], "state", "run and state stand together"),
        (["incentive,1,600000,2020-05-26,2020-05-26T08:00,planned,"], "state", "the run was exported or cancelled"),
        (
            ["incentive,1,600000,2020-05-26,2020-05-26T08:00,settled,2020-05-26T08:30"],
            "answered_at",
            "before the money",
        ),
        (
            ["incentive,1,600000,2020-05-26,,,", "incentive,1,600000,2020-05-26,,,"],
            "attempt",
            "line 2 has this attempt",
        ),
        (["incentive,2,600000,2020-05-26,,,"], "instalment", "not numbered without gaps"),
        ([f"incentive,{n},600000,2020-05-26,,," for n in range(1, 6)], "amount_rupiah", "earned more than the rules"),
        (["survey,1,50000,2020-05-26,,,"], "instalment", "had not answered this survey"),
        (["incentive,1,600001,2020-05-26,2020-05-26T08:00,settled,2020-05-28"], "run", "a larger sum"),
        (["survey,1,50000,2020-04-19,,,"], "entitled_at", "before the person was accepted"),
        (["incentive,1,500000,2020-05-26,,,"], "amount_rupiah", "the day of acceptance give Rp600.000 each time"),
        (["survey,1,50001,2020-05-26,,,"], "amount_rupiah", "the day of acceptance give Rp50.000 each time"),
    ],
)
def test_a_payment_the_programme_cannot_have_made_is_refused(
    nik: str, take: Callable[..., str], wrong: Callable[..., Any], rows: list[str], column: str, words: str
) -> None:
    take("completions", learned(nik))
    take("payout_runs", RUNS)
    found = wrong("payouts", paid(nik, *rows))
    assert any(each[1] == column and words in each[3] for each in found), found


def test_an_incentive_rests_on_a_training_that_was_proven_before(
    nik: str, take: Callable[..., str], wrong: Callable[..., Any]
) -> None:
    heading = "nik,kind,instalment,amount_rupiah,scheduled_on,payment_on,entitled_at\n"
    row = f"{nik},incentive,1,600000,2020-05-09,2020-05-26,"
    take("completions", learned(nik).replace("2020-05-09T10:00:00+07:00", ""))
    (problem,) = wrong("payouts", heading + f"{row}2020-05-10\n")
    assert problem[1] == "instalment" and "no training proven by then: import the completions" in problem[3]
    other = factories.new_nik()
    factories.accepted(nik=other)
    row = row.replace(nik, other)
    take("completions", learned(other))
    (problem,) = wrong("payouts", heading + f"{row}2020-05-09T09:59\n")
    assert problem[1] == "instalment" and "no training proven by then" in problem[3]
    take("payouts", heading + f"{row}\n")
    assert Entitlement.objects.get().entitled_at == jakarta(2020, 5, 9, 10), "blank: with the proof"
    prove()


def test_a_reference_is_one_payment_for_ever(nik: str, take: Callable[..., str], wrong: Callable[..., Any]) -> None:
    take("completions", learned(nik))
    take("payout_runs", RUNS)
    heading = PAID.strip() + ",reference\n"
    row = f"{nik},incentive,1,600000,2020-05-26,2020-05-26T08:00,settled,2020-05-28"
    take("payouts", heading + f"{row},BKL00000000000900A01\n")
    assert Entitlement.objects.get().pk > 900, "no instalment of ours may ever be number 900"
    pk = Entitlement.objects.get().pk
    other = factories.new_nik()
    factories.accepted(nik=other)
    for reference in ("BKL00000000000900A01", f"BKL{pk:014d}A01", "BKL99999999999999A01"):
        found = wrong("payouts", heading + f"{row.replace(nik, other)},{reference}\n")
        assert "reference" in {each[1] for each in found}, (reference, found)


def test_runs_are_planned_and_approved_by_two_officers(nik: str, wrong: Callable[..., Any]) -> None:
    heading = "run,planned_for,payout_count,total_rupiah,planned_by,approved_by,approved_at,exported_at,cancelled_at\n"
    factories.signed_in_participant(owner().pk, login_name="siti")
    for row, column in (
        ("2020-05-26,2020-05-26,1,1,ani,ani,2020-05-26,,", "approved_by"),
        ("2020-05-26,2020-05-26,1,1,siti,,,,", "planned_by"),
        ("2020-05-26,2020-05-26,1,1,ani,budi,2020-05-26,2020-05-26,2020-05-26", "cancelled_at"),
        ("2020-05-26#2,2020-05-26,1,1,ani,,,,", "run"),
        ("2020-05-26,2020-05-26,1,1,ani,budi,2020-05-25,,", "approved_at"),
        ("kemarin,2020-05-26,1,1,ani,,,,", "run"),
    ):
        assert column in {each[1] for each in wrong("payout_runs", heading + row + "\n")}, row


# Endings


def test_endings_return_what_the_verbs_would_have_returned(nik: str, take: Callable[..., str]) -> None:
    text = f"nik,kind,ended_at\n{nik},revoked,2020-06-01\n"
    assert "1 added, 0 unchanged, 3,550,000 rupiah returned" in take("endings", text)
    assert "0 added, 1 unchanged, 0 rupiah" in take("endings", text)
    assert owner().revoked_at == jakarta(2020, 6, 1, 0)
    prove()


def test_what_was_earned_before_a_revocation_stays_earned(nik: str, take: Callable[..., str]) -> None:
    take("survey_answers", f"nik,survey,answered_at,answers\n{nik},1,2020-05-20,{{}}\n")
    take("payout_runs", RUNS)
    take("payouts", paid(nik, "survey,1,50000,2020-05-26,2020-05-26T08:00,settled,2020-06-10"))
    assert "3,500,000 rupiah returned" in take("endings", f"nik,kind,ended_at\n{nik},revoked,2020-06-01\n")
    prove()


def test_the_balance_that_is_left_returns_when_it_ended(nik: str, take: Callable[..., str]) -> None:
    take("completions", BOUGHT + f"{nik},jahit,299950,2020-05-01,\n")
    assert "700,050 rupiah returned" in take("endings", f"nik,kind,ended_at\n{nik},balance_ended,2020-11-16\n")
    assert transfers_of(owner_id=owner().pk)[-1].idempotency_key == "end:training"
    prove()


def test_an_ending_that_contradicts_purchases_is_refused(
    nik: str, take: Callable[..., str], wrong: Callable[..., Any]
) -> None:
    take("completions", BOUGHT + f"{nik},jahit,1,2020-05-01,\n")
    for row, words in (
        ("revoked,2020-06-01", "has bought a training"),
        ("balance_ended,2020-04-30", "bought a training after this"),
        ("balance_ended,2020-04-01", "before the person was accepted"),
        ("balance_ended,2020-12-01", "has not come yet"),
    ):
        assert any(words in each[3] for each in wrong("endings", f"nik,kind,ended_at\n{nik},{row}\n")), row
    take("endings", f"nik,kind,ended_at\n{nik},balance_ended,2020-10-01\n")
    found = wrong("completions", BOUGHT + f"{nik},roti,1,2020-09-01,\n")
    assert any("the balance ended" in each[3] for each in found)
    assert any(
        "known already" in each[3] for each in wrong("endings", f"nik,kind,ended_at\n{nik},revoked,2020-10-01\n")
    )


@pytest.mark.django_db
def test_many_rows_are_joined_as_sets_and_afterwards_nothing_is_set(
    nik: str, take: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bekal.exchange.history.MANY_ROWS", 1)
    with CaptureQueriesContext(connection) as captured:
        take("completions", BOUGHT + f"{nik},jahit,3,2020-05-01,\n{nik},roti,5,2020-05-02,\n")
    statements = [query["sql"] for query in captured.captured_queries]
    off, on = (statements.index(f"SET LOCAL enable_nestloop = {value}") for value in ("off", "on"))
    posting = next(place for place, sql in enumerate(statements) if "INSERT INTO ledger_transfer" in sql)
    assert off < on < posting, "what is posted looks up its few rows"
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_nestloop")
        assert cursor.fetchone() == ("on",)


# What ended early, was settled, or came back
