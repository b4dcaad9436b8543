"""The serving model as it answers for today's shelf: positions are those of the shelf, new trainings are among them."""

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from bekal.core.recommend import Recommender
from bekal.recommender.model_store import ServingModel
from bekal.recommender.shelf import Shelf


def shelf_model(model: ServingModel, shelf: Shelf) -> Recommender:
    """What the model says of every training of the shelf.

    A fresh training, or one the model has never seen, is judged by how many have completed it and, for the rest, by
    what trainings of its category, institution, price band and mode are to the same people; few completions of a
    training that was there for long are not ignorance but a record. Made once for a version and a catalogue.
    """
    digest = sha256(shelf.is_fresh.tobytes())
    for part in (shelf.ids, shelf.features, shelf.model_place):
        digest.update(part.astype("<i8").tobytes())
    return _widened(_Key((model.version_id, model.recommender.people_count, digest.digest()), model, shelf))


@dataclass(frozen=True)
class _Key:
    of: tuple[int, int, bytes]
    model: ServingModel = field(compare=False)
    shelf: Shelf = field(compare=False)


@lru_cache(maxsize=2)
def _widened(key: _Key) -> Recommender:
    shelf = key.shelf
    return key.model.recommender.with_trainings(
        place=shelf.model_place,
        features=shelf.features,
        price_rupiah=shelf.price_rupiah,
        chosen_count=shelf.completed_count,
        is_cold=shelf.is_fresh,
    )
