"""A model that serves: fitted to what is there, passed, proposed by one officer and promoted by another."""

from datetime import datetime
from typing import Any

from bekal.recommender.fit import fit
from bekal.recommender.models import ModelExamination, ModelVersion
from bekal.recommender.promote_model import promote_model
from bekal.recommender.propose_model import propose_model
from tests import factories


def serving_model(*, at: datetime, **options: Any) -> ModelVersion:
    """Fit a model and let it serve; `options` as of `fit`."""
    return promoted(fit(at=at, **options), at=at)


def promoted(version: ModelVersion, *, at: datetime) -> ModelVersion:
    """Let a version serve that nobody has examined in earnest."""
    examined(version, at=at)
    propose_model(version_id=version.pk, by=factories.officer(), at=at)
    promote_model(version_id=version.pk, by=factories.officer(), at=at)
    return version


def examined(version: ModelVersion, *, at: datetime, passes: bool = True) -> ModelExamination:
    """Its examination, by its result alone."""
    return ModelExamination.objects.create(model_version=version, examined_at=at, report={}, passes=passes)
