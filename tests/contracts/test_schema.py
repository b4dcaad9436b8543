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
from tests.contracts.house import ROOT
from tests.contracts.house import models as tables_of_the_house

# Unique over all people or over the whole programme. On a sharded database each of these is a table of its own kind:
# adding one is a decision, not a detail.
UNIQUE_OVER_ALL = {
    "accounts.User(login_name)",
    "catalogue.Category(slug)",
    "catalogue.Institution(code)",
    "catalogue.Platform(code)",
    "catalogue.Session(training, sequence)",
    "catalogue.Training(code)",
    "incentives.Payout(reference)",
    "incentives.PayoutFile(direction, sha256)",
    "ledger.DigestLink(after_id)",
    "ledger.DigestLink(number)",
    "lifecycle.ClosedSum(link_number, posted_on, wave, accepted_year, reason, debit_kind, credit_kind, is_clawback)",
    "lifecycle.Tally(name, as_of, parameters)",
    "participants.District(id)",
    "participants.District(province, name)",
    "participants.DistrictYear(district, year)",
    "participants.NikDirectory(nik_hash)",
    "participants.PayoutAccountDirectory(account_hash)",
    "participants.Wave(number)",
    "purchases.InstitutionSettlement(institution, settled_at)",
    "purchases.RedeemCodeDirectory(code_hash)",
    "recommender.EarlierLearner(key_hash)",
    "simulation.CohortMember(cohort, place)",
}
# Amounts that belong to no single person: prices, and the sums of a list.
PROGRAMME_AMOUNTS = {
    "catalogue.Training",
    "incentives.PayoutFile",
    "incentives.PayoutRun",
    "ledger.DigestLink",
    "lifecycle.ClosedSum",
    "lifecycle.MassChunk",
    "lifecycle.MassRun",
    "purchases.InstitutionSettlement",
}
# Where each table goes on a sharded database (docs/runbooks/citus.md says how, and names every one of them).
PLACES = {
    # One person's, and with that person on one shard.
    "with its person": {
        "engagement.SurveyResponse",
        "incentives.Entitlement",
        "incentives.Payout",
        "incentives.PayoutReversal",
        "incentives.PayoutStatus",
        "ledger.TrainingBalance",
        "ledger.Transfer",
        "lifecycle.Clawback",
        "lifecycle.Repayment",
        "messaging.OneTimeCode",
        "messaging.OutboxMessage",
        "participants.ContactPoint",
        "participants.Participant",
        "participants.Participation",
        "participants.PayoutAccount",
        "purchases.Evidence",
        "purchases.Purchase",
        "purchases.Review",
        "recommender.Exposure",
    },
    # Unique over all people: by the value itself, asked before somebody is written.
    "directory": {
        "participants.NikDirectory",
        "participants.PayoutAccountDirectory",
        "purchases.RedeemCodeDirectory",
    },
    # The same everywhere: few rows, read by all, changed by officers and the catalogue.
    "on every shard": {
        "accounts.User",
        "catalogue.Category",
        "catalogue.Institution",
        "catalogue.InstitutionStaff",
        "catalogue.Platform",
        "catalogue.Session",
        "catalogue.Training",
        "ledger.ProgrammeClock",
        "participants.District",
        "participants.DistrictYear",
        "participants.Wave",
        "recommender.EarlierChoice",
        "recommender.EarlierLearner",
        "recommender.ModelVersion",
        "simulation.Cohort",
        "simulation.CohortMember",
    },
    # What a list, a file or a proof says of the people of one shard; the programme's figure is their sum.
    "each shard its own": {
        "incentives.PayoutFile",
        "incentives.PayoutRun",
        "ledger.DigestLink",
        "ledger.ProofRequest",
        "ledger.ProofResult",
        "lifecycle.ClosedSum",
        "lifecycle.MassChunk",
        "lifecycle.MassRun",
        "lifecycle.Tally",
        "purchases.InstitutionSettlement",
    },
}
# Every key of every table with a person's money. "has": the owner is a column of it. "reaches": it names a row that has
# one owner. "number": the table's own numbering, which nobody but its own shard relies on. "made of one": a value that
# is made from such a number, and unique where those are.
KEYS_OF_MONEY = {
    "incentives.Entitlement(id)": "number",
    "incentives.Entitlement(participation, kind, instalment)": "has",
    "incentives.Payout(id)": "number",
    "incentives.Payout(entitlement)": "reaches",
    "incentives.Payout(entitlement, attempt)": "reaches",
    "incentives.Payout(reference)": "made of one",
    "ledger.TrainingBalance(owner_id)": "has",
    "ledger.Transfer(owner_id, id)": "has",
    "ledger.Transfer(owner_id, idempotency_key)": "has",
    "lifecycle.Clawback(id)": "number",
    "lifecycle.Clawback(participation)": "has",
    "lifecycle.Repayment(clawback, reference)": "reaches",
    "lifecycle.Repayment(id)": "number",
    "participants.Participation(id)": "has",
    "participants.Participation(participant)": "reaches",
    "purchases.Purchase(id)": "number",
    "purchases.Purchase(one_time_code)": "reaches",
    "purchases.Purchase(participation, ordinal)": "has",
    "purchases.Purchase(participation, training)": "has",
    "recommender.Exposure(id)": "number",
}
OWNER_COLUMNS = {"owner_id", "holder_id", "participation_id"}
PERSONS = {"accounts.User", "participants.Participant", "participants.Participation", "recommender.EarlierLearner"}
# Django's own name; the day or instant a run or a proof is about, which is not one at which something happened.
NAMED_OTHERWISE = {
    "accounts.User.last_login",
    "incentives.PayoutRun.planned_for",
    "ledger.ProofResult.as_of",
    "lifecycle.MassRun.at",
    "lifecycle.Tally.as_of",
}
APPEND_ONLY = {
    "ledger.DigestLink",
    "ledger.ProofResult",
    "ledger.Transfer",
    "lifecycle.ClosedSum",
    "lifecycle.Repayment",
    "purchases.Evidence",
    "engagement.SurveyResponse",
    "incentives.PayoutFile",
    "incentives.PayoutStatus",
    "recommender.ModelVersion",
    "recommender.Exposure",
}
# Where the first choice of each column is not a row the constraints allow.
ALLOWED_ROWS: dict[str, dict[str, Any]] = {
    "ledger.Transfer": {"reason": 1, "debit_kind": 1, "credit_kind": 2},
    "purchases.Evidence": {"source": "institution"},
}
append_only_models = sorted(
    (m for m in apps.get_models() if issubclass(m, AppendOnlyModel)), key=lambda model: model._meta.label
)


