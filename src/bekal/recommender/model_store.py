"""Versions of the model in the database: arrays and a manifest with their hash; and which of them serves."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from bekal.core.recommend import FORMAT_VERSION, ReasonTables, Recommender, from_bytes, to_bytes
from bekal.recommender.models import ModelPromotion, ModelVersion
from bekal.recommender.refusals import ModelRefusal, ModelRefusedError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServingModel:
    """A loaded version. `training_ids` (ascending) are the trainings its positions stand for."""

    version_id: int
    recommender: Recommender
    reasons: ReasonTables
    training_ids: NDArray[np.int64]
    reference_year: int

    @property
    def completed_count(self) -> NDArray[np.int64]:
        """How many people had completed each training when the model was fitted."""
        return self.reasons.training_count


def store_model(
    *,
    recommender: Recommender,
    reasons: ReasonTables,
    training_ids: NDArray[np.int64],
    facts: Mapping[str, Any],
    choice_count: int,
    at: datetime,
) -> ModelVersion:
    """Keep a fitted model as a new version; `facts` (JSON-able) join the manifest. Nothing is pickled."""
    arrays, manifest = recommender.save(extra={**reasons.save(), "training_ids": training_ids})
    return ModelVersion.objects.create(
        fitted_at=at,
        manifest={**manifest, **facts},
        arrays=to_bytes(arrays),
        sha256=bytes.fromhex(manifest["sha256"]),
        people_count=reasons.people_count,
        choice_count=choice_count,
    )


def serving_model() -> ServingModel | None:
    """The version that serves, loaded once in each process; None where none was promoted yet, or where what is kept of
    it is damaged: then nothing is recommended until another one serves. One small query."""
    newest = readable_promotions().order_by("-id").values_list("model_version_id", "model_version__sha256").first()
    return None if newest is None else _loaded(newest[0], bytes(newest[1]).hex())


def is_damaged(version_id: int, sha256: str) -> bool:
    """Whether what is kept of the version that serves cannot be loaded, hash as hex. Costs nothing where this process
    has tried before."""
    return _loaded(version_id, sha256) is None


def readable_promotions() -> QuerySet[ModelPromotion]:
    """Promotions of versions whose format this programme reads; the newest says what serves."""
    return ModelPromotion.objects.filter(model_version__manifest__format_version=FORMAT_VERSION)


def promotions_to_decide_on() -> QuerySet[ModelPromotion]:
    """The same, for whoever adds to them: until the end of the transaction nobody else does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('recommender.promotions'))")
    return readable_promotions()


def readable_version(version_id: int) -> ModelVersion:
    """The version without its arrays; ModelRefusedError where there is none, or none that this programme reads."""
    version = ModelVersion.objects.defer("arrays").filter(pk=version_id).first()
    if version is None:
        raise ModelRefusedError(ModelRefusal.VERSION_NOT_FOUND, version_id)
    if version.manifest.get("format_version") != FORMAT_VERSION:
        raise ModelRefusedError(ModelRefusal.NOT_READABLE, version_id)
    return version


@lru_cache(maxsize=2)  # the one that serves, and the one before it for requests under way
def _loaded(version_id: int, sha256: str) -> ServingModel | None:
    """None for a damaged version is remembered, too: a large file is not read for each request."""
    version = ModelVersion.objects.get(pk=version_id)
    try:
        return _read(version, sha256)
    except MemoryError:
        raise  # says nothing of the file, and must not be remembered as if it did
    except Exception as error:  # a damaged file makes numpy and zipfile raise almost anything
        logger.error("model %d cannot be read, so nothing is recommended: %s", version_id, error)
        return None


def _read(version: ModelVersion, sha256: str) -> ServingModel:
    arrays = from_bytes(bytes(version.arrays), sha256=sha256)
    return ServingModel(
        version_id=version.pk,
        recommender=Recommender.load(arrays, version.manifest),
        reasons=ReasonTables.load(arrays),
        training_ids=arrays["training_ids"],
        reference_year=int(version.manifest["reference_year"]),
    )
