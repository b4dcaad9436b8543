"""What happens to a review once it is written: its versions, flags, decisions, replies, and what it is alike to."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.catalogue.models import Institution
from bekal.ledger.append_only import AppendOnlyModel


class ReviewVersion(AppendOnlyModel):
    """One wording of a review; the first is what counted as evidence, the last is what the review shows."""

    pk = models.CompositePrimaryKey("review_id", "number")
    review = models.ForeignKey("purchases.Review", on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveSmallIntegerField()
    rating = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=2000)
    written_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(rating__gte=1, rating__lte=5), name="purchases_version_rating_1_to_5"),
        ]


class ReviewFlag(AppendOnlyModel):
    """One reason for an officer to look at a review. It hides nothing by itself."""

    class Source(models.TextChoices):
        AUTOMATIC = "automatic", _("found by the programme")
        PARTICIPANT = "participant", _("a participant")
        INSTITUTION = "institution", _("the training institution")
        AUTHOR = "author", _("its author")

    class Reason(models.TextChoices):
        PERSONAL_DATA = "personal_data", _("names a person or their numbers")
        ALIKE_INSTITUTION = "alike_institution", _("almost the same text as others of this institution")
        ALIKE_AUTHOR = "alike_author", _("almost the same text as another review of its author")
        BURST = "burst", _("many reviews within hours")
        INSULT = "insult", _("insults or threatens")
        ADVERTISING = "advertising", _("advertises something")
        OFF_TOPIC = "off_topic", _("is not about this training")
        UNTRUE = "untrue", _("says something untrue")
        APPEAL = "appeal", _("appeal against hiding it")
        EDITED = "edited", _("rewritten after it was hidden")

    pk = models.CompositePrimaryKey("review_id", "number")
    review = models.ForeignKey("purchases.Review", on_delete=models.PROTECT, related_name="flags", db_index=False)
    number = models.PositiveSmallIntegerField()
    version_number = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=12, choices=Source.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    note = models.CharField(max_length=500, blank=True)
    # How many others are alike, or came within the same hours.
    other_count = models.PositiveIntegerField(default=0, db_default=0)
    raised_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    raised_at = models.DateTimeField()


class ReviewDecision(AppendOnlyModel):
    """What an officer decided about a review, and why; it answers the flags up to `flag_count`."""

    class Decision(models.TextChoices):
        HIDDEN = "hidden", _("hidden")
        STANDS = "stands", _("stands")

    pk = models.CompositePrimaryKey("review_id", "number")
    review = models.ForeignKey("purchases.Review", on_delete=models.PROTECT, related_name="decisions", db_index=False)
    number = models.PositiveSmallIntegerField()
    decision = models.CharField(max_length=6, choices=Decision.choices)
    reason = models.CharField(max_length=500)
    flag_count = models.PositiveSmallIntegerField()
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    decided_at = models.DateTimeField()


class ReviewReply(AppendOnlyModel):
    """One wording of the institution's reply to a review; the last is what is shown."""

    pk = models.CompositePrimaryKey("review_id", "number")
    review = models.ForeignKey("purchases.Review", on_delete=models.PROTECT, related_name="replies", db_index=False)
    number = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=1000)
    written_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    written_at = models.DateTimeField()


class ReviewPrint(models.Model):
    """One fingerprint of a review's text: reviews that share one are alike in wording (`review_text.fingerprints`).
    Made again from the text whenever it is looked at again."""

    pk = models.CompositePrimaryKey("review_id", "value")
    review = models.ForeignKey("purchases.Review", on_delete=models.CASCADE, related_name="prints", db_index=False)
    value = models.BigIntegerField()
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        indexes = [models.Index(fields=["value", "institution"], name="review_print_alike")]
