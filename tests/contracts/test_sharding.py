"""What a sharded database needs to know: what is unique over all people, whose each amount is, and where tables go."""

from typing import Any

from django.db import models

from tests.contracts.house import ROOT
from tests.contracts.house import models as tables_of_the_house

# Unique over all people or over the whole programme. On a sharded database each of these is a table of its own kind:
# adding one is a decision, not a detail.
UNIQUE_OVER_ALL = {
    "accounts.User(login_name)",
    "catalogue.Category(slug)",
    "catalogue.Institution(code)",
    "catalogue.Owner(name, kind)",
    "catalogue.Platform(code)",
    "catalogue.Session(training, sequence)",
    "catalogue.Submission(code)",
    "catalogue.Suspension(institution)",
    "catalogue.Suspension(platform)",
    "catalogue.Suspension(training)",
    "catalogue.Training(code)",
    "catalogue.TrainingPrice(training, since_at)",
    "incentives.InstitutionAccount(account_hash)",
    "incentives.InstitutionAccount(institution)",
    "incentives.Payout(reference)",
    "incentives.PayoutDay(partner, counted_on)",
    "incentives.Payout(settlement)",
    "incentives.Payout(settlement, attempt)",
    "incentives.PayoutException(kind, partner, reference, said)",
    "incentives.PayoutFetch(partner, number)",
    "incentives.PayoutFile(direction, partner, sha256)",
    "incentives.PayoutFile(partner, message_id)",
    "incentives.DayClosing(partner, stated_on)",
    "incentives.DayClosing(partner, number)",
    "incentives.Statement(partner, account, stated_on)",
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
    "partners.AttendanceRequest(state_hash)",
    "partners.CallBudget(key)",
    "partners.CallCounter(key, counted_on, operation, outcome)",
    "partners.KeyedAnswer(partner, is_sandbox, key_hash)",
    "partners.ConformanceRecord(partner, check_code)",
    "partners.Partner(code)",
    "partners.Partner(institution)",
    "partners.Partner(platform)",
    "partners.PartnerCall(key, request_hash)",
    "partners.PartnerKey(client_code)",
    "partners.RedirectUri(partner, is_sandbox, uri)",
    "partners.WebhookDelivery(endpoint, event)",
    "partners.WebhookEndpoint(partner, is_sandbox, url)",
    "partners.WebhookEvent(partner, is_sandbox, event_key)",
    "partners.SandboxPeople(wave)",
    "purchases.Certificate(number)",
    "purchases.Certificate(status_list, status_index)",
    "purchases.InstitutionSettlement(institution, ordered_at, part)",
    "purchases.ReconciliationDay(counted_on)",
    "purchases.RedeemCodeDirectory(code_hash)",
    "purchases.SettlementFailure(reference)",
    "recommender.EarlierLearner(key_hash)",
    "recommender.SeatPrice(training)",
    "simulation.CohortMember(cohort, place)",
}
# Amounts that belong to no single person: prices, and the sums of a list.
PROGRAMME_AMOUNTS = {
    "purchases.CaseRuling",
    "catalogue.Submission",
    # What would have to fit into an account.
    "incentives.AccountCheck",
    "catalogue.Training",
    "catalogue.TrainingPrice",
    "incentives.PayoutDay",
    "incentives.DayClosing",
    "incentives.PayoutFile",
    "incentives.PayoutRun",
    "incentives.Statement",
    "incentives.StatementLine",
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
        "incentives.Complaint",
        "incentives.ComplaintEvent",
        "incentives.Entitlement",
        "incentives.Payout",
        "incentives.AccountCheck",
        "incentives.PayoutCall",
        "incentives.PayoutReversal",
        "incentives.PayoutStatus",
        "ledger.TrainingBalance",
        "ledger.Transfer",
        "lifecycle.Clawback",
        "lifecycle.Repayment",
        "messaging.OneTimeCode",
        "messaging.OutboxMessage",
        "participants.AttributeSighting",
        "participants.ContactPoint",
        "participants.Participant",
        "participants.Participation",
        "participants.PayoutAccount",
        "participants.SecondPayoutAccount",
        "partners.PlatformSale",
        "partners.PurchaseIntent",
        "partners.StatementTaken",
        "partners.SandboxCode",
        "partners.Task",
        "partners.TaskFeedback",
        "partners.TaskSubmission",
        "purchases.Evidence",
        "purchases.EvidenceCase",
        "purchases.EvidenceReminder",
        "purchases.Purchase",
        "purchases.ReconciliationStanding",
        "purchases.Review",
        "purchases.ReviewDecision",
        "purchases.ReviewFlag",
        "purchases.ReviewPrint",
        "purchases.ReviewReply",
        "purchases.ReviewVersion",
        "recommender.Exposure",
        "recommender.Personalisation",
        "recommender.PreparedList",
    },
    # Unique over all people: by the value itself, asked before somebody is written.
    "directory": {
        "participants.NikDirectory",
        "participants.PayoutAccountDirectory",
        "partners.AttendanceRequest",
        "purchases.Certificate",
        "purchases.CertificateEvent",
        "purchases.RedeemCodeDirectory",
    },
    # The same everywhere: few rows, read by all, changed by officers and the catalogue.
    "on every shard": {
        "accounts.DeviceSighting",
        "accounts.User",
        "catalogue.Accreditation",
        "catalogue.Category",
        "catalogue.CurationDecision",
        "catalogue.CuratorInterest",
        "catalogue.Institution",
        "catalogue.InstitutionStaff",
        "catalogue.OfferChange",
        "catalogue.Owner",
        "catalogue.Ownership",
        "catalogue.Platform",
        "catalogue.Session",
        "catalogue.SessionChange",
        "catalogue.Submission",
        "catalogue.Suspension",
        "catalogue.Training",
        "catalogue.TrainingPrice",
        "incentives.InstitutionAccount",
        "ledger.ProgrammeClock",
        "participants.District",
        "participants.DistrictYear",
        "participants.Wave",
        "partners.CallBudget",
        "partners.CallCounter",
        "partners.KeyedAnswer",
        "partners.ConformanceRecord",
        "partners.CourseStructure",
        "partners.Partner",
        "partners.PartnerCall",
        "partners.PartnerKey",
        "partners.RedirectUri",
        "partners.WebhookDelivery",
        "partners.WebhookEndpoint",
        "partners.WebhookEvent",
        "partners.SandboxCall",
        "partners.SandboxPeople",
        "recommender.EarlierChoice",
        "recommender.EarlierLearner",
        "recommender.ModelExamination",
        "recommender.ModelPromotion",
        "recommender.ModelProposal",
        "recommender.ModelVersion",
        "recommender.SeatPrice",
        "simulation.Cohort",
        "simulation.CohortMember",
    },
    # What a list, a file or a proof says of the people of one shard; the programme's figure is their sum.
    "each shard its own": {
        "alarms.AlarmLook",
        "holds.Hold",
        "holds.HoldEvent",
        "incentives.PayoutDay",
        "incentives.PayoutException",
        "incentives.DayClosing",
        "incentives.PayoutFetch",
        "incentives.PayoutFile",
        "incentives.Statement",
        "incentives.StatementLine",
        "incentives.PayoutRun",
        "incentives.PayoutSending",
        "ledger.DigestLink",
        "ledger.ProofRequest",
        "ledger.ProofResult",
        "lifecycle.ClosedSum",
        "lifecycle.MassChunk",
        "lifecycle.MassRun",
        "lifecycle.Tally",
        "purchases.CaseRuling",
        "purchases.CaseRulingLine",
        "purchases.InstitutionSettlement",
        "purchases.ReconciliationDay",
        "purchases.ReconciliationMark",
        "purchases.SettlementFailure",
        "recommender.Preparation",
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
    "incentives.Payout(settlement)": "made of one",
    "incentives.Payout(settlement, attempt)": "made of one",
    "incentives.PayoutException(id)": "number",
    "incentives.PayoutException(kind, partner, reference, said)": "made of one",
    "ledger.TrainingBalance(owner_id)": "has",
    "ledger.Transfer(owner_id, id)": "has",
    "ledger.Transfer(owner_id, idempotency_key)": "has",
    "lifecycle.Clawback(id)": "number",
    "lifecycle.Clawback(participation)": "has",
    "lifecycle.Repayment(clawback, reference)": "reaches",
    "lifecycle.Repayment(id)": "number",
    "participants.Participation(id)": "has",
    "participants.Participation(participant)": "reaches",
    "partners.PurchaseIntent(id)": "number",
    "purchases.Purchase(id)": "number",
    "purchases.Purchase(one_time_code)": "reaches",
    "purchases.Purchase(participation, ordinal)": "has",
    "purchases.Purchase(participation, training)": "has",
    "recommender.Exposure(id)": "number",
    "recommender.PreparedList(participation_id)": "has",
}
OWNER_COLUMNS = {"owner_id", "holder_id", "participation_id"}
PERSONS = {"accounts.User", "participants.Participant", "participants.Participation", "recommender.EarlierLearner"}


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
