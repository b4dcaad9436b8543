"""The counts kept on a training: changed only here, by the verbs that cause them, as the last thing they lock."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection

from bekal.catalogue.models import Training


@dataclass(frozen=True, slots=True)
class Increase:
    """What is added to one training's counts."""

    bought_count: int = 0
    completed_count: int = 0
    rating_count: int = 0
    rating_sum: int = 0


def increase(changes: Mapping[int, Increase]) -> None:
    """Add to the counts of trainings by number; locks them in the order of their numbers until the transaction ends."""
    if not changes:
        return
    rows = Training.objects.filter(pk__in=changes).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE catalogue_training AS training SET
                bought_count = training.bought_count + change.bought_count,
                completed_count = training.completed_count + change.completed_count,
                rating_count = training.rating_count + change.rating_count,
                rating_sum = training.rating_sum + change.rating_sum
            FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[])
                AS change(id, bought_count, completed_count, rating_count, rating_sum)
            WHERE training.id = change.id
            """,
            [
                list(changes),
                [change.bought_count for change in changes.values()],
                [change.completed_count for change in changes.values()],
                [change.rating_count for change in changes.values()],
                [change.rating_sum for change in changes.values()],
            ],
        )