def belongs_to(persons: set[str], model: type[models.Model], seen: frozenset[str] = frozenset()) -> bool:
    """Whether a row is one person's: it names its owner, or something that does."""
    label, fields = model._meta.label, model._meta.concrete_fields
    if label in persons:
        return True
    return label not in seen and any(names_one_of(persons, field, seen | {label}) for field in fields)


def names_one_of(persons: set[str], field: Any, seen: frozenset[str] = frozenset()) -> bool:
    if field.is_relation:
        return belongs_to(persons, field.related_model, seen)
    return field.name in OWNER_COLUMNS


def uniques(model: type[models.Model]) -> list[tuple[str, ...]]:
    """The columns of everything unique in a table, save the plain numbering of its rows."""
    found: list[tuple[str, ...]] = [
        (f.name,) for f in model._meta.concrete_fields if f.unique and not isinstance(f, models.AutoField)
    ]
    found += [tuple(c.fields) for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
    return found + [tuple(names) for names in model._meta.unique_together]


def test_what_is_unique_over_all_people_is_listed_by_name() -> None:
    found = {
        f"{model._meta.label}({', '.join(names)})"
        for model in tables_of_the_house()
        for names in uniques(model)
        if not any(names_one_of(PERSONS, model._meta.get_field(name)) for name in names)
        and model._meta.label != "ledger.ProgrammeClock"
    }
    assert found == UNIQUE_OVER_ALL


def test_money_names_its_owner() -> None:
    ownerless = {
        model._meta.label
        for model in tables_of_the_house()
        if any(field.name.endswith("_rupiah") for field in model._meta.concrete_fields)
        and not belongs_to({"participants.Participation"}, model)
    }
    assert ownerless == PROGRAMME_AMOUNTS


def test_every_table_has_its_place_on_a_sharded_database() -> None:
    """And the runbook that says how to move names each of them."""
    placed = [label for labels in PLACES.values() for label in labels]
    assert sorted(placed) == sorted({model._meta.label for model in tables_of_the_house()})
    runbook = (ROOT / "docs" / "runbooks" / "citus.md").read_text()
    assert [m._meta.db_table for m in tables_of_the_house() if f"`{m._meta.db_table}`" not in runbook] == []


def test_every_key_of_money_has_its_owner_or_reaches_it() -> None:
    """A sharded database keeps unique only what carries the owner; whatever does not has to be harmless or listed."""
    money = [
        model
        for model in tables_of_the_house()
        if any(field.name.endswith("_rupiah") for field in model._meta.concrete_fields)
        and model._meta.label not in PROGRAMME_AMOUNTS
    ]
    found = {
        f"{model._meta.label}({', '.join(names)})": _reach(model, names) for model in money for names in _keys(model)
    }
    assert found == KEYS_OF_MONEY
    assert {label for label, reach in found.items() if reach == "made of one"} <= UNIQUE_OVER_ALL


def _keys(model: type[models.Model]) -> list[tuple[str, ...]]:
    """The columns of the primary key and of everything else that is unique."""
    primary = tuple(field.name for field in model._meta.pk_fields)
    return list(dict.fromkeys([primary, *uniques(model)]))


def _reach(model: type[models.Model], names: tuple[str, ...]) -> str:
    fields = [model._meta.get_field(name) for name in names]
    if any(field.name in OWNER_COLUMNS or _is_participation(field) for field in fields):
        return "has"
    if model._meta.label == "participants.Participation" and names == ("id",):
        return "has"  # its number is the owner
    if any(field.is_relation and names_one_of(PERSONS, field) for field in fields):
        return "reaches"
    return "number" if isinstance(fields[0], models.AutoField) else "made of one"


def _is_participation(field: Any) -> bool:
    return bool(field.is_relation and field.related_model._meta.label == "participants.Participation")


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
