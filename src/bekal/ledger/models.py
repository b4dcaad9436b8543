"""The tables of the ledger; nothing outside `bekal.ledger` imports this module (contract)."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

from bekal.ledger.append_only import AppendOnlyModel
from bekal.ledger.movements import Kind, Reason, allowed_pairs

# One payment moves at most this much; it also keeps every sum of a programme inside bigint.
MAX_AMOUNT_RUPIAH = 1_000_000_000_000


def allowed_movement() -> RawSQL:
    """The closed list as a CHECK: (reason, debit kind, credit kind) must be one of the movements.

    As one number among constants: a row is looked up once, where a list of ORs would be walked for every row."""
    codes = ", ".join(str(reason * 10_000 + debit * 100 + credit) for reason, debit, credit in allowed_pairs())
    condition = f"reason * 10000 + debit_kind * 100 + credit_kind = ANY (ARRAY[{codes}])"
    return RawSQL(condition, (), output_field=models.BooleanField())


class Transfer(AppendOnlyModel):
    """One amount of whole rupiah from one kind to another, of one owner (a participation), for one reason."""

    pk = models.CompositePrimaryKey("owner_id", "id")
    owner_id = models.BigIntegerField()
    id = models.BigIntegerField(db_default=RawSQL("nextval('ledger_transfer_id_seq')", ()))
    debit_kind = models.PositiveSmallIntegerField(choices=Kind.choices)
    credit_kind = models.PositiveSmallIntegerField(choices=Kind.choices)
    reason = models.PositiveSmallIntegerField(choices=Reason.choices)
    amount_rupiah = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=64)
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner_id", "idempotency_key"], name="ledger_transfer_posted_once"),
            models.CheckConstraint(
                condition=Q(amount_rupiah__gt=0, amount_rupiah__lte=MAX_AMOUNT_RUPIAH),
                name="ledger_transfer_amount_in_bounds",
                violation_error_message="A transfer moves a whole positive amount of rupiah.",
            ),
            models.CheckConstraint(
                condition=allowed_movement(),
                name="ledger_transfer_allowed_movement",
                violation_error_message="Money may not move from this kind to that kind for this reason.",
            ),
        ]
        # Transfers are added in the order of their instants: block ranges say where a day lies, for next to nothing. A
        # B-tree cost a sixth of every posting, and no question about instants is small enough to need one. The same of
        # their numbers says where what no sum covers yet lies.
        indexes = [BrinIndex(fields=["posted_at", "id"], name="ledger_transfer_posted_in", autosummarize=True)]


class TrainingBalance(models.Model):
    """What one owner can still spend: the only stored balance, guarded by its constraint and compared by the proof."""

    owner_id = models.BigIntegerField(primary_key=True)
    granted_rupiah = models.BigIntegerField()
    remaining_rupiah = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(remaining_rupiah__gte=0, remaining_rupiah__lte=F("granted_rupiah")),
                name="ledger_trainingbalance_within_grant",
                violation_error_message="A training balance stays between Rp0 and what was granted.",
            )
        ]


class ProgrammeClock(models.Model):
    """How far the programme's clock is from the real one: no row in a real programme, one in a simulated one."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    offset = models.DurationField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="ledger_programmeclock_single")]


class DigestLink(AppendOnlyModel):
    """One link of the digest chain: what the transfers numbered after `after_id` up to `until_id` were when it closed.

    `bucket_digests` has 256 SHA-256 of 32 bytes, one for the owners of each remainder modulo 256, so that a change can
    be told to the day and to one in 256 owners; `sha256` covers them and the link before."""

    number = models.PositiveIntegerField(primary_key=True)
    after_id = models.BigIntegerField()
    until_id = models.BigIntegerField()
    transfer_count = models.BigIntegerField()
    total_rupiah = models.BigIntegerField()
    bucket_digests = models.BinaryField(max_length=256 * 32)
    previous_sha256 = models.BinaryField(max_length=32)
    sha256 = models.BinaryField(max_length=32)
    closed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until_id__gte=F("after_id"), number__gte=1),
                name="ledger_digestlink_goes_forward",
                violation_error_message="A link of the digest chain begins where the one before ended.",
            ),
            models.UniqueConstraint(fields=["after_id"], name="ledger_digestlink_one_after_another"),
        ]


class ProofResult(AppendOnlyModel):
    """What one run of the proof found. The one that looked last decides whether payouts may be released.

    `looked_at` is when its snapshot was taken, by the database's own clock: the programme's can be set back, and a
    proof that began earlier may be recorded later."""

    as_of = models.DateTimeField(null=True)
    proved_at = models.DateTimeField()
    looked_at = models.DateTimeField(db_default=Now())
    duration_ms = models.PositiveIntegerField()
    transfer_count = models.BigIntegerField()
    participation_count = models.BigIntegerField()
    check_count = models.PositiveIntegerField()
    violation_count = models.PositiveIntegerField()
    findings = models.JSONField()
    digest_sha256 = models.BinaryField(max_length=32, null=True)


class ProofRequest(models.Model):
    """Somebody asked for the proof to be run now. A worker takes it, and it stays open until a proof that began
    afterwards is recorded: a worker that is killed in between loses none."""

    requested_by_id = models.BigIntegerField()
    requested_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(answered_at=None) | Q(taken_at__isnull=False),
                name="ledger_proofrequest_taken_before_answer",
                violation_error_message="A proof is taken up before it is answered.",
            ),
        ]
