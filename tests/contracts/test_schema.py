"""What the database itself guarantees, tried as each role."""

import datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.management import call_command
from django.db import DatabaseError, connections, models, transaction

from bekal.config.roles import PROOF_MAY_NOT_READ
from bekal.ledger.append_only import AppendOnlyModel
from tests.contracts.house import models as tables_of_the_house

# Django's own name; the day or instant a run or a proof is about, which is not one at which something happened.
NAMED_OTHERWISE = {
    "accounts.User.last_login",
    "incentives.PayoutRun.planned_for",
    "ledger.ProofResult.as_of",
    "lifecycle.MassRun.at",
    "lifecycle.Tally.as_of",
}
APPEND_ONLY = {
    "alarms.AlarmLook",
    "holds.HoldEvent",
    "catalogue.Accreditation",
    "catalogue.CurationDecision",
    "catalogue.OfferChange",
    "catalogue.SessionChange",
    "catalogue.TrainingPrice",
    "ledger.DigestLink",
    "ledger.ProofResult",
    "ledger.Transfer",
    "lifecycle.ClosedSum",
    "lifecycle.Repayment",
    "partners.TaskFeedback",
    "partners.TaskSubmission",
    "partners.CourseStructure",
    "partners.PlatformSale",
    "partners.StatementTaken",
    "purchases.Certificate",
    "purchases.CertificateEvent",
    "purchases.Evidence",
    "purchases.EvidenceReminder",
    "purchases.ReviewDecision",
    "purchases.ReviewFlag",
    "purchases.ReviewReply",
    "purchases.ReviewVersion",
    "engagement.SurveyResponse",
    "incentives.PayoutFile",
    "incentives.PayoutStatus",
    "incentives.Statement",
    "incentives.StatementLine",
    "incentives.DayClosing",
    "recommender.ModelExamination",
    "recommender.ModelPromotion",
    "recommender.ModelProposal",
    "recommender.ModelVersion",
    "recommender.Exposure",
    "recommender.Personalisation",
}
# Where the first choice of each column is not a row the constraints allow.
ALLOWED_ROWS: dict[str, dict[str, Any]] = {
    "catalogue.Accreditation": {"platform": None},
    "ledger.Transfer": {"reason": 1, "debit_kind": 1, "credit_kind": 2},
    "incentives.DayClosing": {"number": 1, "previous_sha256": None},
    "incentives.PayoutFetch": {"refusal": ""},
    "incentives.PayoutStatus": {"call": None},
    "purchases.CertificateEvent": {"asked": None, "asked_by": None, "reason": "x"},
    "purchases.SettlementFailure": {"reason_code": "AC04"},
    "purchases.Evidence": {"source": "institution", "percent": None},
    "partners.StatementTaken": {"statement_id": "7ba10c5e-1c51-4f3c-9d6f-9d5a2ac1d9a1", "voids": None},
    "recommender.ModelPromotion": {"kind": "rolled_back", "proposal": None, "proposed_by": None},
}
append_only_models = sorted(
    (m for m in apps.get_models() if issubclass(m, AppendOnlyModel)), key=lambda model: model._meta.label
)


