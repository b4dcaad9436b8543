"""The units of a training as its cmi5 course names them, and the xAPI statements that were taken."""

from django.db import models

from bekal.catalogue.models import Training
from bekal.ledger.append_only import AppendOnlyModel
from bekal.purchases.models import Evidence, Purchase


class CourseStructure(AppendOnlyModel):
    """A cmi5 course registered for a training; the newest counts. `units` are its assignable units in their order, each
    with `id` and `move_on`: the first is session 1."""

    training = models.ForeignKey(Training, on_delete=models.PROTECT, related_name="course_structures")
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT, related_name="+", db_index=False)
    course_id = models.CharField(max_length=500)
    units = models.JSONField()
    sha256 = models.BinaryField(max_length=32)
    registered_at = models.DateTimeField()


class StatementTaken(AppendOnlyModel):
    """A statement that was taken: the same `statement_id` of one purchase and speaker is taken once. `sequence` 0: of
    the whole course. `voids`: the statement that it takes back. What it said is evidence; here stands what a later one
    needs to know."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="xapi_statements", db_index=False)
    source = models.CharField(max_length=12, choices=Evidence.Source.choices)
    statement_id = models.UUIDField(db_index=True)
    voids = models.UUIDField(null=True)
    verb = models.CharField(max_length=60)
    sequence = models.PositiveSmallIntegerField()
    counts = models.BooleanField()
    percent = models.PositiveSmallIntegerField(null=True)
    happened_at = models.DateTimeField()
    sha256 = models.BinaryField(max_length=32)
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purchase", "source", "statement_id"], name="partners_statement_once"),
        ]
