"""Boosted trees that put the hundred best of another peer in a new order (xgboost, rank:ndcg)."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bekal.core.recommend import first_choices
from benchmarks.peers.peer import Choices, OneHot, Peer, Scores, Settings, best, gram
from benchmarks.peers.tuning import KNOWN, Split, mean_ndcg

CANDIDATE_COUNT = 100
PRIOR_PEOPLE = 30.0  # lifts are shrunken towards 1 as by so many expected people


class Lifts:
    """Logarithms of how much more often than by everybody a training is chosen: by a profile value, beside a choice."""

    def __init__(self, known: Choices) -> None:
        self.one_hot = OneHot(known.profile)
        columns = self.one_hot.matrix(known.profile)
        chosen = known.matrix.sum(axis=0).A1
        share = chosen / max(len(known), 1)
        self.popularity = np.log(share + 1e-6)
        self.profile = _log_lift((columns.T @ known.matrix).toarray(), columns.sum(axis=0).A1, share)
        self.beside = _log_lift(gram(known.matrix, np.ones(len(known))), chosen, share)

    def features(self, people: Choices, candidates: NDArray[np.int32], scores: Scores) -> NDArray[np.float32]:
        """(people, candidates, features): score and place in the base, popularity, number of known choices,
        lift by each attribute, mean and largest lift beside the known choices."""
        safe = np.maximum(candidates, 0)
        place = np.broadcast_to(np.arange(candidates.shape[1]), candidates.shape)
        number = np.broadcast_to(people.counts[:, None], candidates.shape)
        found = [scores, place, self.popularity[safe], number]
        for rows in self.one_hot.rows.rows(people.profile).T:
            found.append(np.where(rows[:, None] >= 0, self.profile[rows[:, None], safe], 0.0))
        total, largest = np.zeros(candidates.shape), np.zeros(candidates.shape)
        for position in range(int(people.counts.max(initial=0))):
            who = np.flatnonzero(people.counts > position)
            lift = self.beside[people.items[people.ptr[who] + position][:, None], safe[who]]
            total[who] += lift
            largest[who] = np.maximum(largest[who], lift) if position else lift
        found += [total / np.maximum(people.counts, 1.0)[:, None], largest]
        return np.stack(found, axis=-1).astype(np.float32)


def _log_lift(counts: NDArray[np.float64], rows: NDArray[np.float64], share: NDArray[np.float64]) -> Scores:
    expected = rows[:, None] * share[None, :]
    lift: Scores = np.log((counts + PRIOR_PEOPLE) / (expected + PRIOR_PEOPLE)).astype(np.float32)
    return lift


class BoostedReranker(Peer):
    """Learns on the held-out training people over the base as the others taught it; ranks over the base that learned
    from all. What the trees are like is chosen on the second half of the held-out people."""

    name = "boosted re-ranker"
    package = "xgboost"
    fit_grid: ClassVar[tuple[Settings, ...]] = (
        {"depth": 2, "rounds": 15},
        {"depth": 3, "rounds": 60},
        {"depth": 5, "rounds": 100},
    )

    def stack(self, *, base_of_seen: Peer, base: Peer, split: Split, train: Choices) -> "BoostedReranker":
        """Learn to improve on `base`, learned from `train`, by what `base_of_seen` made of people it had not seen."""
        self._price = train.price_rupiah
        self._base, self._lifts = base_of_seen, Lifts(split.seen)
        halves = np.array_split(np.arange(len(split.held)), 2)
        first, second = (split.held.of_people(half) for half in halves)
        figures = []
        for settings in self.fit_grid:
            self._trees = self._boost(first, settings)
            figures.append(mean_ndcg(self, second))
        self.settings = {**self.fit_grid[int(np.argmax(figures))], "base": base.name}
        self.figure = max(figures)
        self._trees = self._boost(split.held, self.settings)
        self._base, self._lifts = base, Lifts(train)
        return self

    def score(self, people: Choices) -> NDArray[Any]:
        return self._base.score(people)

    def order(self, people: Choices, scores: Scores, n: int) -> tuple[NDArray[np.int32], Scores]:
        candidates, values = best(scores, CANDIDATE_COUNT)
        raised = self._trees.predict(_rows(self._lifts.features(people, candidates, values)))
        raised = np.where(candidates >= 0, raised.reshape(candidates.shape), -np.inf).astype(np.float32)
        order = np.argsort(-raised, axis=1, kind="stable")[:, :n]
        return np.take_along_axis(candidates, order, axis=1), np.take_along_axis(raised, order, axis=1)

    def _boost(self, people: Choices, settings: Settings) -> Any:
        import xgboost

        blocks = [self._examples(people, known) for known in KNOWN]
        features, labels = (np.concatenate([block[part] for block in blocks]) for part in (0, 1))
        data = _rows(features)
        data.set_label(labels.ravel())
        data.set_group(np.full(len(labels), labels.shape[1]))
        how = {
            "objective": "rank:ndcg",
            "ndcg_exp_gain": False,
            "lambdarank_pair_method": "topk",
            "lambdarank_num_pair_per_sample": 10,
            "max_depth": settings["depth"],
            "eta": 0.1,
            "nthread": 1,  # so little work at a time that a second one mostly waits
            "seed": self.seed,
        }
        return xgboost.train(how, data, num_boost_round=settings["rounds"])

    def _examples(self, people: Choices, known: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features and labels (people with a choice left, candidates) where the first `known` choices are known."""
        some = np.flatnonzero(np.diff(people.ptr) > known)
        ptr, items = first_choices(people.ptr, people.items, some, known)
        asked = Choices.of(ptr, items, people.profile[some], self._price)
        scores = self._base.score(asked).astype(np.float32)
        taken = asked.matrix.toarray() > 0
        scores[taken] = -np.inf
        candidates, values = best(scores, CANDIDATE_COUNT)
        later = (people.of_people(some).matrix.toarray() > 0) & ~taken
        labels = np.take_along_axis(later, np.maximum(candidates, 0).astype(np.int64), axis=1) & (candidates >= 0)
        return self._lifts.features(asked, candidates, values), labels.astype(np.float32)


def _rows(features: NDArray[np.float32]) -> Any:
    """A row a candidate; the trees start from the base's score, as standard deviations above the mean of its list."""
    from xgboost import DMatrix

    there = np.isfinite(features[..., 0])
    scores, count = np.where(there, features[..., 0], 0.0), np.maximum(there.sum(axis=1, keepdims=True), 1)
    above = np.where(there, scores - scores.sum(axis=1, keepdims=True) / count, 0.0)
    margin = above / (np.sqrt((above**2).sum(axis=1, keepdims=True) / count) + 1e-9)
    return DMatrix(features.reshape(-1, features.shape[-1]), base_margin=margin.ravel(), missing=-np.inf, nthread=1)
