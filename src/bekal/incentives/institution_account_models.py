"""Where an institution is paid: entered by one officer, agreed by another, replaced and never changed."""

from django.db import models
from django.db.models import F, Q

from bekal.accounts.models import User
from bekal.catalogue.models import Institution
from bekal.participants.models import PaymentPartner


class InstitutionAccount(models.Model):
    """One bank account of one institution. Nothing is paid to it before a second officer has agreed to it, and where it
    takes the place of another not before `pays_from_at`."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="bank_accounts")
    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    number_encrypted = models.BinaryField()
    masked = models.CharField(max_length=40)
    holder_name = models.CharField(max_length=150)
    account_hash = models.BinaryField(max_length=32)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="entered_institution_accounts")
    entered_at = models.DateTimeField()
    agreed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="agreed_institution_accounts")
    agreed_at = models.DateTimeField(null=True)
    pays_from_at = models.DateTimeField(null=True)
    # Dropped before anybody agreed, or replaced by another.
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="ended_institution_accounts")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(agreed_by__isnull=True, agreed_at__isnull=True, pays_from_at__isnull=True)
                # Not null is said for every column: a comparison with NULL would let the row pass.
                | Q(agreed_by__isnull=False, agreed_at__isnull=False, pays_from_at__isnull=False)
                & ~Q(agreed_by=F("entered_by")),
                name="incentives_institutionaccount_second_person",
                violation_error_message="The person who entered an account cannot agree to it.",
            ),
            models.CheckConstraint(
                condition=Q(ended_by__isnull=True, ended_at__isnull=True)
                | Q(ended_by__isnull=False, ended_at__isnull=False),
                name="incentives_institutionaccount_ended_by_someone",
                violation_error_message="An account that has ended names who ended it.",
            ),
            models.UniqueConstraint(
                fields=["institution"],
                condition=Q(ended_at=None, agreed_at__isnull=False),
                name="incentives_institutionaccount_one_standing",
                violation_error_message="This institution has an account already.",
            ),
            models.UniqueConstraint(
                fields=["institution"],
                condition=Q(ended_at=None, agreed_at=None),
                name="incentives_institutionaccount_one_waiting",
                violation_error_message="Another account of this institution waits for a second officer.",
            ),
            models.UniqueConstraint(
                fields=["account_hash"],
                condition=Q(ended_at=None),
                name="incentives_institutionaccount_one_institution",
                violation_error_message="This account is another institution's.",
            ),
        ]
