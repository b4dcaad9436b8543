"""When each detector has looked, and what came of it: an alarm that no longer looks has to be seen, too."""

from django.db import models

from bekal.holds.models import Hold
from bekal.ledger.append_only import AppendOnlyModel


class AlarmLook(AppendOnlyModel):
    """One look of one detector at everything there is: what it found, and what of it was new and holds since."""

    reason = models.CharField(max_length=12, choices=Hold.Reason.choices)
    looked_at = models.DateTimeField(db_index=True)
    found_count = models.PositiveIntegerField()
    opened_count = models.PositiveIntegerField()
    duration_ms = models.PositiveIntegerField()
