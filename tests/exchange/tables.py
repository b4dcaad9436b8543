"""Every table of the house is carried by the exchange, or left out for a reason; and so is every column of one."""

from django.apps import apps
from django.db import connection, models

_SIGN_IN = "sign-ins stay: whoever takes part signs up again, officers come along by login name, without password"
_MADE_ANEW = "made anew from what is carried, by the worker and the daily work"
_THIS_HOUSE = "of this house, not of the programme"
_MESSAGES = "messages and codes have served"
_MODELS = "a model is fitted anew, and its lists with it"
_PARTNERS = "keys and what hangs on them stay: a partner of another house gets keys of that house"
_SANDBOX = "the sandbox is another world, with test people"
LEFT_OUT: dict[str, str] = {
    "incentives_payoutreversal": "that a payout came back is carried; who asked for it and who agreed is not",
    "partners_platformsale": "what was bought is carried; that a platform's pages had led there is not",
    "ledger_programmeclock": _THIS_HOUSE,
    "ledger_digestlink": _MADE_ANEW,
    "ledger_proofresult": _THIS_HOUSE,
    "ledger_proofrequest": _THIS_HOUSE,
    "accounts_user": _SIGN_IN,
    "accounts_devicesighting": "devices are kept as keyed hashes for some days, then forgotten",
    "messaging_outboxmessage": _MESSAGES,
    "messaging_onetimecode": _MESSAGES,
    "participants_attributesighting": _MADE_ANEW,
    "participants_secondpayoutaccount": "it takes a code of its owner, who names it anew",
    "catalogue_institutionstaff": _SIGN_IN,
    "catalogue_curatorinterest": _SIGN_IN + "; whoever is to curate says to whom they are bound",
    "purchases_reviewprint": _MADE_ANEW,
    "purchases_reconciliationstanding": _MADE_ANEW,
    "purchases_reconciliationmark": _MADE_ANEW,
    "purchases_reconciliationday": _THIS_HOUSE,
    "purchases_evidencereminder": _MESSAGES,
    "incentives_institutionaccount": "two officers of the house enter and agree to the account of an institution",
    "purchases_settlementfailure": "what a bank did not pay is owed, which is carried; why is known to this house",
    "incentives_payoutfile": "a sentence stands in for each file: the office keeps the originals",
    "incentives_payoutsending": "what passed between this house and its partners; what came of it is carried",
    "incentives_payoutfetch": "what passed between this house and its partners; what came of it is carried",
    "incentives_payoutcall": "what passed between this house and its partners; what came of it is carried",
    "incentives_accountcheck": "what the partners of this house said: those of another are asked anew",
    "incentives_payoutday": "what passed between this house and its partners; what came of it is carried",
    "incentives_statement": "what passed between this house and its partners; the statements stay with the office",
    "incentives_statementline": "what passed between this house and its partners; the statements stay with the office",
    "incentives_dayclosing": "certificates of this house over its partners' days; the office keeps them",
    "incentives_payoutexception": "what the partners of this house have to clear up with it",
    "incentives_complaint": "what the office of this house has to answer; where the payments are is carried",
    "incentives_complaintevent": "what the office of this house has to answer; where the payments are is carried",
    "recommender_modelversion": _MODELS,
    "recommender_modelexamination": _MODELS,
    "recommender_modelproposal": _MODELS,
    "recommender_modelpromotion": _MODELS,
    "recommender_exposure": _MODELS,
    "recommender_preparedlist": _MODELS,
    "recommender_preparation": _MODELS,
    "recommender_seatprice": _MODELS,
    "lifecycle_massrun": "what a run over many people did stands with each of them",
    "lifecycle_masschunk": "what a run over many people did stands with each of them",
    "lifecycle_closedsum": _MADE_ANEW,
    "lifecycle_tally": _MADE_ANEW,
    "alarms_alarmlook": _THIS_HOUSE,
    "partners_partnerkey": _PARTNERS,
    "partners_partnercall": _PARTNERS,
    "partners_callcounter": _PARTNERS,
    "partners_redirecturi": _PARTNERS,
    "partners_keyedanswer": _PARTNERS,
    "partners_callbudget": _PARTNERS,
    "partners_webhookendpoint": _PARTNERS,
    "partners_webhookevent": _PARTNERS,
    "partners_webhookdelivery": _PARTNERS,
    "partners_attendancerequest": "an address with a secret, good for a short while: the answer is evidence",
    "partners_purchaseintent": "a start code, good for a short while: what was bought is carried",
    "partners_coursestructure": "registered by a partner's system with its keys",
    "partners_statementtaken": "what a statement said is evidence, which is carried",
    "partners_task": "work handed in stays with the institution's system: what came of it is evidence",
    "partners_tasksubmission": "work handed in stays with the institution's system: what came of it is evidence",
    "partners_taskfeedback": "work handed in stays with the institution's system: what came of it is evidence",
    "partners_sandboxpeople": _SANDBOX,
    "partners_sandboxcode": _SANDBOX,
    "partners_sandboxcall": _SANDBOX,
    "partners_conformancerecord": _SANDBOX,
    "simulation_cohort": "people of a simulation are carried as participants; how they were drawn is not",
    "simulation_cohortmember": "people of a simulation are carried as participants; how they were drawn is not",
}
_RENUMBERED = "a number of rows, which are numbered anew; tests/exchange/state.sql compares what it names"
_NOBODY = "accounts of participants and institutions are in no file"
# Columns of carried tables that differ though the programme is the same.
NOT_COMPARED: dict[str, str] = {
    "ledger_transfer.owner_id": _RENUMBERED,
    "ledger_transfer.id": _RENUMBERED,
    "ledger_transfer.idempotency_key": _RENUMBERED,
    "ledger_trainingbalance.owner_id": _RENUMBERED,
    "purchases_certificate.evidence_until_id": _RENUMBERED,
    "purchases_caserulingline.seen_until_id": _RENUMBERED,
    "holds_hold.purchase_id": _RENUMBERED,
    "purchases_purchase.one_time_code_id": "the code has served",
    "purchases_reviewflag.raised_by_id": _NOBODY,
    "purchases_reviewreply.written_by_id": _NOBODY,
    "catalogue_submission.written_by_id": _NOBODY,
    "catalogue_offerchange.changed_by_id": _NOBODY,
    "catalogue_sessionchange.changed_by_id": _NOBODY,
    "catalogue_trainingprice.set_by_id": "who approved a price stands with the curator's decision",
    "incentives_payoutstatus.file_id": "a status without a file gets none",
    "incentives_payout.account_hash": "of what is under way it is hashed anew; of what was sent it has served",
    "incentives_payoutrun.follows_id": "that a run pays the rest of another shows in the attempts of its payouts",
}


