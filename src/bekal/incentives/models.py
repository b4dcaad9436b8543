"""What is owed in cash, and the runs that pay it; what passes between us and the partners is in `sending_models`."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.incentives.complaint_models import Complaint as Complaint
from bekal.incentives.complaint_models import ComplaintEvent as ComplaintEvent
from bekal.incentives.institution_account_models import InstitutionAccount as InstitutionAccount
from bekal.incentives.sending_models import AccountCheck as AccountCheck
from bekal.incentives.sending_models import PayoutCall as PayoutCall
from bekal.incentives.sending_models import PayoutDay as PayoutDay
from bekal.incentives.sending_models import PayoutException as PayoutException
from bekal.incentives.sending_models import PayoutFetch as PayoutFetch
from bekal.incentives.sending_models import PayoutSending as PayoutSending
from bekal.incentives.statement_models import DayClosing as DayClosing
from bekal.incentives.statement_models import Statement as Statement
from bekal.incentives.statement_models import StatementLine as StatementLine
from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import Participation, PaymentPartner, PayoutAccount
from bekal.purchases.models import InstitutionSettlement


class Entitlement(models.Model):
    """One instalment one participation has earned: paid once, on its calendar day.

    `lapsed_at`: it was not paid when the person's money was clawed back, so its money returned to the treasury and
    nobody is owed it any more."""

    class Kind(models.TextChoices):
        INCENTIVE = "incentive", _("incentive")
        SURVEY = "survey", _("survey")

    # Its unique constraint begins with the participation: an index for it alone would be written for nothing.
    participation = models.ForeignKey(
        Participation, on_delete=models.PROTECT, related_name="entitlements", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    instalment = models.PositiveSmallIntegerField()
    amount_rupiah = models.BigIntegerField()
    scheduled_on = models.DateField()
    payment_on = models.DateField()
    entitled_at = models.DateTimeField()
    lapsed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participation", "kind", "instalment"], name="incentives_entitlement_once"),
            models.CheckConstraint(condition=Q(amount_rupiah__gt=0), name="incentives_entitlement_amount_positive"),
            models.CheckConstraint(condition=Q(instalment__gte=1), name="incentives_entitlement_instalment_from_1"),
        ]
        indexes = [models.Index(fields=["payment_on", "id"], name="entitlement_payment_on")]


class PayoutRun(models.Model):
    """One list of payouts: planned by one officer, approved by another, exported, settled.

    The approval is bound to what the second person saw: count, sum and SHA-256 of the list. A run pays instalments to
    people, or settlements to institutions; after that both are the same.
    """

    class Payee(models.TextChoices):
        PEOPLE = "people", _("people")
        INSTITUTIONS = "institutions", _("institutions")

    payee = models.CharField(max_length=12, choices=Payee.choices, default=Payee.PEOPLE, db_default=Payee.PEOPLE.value)
    planned_for = models.DateField()
    payout_count = models.PositiveIntegerField()
    total_rupiah = models.BigIntegerField()
    list_sha256 = models.BinaryField(max_length=32)
    planned_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="planned_runs")
    planned_at = models.DateTimeField()
    approved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="approved_runs")
    approved_at = models.DateTimeField(null=True)
    approved_sha256 = models.BinaryField(max_length=32, null=True)
    exported_at = models.DateTimeField(null=True)
    # While it is paused nothing more of it is handed over; what was handed over goes its way.
    paused_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="paused_runs")
    paused_at = models.DateTimeField(null=True)
    cancelled_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="cancelled_runs")
    cancelled_at = models.DateTimeField(null=True)
    # The run whose rest this one pays.
    follows = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="followed_by")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("planned_by")),
                name="incentives_payoutrun_second_person",
                violation_error_message="The person who planned a run cannot approve it.",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True, approved_sha256__isnull=True)
                # Not null is said for every column: a comparison with NULL would let the row pass.
                | Q(
                    approved_by__isnull=False,
                    approved_at__isnull=False,
                    approved_sha256__isnull=False,
                    approved_sha256=F("list_sha256"),
                ),
                name="incentives_payoutrun_approval_bound_to_list",
                violation_error_message="An approval holds only for the list that was shown.",
            ),
            models.CheckConstraint(
                condition=Q(exported_at__isnull=True) | Q(approved_at__isnull=False),
                name="incentives_payoutrun_export_needs_approval",
                violation_error_message="A run is exported only after a second person has approved it.",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True) | Q(exported_at__isnull=True),
                name="incentives_payoutrun_cancel_before_export",
                violation_error_message="A run that was exported cannot be cancelled.",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_by__isnull=True, cancelled_at__isnull=True)
                | Q(cancelled_by__isnull=False, cancelled_at__isnull=False),
                name="incentives_payoutrun_cancelled_by_someone",
                violation_error_message="A cancelled run names who cancelled it.",
            ),
            models.CheckConstraint(
                condition=Q(payout_count__gt=0, total_rupiah__gt=0), name="incentives_payoutrun_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(paused_by__isnull=True, paused_at__isnull=True)
                | Q(paused_by__isnull=False, paused_at__isnull=False),
                name="incentives_payoutrun_paused_by_someone",
                violation_error_message="A paused run names who paused it.",
            ),
        ]


class Payout(models.Model):
    """One attempt to pay one entitlement, or one settlement of an institution. At most one is live (not rejected, not
    cancelled)."""

    entitlement = models.ForeignKey(Entitlement, null=True, on_delete=models.PROTECT, related_name="payouts")
    # Of institutions: which settlement, and to which of their accounts. The constraints below are its index.
    settlement = models.ForeignKey(
        InstitutionSettlement, null=True, on_delete=models.PROTECT, related_name="payouts", db_index=False
    )
    institution_account = models.ForeignKey(
        InstitutionAccount, null=True, on_delete=models.PROTECT, related_name="payouts", db_index=False
    )
    run = models.ForeignKey(PayoutRun, on_delete=models.PROTECT, related_name="payouts")
    account = models.ForeignKey(PayoutAccount, null=True, on_delete=models.PROTECT, related_name="payouts")
    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    # Where this attempt went, as the participant may read it: the account itself can be changed afterwards.
    masked_account = models.CharField(max_length=40)
    # The account that was approved, by its hash in the directory: to no other is this attempt paid. NULL: brought in
    # from another system, or sent before this was kept.
    account_hash = models.BinaryField(max_length=32, null=True)
    attempt = models.PositiveSmallIntegerField()
    amount_rupiah = models.BigIntegerField()
    reference = models.CharField(max_length=35, unique=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entitlement", "attempt"], name="incentives_payout_attempt"),
            models.UniqueConstraint(
                fields=["entitlement"],
                condition=Q(ended_at__isnull=True),
                name="incentives_payout_one_live_attempt",
                violation_error_message="This instalment already has a payout under way.",
            ),
            models.UniqueConstraint(
                fields=["settlement", "attempt"],
                condition=Q(settlement__isnull=False),
                name="incentives_payout_settlement_attempt",
            ),
            models.UniqueConstraint(
                fields=["settlement"],
                condition=Q(ended_at__isnull=True, settlement__isnull=False),
                name="incentives_payout_one_live_settlement",
                violation_error_message="This settlement already has a payment under way.",
            ),
            models.CheckConstraint(
                condition=Q(
                    entitlement__isnull=False,
                    account__isnull=False,
                    settlement__isnull=True,
                    institution_account__isnull=True,
                )
                | Q(
                    entitlement__isnull=True,
                    account__isnull=True,
                    settlement__isnull=False,
                    institution_account__isnull=False,
                ),
                name="incentives_payout_of_one_payee",
                violation_error_message="A payout pays an instalment to a person, or a settlement to an institution.",
            ),
            models.CheckConstraint(condition=Q(amount_rupiah__gt=0), name="incentives_payout_amount_positive"),
            models.CheckConstraint(condition=Q(attempt__gte=1), name="incentives_payout_attempt_from_1"),
        ]


class PayoutFile(AppendOnlyModel):
    """One file sent to or received from a payment partner, kept byte for byte.

    `run` is missing where what came back answers several runs, or none. `message_id`: by what name a partner knows a
    file of ours for ever; what came back, and what an officer hands over, has none. A list of payments that are made by
    calls is kept as a file, too: it is the intent to make them.
    """

    class Direction(models.TextChoices):
        OUT = "out", _("sent")
        BACK = "back", _("received")

    class Form(models.TextChoices):
        CSV = "csv", "CSV"
        PAIN_001 = "pain.001", "pain.001"
        CALLS = "calls", _("calls")
        PAIN_002 = "pain.002", "pain.002"
        CAMT_053 = "camt.053", "camt.053"
        CAMT_054 = "camt.054", "camt.054"
        MT940 = "mt940", "MT940"

    run = models.ForeignKey(PayoutRun, null=True, on_delete=models.PROTECT, related_name="files")
    direction = models.CharField(max_length=4, choices=Direction.choices)
    form = models.CharField(max_length=8, choices=Form.choices, default=Form.CSV, db_default=Form.CSV)
    message_id = models.CharField(max_length=80, blank=True, default="", db_default="")
    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    name = models.CharField(max_length=120)
    sha256 = models.BinaryField(max_length=32)
    content_encrypted = models.BinaryField()
    line_count = models.PositiveIntegerField()
    total_rupiah = models.BigIntegerField()
    stored_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["direction", "partner", "sha256"], name="incentives_payoutfile_once"),
            models.UniqueConstraint(
                fields=["partner", "message_id"],
                condition=~Q(message_id=""),
                name="incentives_payoutfile_message_once",
                violation_error_message="A partner knows one file by this name already.",
            ),
            models.CheckConstraint(
                condition=Q(run__isnull=False) | Q(direction="back"),
                name="incentives_payoutfile_sent_for_a_run",
                violation_error_message="What is sent belongs to a run.",
            ),
        ]


class PayoutStatus(AppendOnlyModel):
    """What a partner said of one payout; the current state is the newest row."""

    class State(models.TextChoices):
        SENT = "sent", _("sent")
        # The partner has taken it and will pay or reject it.
        ACCEPTED = "accepted", _("accepted by the partner")
        SETTLED = "settled", _("paid")
        REJECTED = "rejected", _("rejected")
        RETURNED = "returned", _("returned by the bank")
        REVERSED = "reversed", _("taken back by the programme")
        # On an approved list, and never sent. It is due again.
        WITHHELD = "withheld", _("kept back")

    class KeptBack(models.TextChoices):
        """Why it was not sent, as the reason of WITHHELD."""

        HELD = "", _("an alarm holds it")
        ACCOUNT_CHANGED = "CHANGED", _("the account was changed after the list was planned")

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="statuses")
    state = models.CharField(max_length=10, choices=State.choices)
    reason_code = models.CharField(max_length=8, blank=True)
    # A reversal and what was kept back are the programme's own acts and have no file; what a partner said to a call
    # has the call. `partner_code` is the partner's own word beside ours.
    file = models.ForeignKey(PayoutFile, null=True, on_delete=models.PROTECT, related_name="statuses")
    call = models.ForeignKey(PayoutCall, null=True, on_delete=models.PROTECT, related_name="statuses", db_index=False)
    partner_code = models.CharField(max_length=40, blank=True, default="", db_default="")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payout", "state"], name="incentives_payoutstatus_once"),
            models.CheckConstraint(
                condition=Q(state__in=["sent", "accepted", "settled"], reason_code="")
                | Q(state="withheld", reason_code__in=["", "CHANGED"])
                | Q(state__in=["rejected", "returned", "reversed"]) & ~Q(reason_code=""),
                name="incentives_payoutstatus_rejection_has_reason",
                violation_error_message="A payout that was rejected, returned or reversed names its reason.",
            ),
            models.CheckConstraint(
                condition=Q(file__isnull=False, call=None, state="sent")
                | Q(file__isnull=False, call=None, state__in=["accepted", "settled", "rejected", "returned"])
                | Q(file=None, call__isnull=False, state__in=["accepted", "settled", "rejected", "returned"])
                | Q(file=None, call=None, state__in=["reversed", "withheld"]),
                name="incentives_payoutstatus_answer_has_file",
                violation_error_message="What a partner said is in a file of that partner, or in its answer to a call.",
            ),
        ]


class PayoutReversal(models.Model):
    """That a payout which was paid is to be taken back: one officer asks, another agrees or drops it. Until somebody
    has agreed nothing has moved."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="reversals")
    reason_code = models.CharField(max_length=8)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="asked_reversals")
    asked_at = models.DateTimeField()
    agreed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="agreed_reversals")
    agreed_at = models.DateTimeField(null=True)
    dropped_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="dropped_reversals")
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payout"],
                condition=Q(dropped_at=None),
                name="incentives_payoutreversal_one_standing",
                violation_error_message="This payout is to be taken back already.",
            ),
            models.CheckConstraint(condition=~Q(reason_code=""), name="incentives_payoutreversal_has_reason"),
            models.CheckConstraint(
                condition=Q(agreed_by__isnull=True, agreed_at__isnull=True)
                # Not null is said for every column: a comparison with NULL would let the row pass.
                | Q(agreed_by__isnull=False, agreed_at__isnull=False) & ~Q(agreed_by=F("asked_by")),
                name="incentives_payoutreversal_second_person",
                violation_error_message="A payout is taken back by another person than the one who asked for it.",
            ),
            models.CheckConstraint(
                condition=Q(dropped_by__isnull=True, dropped_at__isnull=True)
                | Q(dropped_by__isnull=False, dropped_at__isnull=False, agreed_at__isnull=True),
                name="incentives_payoutreversal_dropped_before_agreement",
                violation_error_message="A request is dropped by somebody, and before another has agreed to it.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["asked_at"], name="payoutreversal_waiting", condition=Q(agreed_at=None, dropped_at=None)
            )
        ]
