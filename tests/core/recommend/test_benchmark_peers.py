"""The peers of the benchmark: each learns and lists by the rules, solves what its formula says, and is tuned fairly."""

from itertools import combinations

import numpy as np
import pytest

from benchmarks._recommender_protocol import World, check_allowed
from benchmarks.peers import PEERS, BoostedReranker, Choices, Peer, Split, tuned
from benchmarks.peers.linear import Ease, EaseProfile, KShot
from benchmarks.peers.tuning import mean_ndcg
from tests.core.recommend.worlds import random_world


def choices_of(seed: int, people: int = 300, trainings: int = 30) -> Choices:
    world = random_world(seed, people, trainings)
    return Choices.of(*(world[name] for name in ("ptr", "items", "profile", "price_rupiah")))


def fitted(peer: Peer, known: Choices) -> Peer:
    return peer.fit(ptr=known.ptr, items=known.items, profile=known.profile, price_rupiah=known.price_rupiah)


def silent(text: str) -> None:
    pass


@pytest.fixture(params=[*PEERS, BoostedReranker], ids=lambda peer_class: peer_class.name)
def make(request):
    """A function that makes one more of the same peer, of what it is given to learn from."""
    peer_class = request.param
    if peer_class.package is not None:
        pytest.importorskip(peer_class.package)

    def made(known: Choices) -> Peer:
        if peer_class is not BoostedReranker:
            return fitted(peer_class(seed=3), known)
        split = Split.of(known, 3)
        base_of_seen, base = (fitted(PEERS[-1](seed=3), each) for each in (split.seen, known))
        return BoostedReranker(seed=3).stack(base_of_seen=base_of_seen, base=base, split=split, train=known)

    return made


def test_every_peer_lists_by_the_rules_and_the_same_again(make):
    known, asked = choices_of(1), choices_of(2, people=50)
    profile = np.where(np.arange(50)[:, None] == 7, [-1, 99, 0], asked.profile)  # nobody like them was learned from
    balance = np.random.default_rng(4).integers(0, 1_000_000, 50)
    balance[:3] = 0
    about = {"ptr": asked.ptr, "items": asked.items, "profile": profile}
    peers = [make(known), make(known)]
    for limit in (None, balance):
        lists, values = peers[0].recommend(**about, balance_rupiah=limit)
        again, _ = peers[1].recommend(**about, balance_rupiah=limit)
        assert np.array_equal(lists, again)
        assert lists.shape == (50, 10) and np.all(np.diff(np.where(lists >= 0, values, -1e30), axis=1) <= 0)
        check_allowed(lists, asked.ptr, asked.items, known.price_rupiah, limit)
        for row, ptr, end, most in zip(lists, asked.ptr, asked.ptr[1:], balance, strict=False):
            free = np.setdiff1d(np.arange(30), asked.items[ptr:end])
            fits = free if limit is None else free[known.price_rupiah[free] <= most]
            shown = row[row >= 0]
            assert len(set(shown.tolist())) == len(shown) == min(10, len(fits))


def test_every_peer_learns_what_is_plain_to_see(make):
    """Two kinds of people, each with trainings of their own: nobody is shown the other kind's first."""
    rng = np.random.default_rng(0)
    kind = np.arange(300) % 2
    items = np.concatenate([rng.choice(15, 10, replace=False) + 15 * each for each in kind])
    world = Choices.of(np.arange(301) * 10, items, kind[:, None], np.full(30, 100_000))
    peer = make(world)
    asked = {"ptr": np.array([0, 3, 6]), "items": np.array([0, 1, 2, 15, 16, 17]), "profile": np.array([[0], [1]])}
    lists, _ = peer.recommend(**asked)
    assert np.all(lists[0, :5] < 15) and np.all(lists[1, :5] >= 15)


def test_a_list_against_the_rules_is_found_out():
    ptr, items, price = np.array([0, 1, 1]), np.array([2]), np.array([10, 20, 30])
    check_allowed(np.array([[0, 1], [2, -1]]), ptr, items, price, np.array([20, 30]))
    with pytest.raises(RuntimeError, match="taken already"):
        check_allowed(np.array([[0, 2], [2, -1]]), ptr, items, price, None)
    with pytest.raises(RuntimeError, match="cannot pay"):
        check_allowed(np.array([[0, 1], [2, -1]]), ptr, items, price, np.array([19, 30]))


