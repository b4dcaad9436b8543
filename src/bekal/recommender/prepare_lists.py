"""`prepare_lists`: in the night, the list of everybody who can buy, chunk by chunk; killed anywhere, it goes on.

The run keeps the number up to which everybody has a list; that and the lists of a chunk commit together. One runner at
a time has the run's row, so any number may be started.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F

from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation
from bekal.recommender.buyers import buyers
from bekal.recommender.made import make_lists
from bekal.recommender.model_store import ServingModel, serving_model
from bekal.recommender.models import Preparation, PreparedList
from bekal.recommender.prepared import LIST_LENGTH, keep_lists
from bekal.recommender.shelf import Shelf, shelf_today

CHUNK_COUNT = 2_000


@dataclass(frozen=True, slots=True)
class PreparedLists:
    """How far a run is: `list_count` lists made by it so far, `made_count` of them by this call."""

    list_count: int
    made_count: int
    is_finished: bool


def prepare_lists(
    *,
    at: datetime,
    chunk_count: int = CHUNK_COUNT,
    chunk_limit: int | None = None,
    again: bool = False,
    progress: Callable[[int], None] | None = None,
) -> PreparedLists | None:
    """Make and keep the list of everybody who can buy on the day of `at`; None where no model serves.

    Participations are worked by their numbers, `chunk_count` at a time and `chunk_limit` chunks at most (None: to the
    end). A run of this day and model that has not ended is gone on with, even where prices have changed meanwhile: each
    list knows what it was made from, and one that no longer holds is made when it is asked for. Where a run of this day
    and model has ended nothing is done, or, `again`, everything once more. `progress` is told after each chunk how many
    lists it made. Raises ValueError for a chunk of nobody.
    """
    if chunk_count < 1:
        raise ValueError(f"chunk_count is {chunk_count}: a chunk holds one participation at least")
    model = serving_model()
    if model is None:
        return None
    shelf = shelf_today(model, at)
    run = _run_of_the_day(model, shelf, at, again)
    made_count = chunks = 0
    while run.finished_at is None and (chunk_limit is None or chunks < chunk_limit):
        made = _next_chunk(run.pk, model, shelf, at, chunk_count)
        if made is None:  # another runner is at it, has ended it, or has begun a newer one
            break
        chunks, made_count = chunks + 1, made_count + made
        if progress is not None:
            progress(made)
        run.refresh_from_db()
    return PreparedLists(run.list_count, made_count, run.finished_at is not None)


@transaction.atomic
def _run_of_the_day(model: ServingModel, shelf: Shelf, at: datetime, again: bool) -> Preparation:
    """The run to go on with, or a new one. Whoever decides does so alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('recommender.prepare_lists'))")
    run = Preparation.objects.order_by("-id").first()
    is_of_today = run is not None and programme_day(run.started_at) == programme_day(at)
    if run is not None and is_of_today and run.model_version_id == model.version_id and not (run.finished_at and again):
        return run
    return Preparation.objects.create(started_at=at, model_version_id=model.version_id, shelf_hash=shelf.sha256)


@transaction.atomic
def _next_chunk(run_id: int, model: ServingModel, shelf: Shelf, at: datetime, chunk_count: int) -> int | None:
    """Make the lists of the next participations and move the run on, in one transaction; how many lists, or None."""
    run = Preparation.objects.select_for_update(skip_locked=True).filter(pk=run_id, finished_at=None).first()
    if run is None or Preparation.objects.filter(pk__gt=run_id).exists():
        return None
    on = programme_day(at)
    open_ones = Participation.objects.filter(revoked_at=None, balance_ended_at=None, balance_ends_on__gte=on)
    numbers = open_ones.filter(pk__gt=run.last_participation_id).order_by("pk").values_list("pk", flat=True)
    ids = list(numbers[:chunk_count])
    people = [person for person in buyers(ids, on) if person.is_open and person.is_personal] if ids else []
    keep_lists(made=make_lists(model, shelf, people, on, LIST_LENGTH), people=people, model=model, shelf=shelf, at=at)
    is_last = len(ids) < chunk_count
    if is_last:
        PreparedList.objects.filter(prepared_at__lt=run.started_at).delete()  # of whoever has no list any more
    Preparation.objects.filter(pk=run_id).update(
        last_participation_id=ids[-1] if ids else run.last_participation_id,
        list_count=F("list_count") + len(people),
        finished_at=at if is_last else None,
    )
    return len(people)