def carried() -> list[type[models.Model]]:
    """The models of all rooms whose rows an export carries."""
    ours = [each for each in apps.get_models(include_auto_created=True) if each.__module__.startswith("bekal.")]
    return [each for each in ours if each._meta.db_table not in LEFT_OUT]


def contents() -> dict[str, list[str]]:
    """The rows of each carried table, all their columns but numbers of rows, of which only whether there is one, and
    what is encrypted, which is sealed anew."""
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for model in carried():
            table = model._meta.db_table
            cursor.execute(f"SELECT concat_ws(' ', {', '.join(_compared(model))}) FROM {table} ORDER BY 1")
            found[table] = [line for (line,) in cursor.fetchall()]
    return found


def _compared(model: type[models.Model]) -> list[str]:
    table = model._meta.db_table
    cells = ["''"]
    for field in model._meta.concrete_fields:
        name = field.column
        if name is None or f"{table}.{name}" in NOT_COMPARED:
            continue
        if isinstance(field, models.ForeignKey) or name.endswith("_encrypted"):
            cells.append(f"'{name}=' || (\"{name}\" IS NOT NULL)")
        elif not isinstance(field, models.AutoField | models.BigAutoField):
            cells.append(f"'{name}=' || coalesce(\"{name}\"::text, '')")
    return cells
