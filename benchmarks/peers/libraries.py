"""Peers of the library `implicit` (ALS, BPR, item to item), asked about people it has never seen."""

import warnings
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.counting import ProfileRidge
from benchmarks.peers.peer import CORES, Choices, Peer, Settings


class ImplicitAls(Peer):
    """Weighted matrix factorisation (Hu, Koren, Volinsky 2008); a new person's factors by `recalculate_user`.
    Popularity where nothing is known of a person."""

    name = "implicit ALS"
    package = "implicit"
    fit_grid: ClassVar[tuple[Settings, ...]] = tuple(
        {"factors": factors, "regularization": regularization, "alpha": alpha}
        for factors, regularization, alpha in (
            (16, 1.0, 1.0),
            (16, 10.0, 1.0),
            (16, 100.0, 1.0),
            (32, 100.0, 1.0),
            (64, 100.0, 1.0),
            (128, 100.0, 1.0),
            (64, 0.1, 1.0),
            (16, 100.0, 5.0),
            (64, 100.0, 5.0),
            (64, 10.0, 20.0),
            (64, 1.0, 40.0),
        )
    )

    def _learn(self, known: Choices) -> None:
        from implicit.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):  # its own threads already use every core
            self._model = AlternatingLeastSquares(
                **{name: self.settings[name] for name in ("factors", "regularization", "alpha")},
                iterations=15,
                num_threads=CORES,
                random_state=self.seed,
            )
            self._model.fit(known.matrix.astype(np.float32), show_progress=False)

    def score(self, people: Choices) -> NDArray[np.float32]:
        scores = np.tile(self._share, (len(people), 1))
        who = np.flatnonzero(people.counts > 0)
        if len(who):
            factors = self._model.recalculate_user(who, people.matrix[who].astype(np.float32))
            scores[who] = factors @ self._model.item_factors.T
        return scores


class ImplicitBpr(Peer):
    """Bayesian personalised ranking (Rendle 2009). A new person's factors are the mean of those of the known choices;
    popularity where nothing is known."""

    name = "implicit BPR"
    package = "implicit"
    fit_grid: ClassVar[tuple[Settings, ...]] = (
        {"factors": 64, "learning_rate": 0.01, "regularization": 0.01},
        {"factors": 32, "learning_rate": 0.05, "regularization": 0.05},
    )

    def _learn(self, known: Choices) -> None:
        from implicit.bpr import BayesianPersonalizedRanking
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            model = BayesianPersonalizedRanking(
                **{name: self.settings[name] for name in ("factors", "learning_rate", "regularization")},
                iterations=100,
                num_threads=1,  # more of them race, and no two runs agree
                random_state=self.seed,
            )
            model.fit(known.matrix.astype(np.float32), show_progress=False)
        self._factors = model.item_factors

    def score(self, people: Choices) -> NDArray[np.float32]:
        mine = people.matrix @ self._factors / np.maximum(people.counts, 1.0)[:, None]
        mine[:, -1] = 1.0  # beside it stands the bias of each training
        return np.where(people.counts[:, None] > 0, mine.astype(np.float32) @ self._factors.T, self._share)


class ItemItem(Peer):
    """Mean similarity to the known choices, of the K nearest by the cosine, BM25 or TF-IDF, plus `blend` times the
    profile ridge."""

    name = "item-item + profile ridge"
    package = "implicit"
    fit_grid: ClassVar[tuple[Settings, ...]] = tuple(
        {"kind": kind, "neighbours": k} for kind, k in product(("cosine", "BM25", "TF-IDF"), (50, 200, 1000))
    )
    read_grid: ClassVar[tuple[Settings, ...]] = tuple(
        {"blend": blend, "ridge": ridge}
        for blend, ridge in ((0.1, 100.0), (0.3, 100.0), (1.0, 100.0), (3.0, 100.0), (30.0, 1000.0), (300.0, 1000.0))
    )

    def _learn(self, known: Choices) -> None:
        from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
        from implicit.utils import ParameterWarning
        from threadpoolctl import threadpool_limits

        kinds = {"cosine": CosineRecommender, "BM25": BM25Recommender, "TF-IDF": TFIDFRecommender}
        with threadpool_limits(1, "blas"):
            model = kinds[self.settings["kind"]](K=self.settings["neighbours"], num_threads=CORES)
            with warnings.catch_warnings():  # its own weighting makes a matrix of another form than it asks for
                warnings.simplefilter("ignore", ParameterWarning)
                model.fit(known.matrix, show_progress=False)
        nearest = float(model.similarity.max(axis=1).toarray().mean())  # 1 for the cosine, whatever for BM25
        self._similarity = (model.similarity / (nearest or 1.0)).tocsr()
        self._ridges = {ridge: ProfileRidge(ridge=ridge) for ridge in (100.0, 1000.0)}
        for ridge in self._ridges.values():
            ridge.learn(known)

    def score(self, people: Choices) -> NDArray[np.float64]:
        history = (people.matrix @ self._similarity).toarray() / np.maximum(people.counts, 1.0)[:, None]
        return history + self.settings["blend"] * self._ridges[self.settings["ridge"]].score(people)