@pytest.mark.parametrize("weight", [0.0, 0.5])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_k_shot_is_the_regression_over_every_subset(k, weight):
    """The sums are those of one row for each k-subset of each person's choices, all subsets of a person weighing 1."""
    known = choices_of(5, people=40, trainings=8)
    peer = fitted(KShot(weight=weight, ridge=5.0), known)
    profile = peer._one_hot.matrix(known.profile).toarray()
    inputs, outputs, weights = [], [], []
    for person in range(len(known)):
        taken = known.items[known.ptr[person] : known.ptr[person + 1]]
        drawn = min(k, len(taken) - 1)
        subsets = list(combinations(taken.tolist(), drawn))
        for subset in subsets:
            history, rest = np.zeros(8), np.zeros(8)
            history[list(subset)], rest[list(set(taken.tolist()) - set(subset))] = 1, 1
            inputs.append(np.concatenate([history, profile[person]]))
            outputs.append(rest)
            weights.append((len(taken) - drawn) ** -weight / len(subsets))
    x, y = np.array(inputs), np.array(outputs)
    w = np.array(weights) * len(known) / np.sum(weights)
    penalty = np.diag(np.concatenate([np.full(8, 5.0), peer._one_hot.penalty(100.0)]))
    expected = np.linalg.solve(x.T @ (w[:, None] * x) + penalty, x.T @ (w[:, None] * y))
    assert np.allclose(peer._tables[k], expected, atol=1e-6)
    trial = KShot(weight=weight)
    trial.learn(known)
    trial.read({"ridge": 5.0})
    assert np.allclose(trial.score(known), peer.score(known), atol=1e-6)


def test_ease_is_the_ridge_of_each_training_on_all_others():
    known = choices_of(6, people=60, trainings=7)
    x = known.matrix.toarray()
    table = fitted(Ease(ridge=20.0, weight=0.0), known)._table
    for training in range(7):
        others = np.delete(np.arange(7), training)
        plain = np.linalg.solve(x[:, others].T @ x[:, others] + 20 * np.eye(6), x[:, others].T @ x[:, training])
        assert np.allclose(table[others, training], plain) and table[training, training] == 0


def test_ease_with_profile_never_explains_a_training_by_itself():
    peer = fitted(EaseProfile(dropout=0.9), choices_of(6))
    assert np.allclose(np.diag(peer._history), 0, atol=1e-9)
    assert np.abs(peer._history).max() > 1e-3 and np.abs(peer._profile).max() > 1e-3


def test_some_training_people_are_held_out_and_the_best_setting_wins_there():
    known = choices_of(8)
    split = Split.of(known, 0)
    assert (len(split.seen), len(split.held)) == (225, 75)
    assert np.array_equal(
        np.bincount(split.seen.items, minlength=30) + np.bincount(split.held.items, minlength=30),
        np.bincount(known.items, minlength=30),
    )
    ridge = next(peer for peer in PEERS if peer.name == "profile ridge")
    found = tuned(ridge, split, seed=0, quick=False, say=silent)
    figures = {}
    for setting in ridge.fit_grid:
        peer = ridge(**setting)
        peer.learn(split.seen)
        figures[setting["ridge"]] = mean_ndcg(peer, split.held)
    assert found.tried_count == len(ridge.fit_grid) and found.figure == max(figures.values())
    assert figures[found.settings["ridge"]] == found.figure
    assert tuned(ridge, split, seed=0, quick=True, say=silent).tried_count == 2


@pytest.mark.parametrize("regime", ["full", "short"])
def test_no_test_person_is_learned_from_or_tuned_on(regime):
    """Whatever test people have chosen and whoever they are, what is learned from is the same."""
    some, others = choices_of(9), choices_of(10)
    is_test = np.arange(300) % 5 == 0
    mixed = [others if test else some for test in is_test]
    lengths = [int(np.diff(each.ptr)[person]) for person, each in enumerate(mixed)]
    items = [each.items[each.ptr[p] : each.ptr[p + 1]] for p, each in enumerate(mixed)]
    profile = np.where(is_test[:, None], others.profile, some.profile)
    changed = Choices.of(np.r_[0, np.cumsum(lengths)], np.concatenate(items), profile, some.price_rupiah)
    learned = [
        World("made up", each, np.zeros((300, 4), np.int64), is_test, np.full(300, 2)).training(regime)
        for each in (some, changed)
    ]
    assert len(learned[0]) == 240 and np.diff(learned[0].ptr).max() == (5 if regime == "full" else 2)
    for name in ("ptr", "items", "profile"):
        assert np.array_equal(getattr(learned[0], name), getattr(learned[1], name))