@pytest.mark.django_db
def test_triggers_are_a_second_guard_and_nothing_else() -> None:
    """No row is checked or made by one: each refuses a change of a fact. In tests/shards/ none of them fires."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            """
            SELECT tgrelid::regclass::text, tgname, proname, tgtype & 2 <> 0, tgtype & 4 <> 0, tgtype & 64 <> 0
            FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal
            """
        )
        triggers = cursor.fetchall()
    assert {table for table, *_ in triggers} == {model._meta.db_table for model in append_only_models}
    for table, name, function, is_before, on_insert, is_instead in triggers:
        assert name.startswith(f"{table}_"), name
        assert function.startswith("refuse_"), name
        assert is_before and not on_insert and not is_instead, name


def test_names_carry_their_unit() -> None:
    """Money in whole rupiah, dates `_on`, instants `_at`, so that no reader has to guess."""
    wrong = [
        f"{model._meta.label}.{field.name}"
        for model in tables_of_the_house()
        for field in model._meta.concrete_fields
        if not _named_by_its_unit(field)
    ]
    assert set(wrong) == NAMED_OTHERWISE


def _named_by_its_unit(field: Any) -> bool:
    if isinstance(field, models.DateTimeField):
        return bool(field.name.endswith("_at"))
    if isinstance(field, models.DateField):
        return bool(field.name.endswith("_on"))
    if isinstance(field, models.FloatField | models.DecimalField):
        return not field.name.endswith("_rupiah")
    return not field.name.endswith(("_at", "_on"))


def test_the_facts_of_the_programme_are_append_only() -> None:
    assert {model._meta.label for model in append_only_models} >= APPEND_ONLY


@pytest.mark.django_db
@pytest.mark.parametrize("model", append_only_models, ids=lambda model: model._meta.label)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_program_cannot_change_a_fact(model: type[AppendOnlyModel], statement: str) -> None:
    column = model._meta.concrete_fields[-1].column
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connections["default"].cursor() as cursor,
    ):
        cursor.execute(statement.format(model._meta.db_table, column, column))


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize("model", append_only_models, ids=lambda model: model._meta.label)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_not_even_the_owner_changes_a_fact(model: type[AppendOnlyModel], statement: str) -> None:
    """Foreign keys are checked at commit, and this transaction never commits: one row is enough."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        row = {
            field.column: _some_value(model, field) for field in model._meta.concrete_fields if not _is_filled(field)
        }
        names, places = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
        cursor.execute(f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places})', list(row.values()))
        column = model._meta.concrete_fields[-1].column
        with pytest.raises(DatabaseError, match="are facts"), transaction.atomic(using="owner"):
            cursor.execute(statement.format(model._meta.db_table, column, column))
        transaction.set_rollback(True, using="owner")


def _is_filled(field: Any) -> bool:
    return isinstance(field, models.AutoField | models.CompositePrimaryKey) or field.has_db_default()


def _some_value(model: type[models.Model], field: Any) -> Any:
    allowed = ALLOWED_ROWS.get(model._meta.label, {})
    if field.name in allowed:
        return allowed[field.name]
    if field.choices:
        return field.choices[0][0]
    by_kind: dict[type[Any], Any] = {
        models.BinaryField: b"\x00",
        models.BooleanField: True,
        models.DateTimeField: datetime.datetime(2020, 11, 19, tzinfo=datetime.UTC),
        models.DateField: datetime.date(2020, 11, 19),
        models.JSONField: "{}",
        models.CharField: "",
        ArrayField: [],
    }
    return next((value for kind, value in by_kind.items() if isinstance(field, kind)), 1)


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
def test_the_checker_can_write_nothing_and_reads_no_person() -> None:
    with connections["proof"].cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("bekal_proof",)
        assert tables_with_right(cursor, "INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER") == set()
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        readable = {table for (table,) in cursor.fetchall() if not table.startswith(PROOF_MAY_NOT_READ)}
        assert tables_with_right(cursor, "SELECT") == readable
        assert "ledger_transfer" in readable
    for statement in ("DELETE FROM ledger_transfer", "CREATE TABLE anything (id int)"):
        with (
            pytest.raises(DatabaseError, match=r"permission denied|read-only"),
            connections["proof"].cursor() as cursor,
        ):
            cursor.execute(statement)


@pytest.mark.django_db
def test_the_program_owns_nothing() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user")
        assert cursor.fetchall() == []
        assert tables_with_right(cursor, "TRUNCATE, TRIGGER") == set()


def tables_with_right(cursor: Any, rights: str) -> set[str]:
    """The tables on which the role of this connection has any of these rights."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
        "AND has_table_privilege(oid, %s)",
        [rights],
    )
    return {name for (name,) in cursor.fetchall()}


@pytest.mark.django_db(databases=["default", "owner"])
def test_no_migration_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        call_command("makemigrations", check_changes=True, dry_run=True, verbosity=1)
    except SystemExit:
        pytest.fail(f"run `python3 dev manage makemigrations`:\n{capsys.readouterr().out}", pytrace=False)
