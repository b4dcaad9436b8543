"""What a participant lets a platform do, and which purchase a platform has sold."""

from django.db import models
from django.db.models import F, Q

from bekal.catalogue.models import Platform, Training
from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import Participation
from bekal.purchases.models import Purchase


class PurchaseIntent(models.Model):
    """A participant lets one platform prepare the purchase of one training at the price they saw, for a short while.

    `code_hash` (keyed) finds it by the start code that the platform was handed; encrypted, the code can be shown to its
    participant again."""

    participation = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="purchase_intents")
    training = models.ForeignKey(Training, on_delete=models.PROTECT, related_name="purchase_intents", db_index=False)
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="purchase_intents", db_index=False)
    price_rupiah = models.BigIntegerField()
    code_hash = models.BinaryField(max_length=32)
    code_encrypted = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(price_rupiah__gte=0), name="partners_intent_price_not_negative"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="partners_intent_expires_after_it_began"
            ),
        ]
        indexes = [
            # 78 bits drawn at random: nobody needs a database to keep two of them apart.
            models.Index(fields=["code_hash"], name="purchase_intent_by_code"),
            models.Index(fields=["expires_at"], name="purchase_intent_to_forget"),
        ]


class PlatformSale(AppendOnlyModel):
    """A purchase that its participant made through a platform. One without a row here was made on the programme's own
    pages."""

    purchase = models.OneToOneField(Purchase, primary_key=True, on_delete=models.PROTECT, related_name="platform_sale")
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="sales", db_index=False)
    sold_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["platform", "purchase"], name="platform_sale_of_platform")]
