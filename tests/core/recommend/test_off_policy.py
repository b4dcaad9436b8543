"""Off-policy estimates: right on average, intervals that cover the truth, a refusal where the log says too little."""

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.recommend import NotEnoughLoggedError, PolicyValue, policy_value
from bekal.core.recommend.off_policy import NORMAL_95, intervals

REPLICATIONS = 3000
AT_ONCE = 250
Log = dict[str, np.ndarray]


def uniform_against_best(rng: np.random.Generator, samples: int) -> tuple[Log, float]:
    """One place drawn evenly among 5 to 39 trainings, the candidate shows the best: one in eight of those is bought."""
    choices = rng.integers(5, 40, (samples, 4000))
    is_best = rng.random(choices.shape) < 1 / choices
    rate = np.where(is_best, 0.125, 0.05)
    reward = (rng.random(choices.shape) < rate).astype(np.float64)
    shown, best = np.where(is_best, 0.10, 0.06), np.full(choices.shape, 0.10)  # predictions that are wrong
    log = {"propensity": 1 / choices, "reward": reward, "candidate": is_best.astype(np.float64)}
    return {**log, "predicted_shown": shown, "predicted_candidate": best}, 0.125


def rare_rewards(rng: np.random.Generator, samples: int) -> tuple[Log, float]:
    """Three purchases in a hundred, of 900 exposures in 4,500 that the candidate would have shown."""
    same = rng.random((samples, 4500)) < 0.2
    reward = (rng.random(same.shape) < np.where(same, 0.03, 0.01)).astype(np.float64)
    guess = np.full(same.shape, 0.02)
    log = {"propensity": np.full(same.shape, 0.2), "reward": reward, "candidate": same.astype(np.float64)}
    return {**log, "predicted_shown": guess, "predicted_candidate": guess}, 0.03


def skewed_weights(rng: np.random.Generator, samples: int) -> tuple[Log, float]:
    """Twelve trainings; the logger prefers what the candidate does not: weights from 0.08 to 12, reward with them."""
    preference = np.linspace(-1.25, 1.25, 12)
    logger, candidate = (np.exp(sign * preference) / np.exp(preference).sum() for sign in (1, -1))
    value = np.linspace(0.4, 0.02, 12)
    shown = rng.choice(12, (samples, 1500), p=logger)
    reward = rng.binomial(4, value[shown]) / 4  # in quarters, as a rating is
    guess = 0.6 * value
    log = {"propensity": logger[shown], "reward": reward, "candidate": candidate[shown]}
    expected = np.full(shown.shape, float(candidate @ guess))
    return {**log, "predicted_shown": guess[shown], "predicted_candidate": expected}, float(candidate @ value)


def repeated_people(rng: np.random.Generator, samples: int) -> tuple[Log, float]:
    """Six exposures a person, whose reward is of the person: 600 people tell no more than 600 people can."""
    drawn = np.repeat(rng.random((samples, 600, 1)) < 0.3, 6, axis=2)
    reward = np.repeat(rng.random((samples, 600, 1)) < np.where(drawn[..., :1], 0.2, 0.1), 6, axis=2)
    flat = [each.astype(np.float64).reshape(samples, -1) for each in (drawn, reward)]
    guess = np.full(flat[0].shape, 0.1)
    log = {"propensity": np.full(flat[0].shape, 0.3), "reward": flat[1], "candidate": flat[0]}
    return {**log, "predicted_shown": guess, "predicted_candidate": guess}, 0.2


WORLDS = {world.__name__: world for world in (uniform_against_best, rare_rewards, skewed_weights, repeated_people)}


def terms_of(log: Log, people_each: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(a, b) of every estimator by person, for samples in rows."""
    weight = log["candidate"] / log["propensity"]
    doubly = log["predicted_candidate"] + weight * (log["reward"] - log["predicted_shown"])
    pairs = {
        "ips": (weight * log["reward"], np.ones_like(weight)),
        "snips": (weight * log["reward"], weight),
        "doubly_robust": (doubly, np.ones_like(weight)),
    }
    summed = {}
    for name, pair in pairs.items():
        a, b = (each.reshape(len(each), -1, people_each).sum(axis=2) for each in pair)
        summed[name] = (a, b)
    return summed


@pytest.mark.parametrize("name", WORLDS)
def test_intervals_cover_the_truth_in_93_to_97_of_100(name: str) -> None:
    rng = np.random.default_rng(2024)
    missed: dict[str, list[np.ndarray]] = {}
    values: dict[str, list[np.ndarray]] = {}
    for _ in range(REPLICATIONS // AT_ONCE):
        log, truth = WORLDS[name](rng, AT_ONCE)
        for estimator, (a, b) in terms_of(log, 6 if name == "repeated_people" else 1).items():
            value, low, high = intervals(a, b)
            missed.setdefault(estimator, []).append(np.stack([truth < low, high < truth]))
            values.setdefault(estimator, []).append(value)
    for estimator, parts in missed.items():
        above, below = np.concatenate(parts, axis=1).mean(axis=1)
        assert 0.03 <= above + below <= 0.07, (estimator, above, below)
        assert max(above, below) < 0.04, "an interval that lies too low or too high as a rule"
        estimates = np.concatenate(values[estimator])
        error = estimates.std() / np.sqrt(len(estimates))
        bias = 0.01 * truth if estimator == "snips" else 0.0  # its bias falls with the sample, the others have none
        assert abs(estimates.mean() - truth) < 4 * error + bias


def test_the_plain_interval_would_not_cover() -> None:
    """What the correction for skewness is for: estimate +- 1.96 errors lies too low five times as often as too high."""
    log, truth = uniform_against_best(np.random.default_rng(2024), 1000)
    a, _ = terms_of(log, 1)["ips"]
    off = (a.mean(axis=1) - truth) / (a.std(axis=1, ddof=1) / np.sqrt(a.shape[1]))
    too_high, too_low = np.mean(off > NORMAL_95), np.mean(off < -NORMAL_95)
    assert too_low > 0.045 and too_low > 4 * too_high


@pytest.mark.parametrize("name", WORLDS)
def test_the_function_gives_what_its_formulas_say(name: str) -> None:
    log, _ = WORLDS[name](np.random.default_rng(7), 1)
    each = 6 if name == "repeated_people" else 1
    one = {key: values[0] for key, values in log.items()}
    count = len(one["reward"])
    found = policy_value(**one, person=np.arange(count) // each)
    weight = one["candidate"] / one["propensity"]
    by_person = weight.reshape(-1, each).sum(axis=1)
    assert (found.exposure_count, found.people_count) == (count, count // each)
    assert found.effective_count == pytest.approx(by_person.sum() ** 2 / (by_person**2).sum())
    assert found.ips is not None and found.ips.value == pytest.approx(np.mean(weight * one["reward"]))
    assert found.snips.value == pytest.approx(np.sum(weight * one["reward"]) / weight.sum())
    assert found.doubly_robust is not None
    for estimator, (a, b) in terms_of(log, each).items():
        value, low, high = (float(part[0]) for part in intervals(a, b))
        got = getattr(found, estimator)
        assert astuple(got) == pytest.approx((value, low, high), rel=1e-9)
        assert 0 <= got.low < got.value < got.high <= 1
    assert policy_value(**{key: one[key] for key in ("propensity", "reward", "candidate")}).doubly_robust is None


def test_to_ask_for_what_was_shown_is_to_ask_for_the_mean() -> None:
    rng = np.random.default_rng(3)
    propensity, reward = rng.uniform(0.01, 1, 500), (rng.random(500) < 0.2).astype(np.float64)
    found = policy_value(propensity=propensity, reward=reward, candidate=propensity)
    assert found.ips is not None and found.ips == found.snips and found.ips.value == pytest.approx(reward.mean())
    assert found.effective_count == pytest.approx(500)
    p, root = reward.mean(), np.sqrt(reward.mean() * (1 - reward.mean()) / 500)
    assert (found.ips.low, found.ips.high) == pytest.approx((p - 1.96 * root, p + 1.96 * root), abs=0.004)


def test_a_candidate_known_up_to_a_factor_has_the_self_normalised_estimate_alone() -> None:
    """Two lists to draw from, of four and of twenty; drawn evenly over all pairs of list and thing."""
    rng = np.random.default_rng(8)
    choices = np.where(np.arange(4000) % 2, 4, 20)
    shown = rng.integers(0, choices)
    reward = (rng.random(4000) < np.where(choices == 4, 0.3, 0.02 * shown)).astype(np.float64)
    log = {"propensity": 1 / choices, "reward": reward}
    half, whole = (policy_value(**log, candidate=np.full(4000, c), up_to_a_factor=True) for c in (0.5, 1.0))
    assert half == whole and whole.ips is None and whole.doubly_robust is None
    truth = (4 * 0.3 + 0.02 * np.arange(20).sum()) / 24
    assert whole.snips.low < truth < whole.snips.high and whole.snips.high - whole.snips.low < 0.06
    with pytest.raises(NotEnoughLoggedError, match="where 1 is due"):
        policy_value(**log, candidate=np.full(4000, 0.5))
    with pytest.raises(ValueError, match="with a candidate that is known"):
        policy_value(
            **log,
            candidate=np.full(4000, 0.5),
            up_to_a_factor=True,
            predicted_shown=reward,
            predicted_candidate=reward,
        )


@given(order=st.permutations(range(40)), data=st.data())
def test_the_order_of_exposures_changes_no_bit(order: list[int], data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 50)))
    log = {
        "propensity": rng.uniform(0.2, 0.7, 40 * 20),
        "reward": rng.random(40 * 20),
        "person": rng.permutation(np.arange(40 * 20) % 400),
    }
    log["candidate"] = log["propensity"] * rng.uniform(0.5, 1, 40 * 20) / 0.75
    mixed = (np.array(order)[:, None] * 20 + np.arange(20)).ravel()
    assert policy_value(**log) == policy_value(**{key: values[mixed] for key, values in log.items()})


def good(count: int = 1000) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    same = (np.arange(count) % 4 == 0).astype(np.float64)
    reward = (rng.random(count) < 0.3).astype(np.float64)
    return {"propensity": np.full(count, 0.25), "reward": reward, "candidate": same}


def changed(name: str, value: Any, at: int = 2) -> dict[str, Any]:
    log = good()
    array = log[name].astype(object if value is None else np.float64)
    array[at] = value
    return {**log, name: array}


REFUSED = {
    "propensity missing": (changed("propensity", np.nan), "propensity[2] is nan: give a number from 0 to 1"),
    "propensity none": (changed("propensity", None), "propensity must be one row of numbers, it is object"),
    "propensity zero": (changed("propensity", 0), "propensity[2] is 0: what was shown had a chance"),
    "propensity above one": (changed("propensity", 1.5), "propensity[2] is 1.5: give a number from 0 to 1"),
    "propensity negative": (changed("propensity", -0.5), "propensity[2] is -0.5"),
    "reward above one": (changed("reward", 2), "reward[2] is 2.0"),
    "candidate infinite": (changed("candidate", np.inf), "candidate[2] is inf"),
    "reward short": ({**good(), "reward": [1.0]}, "reward has 1 entries where 1000 are needed"),
    "reward square": ({**good(), "reward": np.zeros((2, 2))}, "reward must be one row of numbers"),
    "reward ragged": ({**good(), "reward": [[1.0], [1.0, 0.0]]}, "reward must be one row of numbers: its entries"),
    "reward words": ({**good(), "reward": ["yes"] * 1000}, "reward must be one row of numbers"),
    "person short": ({**good(), "person": [1, 2]}, "person has 2 entries where 1000 are needed"),
    "person float": ({**good(), "person": np.zeros(1000)}, "person must hold whole numbers"),
    "one prediction": ({**good(), "predicted_shown": np.zeros(1000)}, "go together, with a candidate that is known"),
}


@pytest.mark.parametrize(("log", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_arrays_are_refused_with_name_position_and_mend(log: dict[str, Any], message: str) -> None:
    policy_value(**good())
    with pytest.raises(ValueError) as refusal:
        policy_value(**log)
    assert message in str(refusal.value)


def refusal_of(log: dict[str, Any]) -> str:
    with pytest.raises(NotEnoughLoggedError) as refusal:
        policy_value(**log)
    return str(refusal.value)


def test_a_small_effective_sample_is_refused_and_told_what_would_be_enough() -> None:
    assert policy_value(**good(600)).effective_count == pytest.approx(150)
    said = refusal_of(good(596))
    assert "Only 149.0 people's worth of exposures speak for this candidate" in said
    assert "150 are needed: about 600 such exposures would be enough" in said
    # one person seen a thousand times is one person
    assert "Only 1.0 people's worth" in refusal_of({**good(), "person": np.zeros(1000, np.int64)})
    assert "no exposure" in refusal_of({name: [] for name in good()})


def test_too_few_rewards_are_refused_and_too_few_without_one() -> None:
    log = good(4000)
    few = np.zeros(4000)
    few[: 4 * 19] = 1  # nineteen of them where the candidate agrees
    assert "Only 19.0 people's worth of rewards" in refusal_of({**log, "reward": few})
    assert "Only 19.0 people's worth of exposures without a reward" in refusal_of({**log, "reward": 1 - few})
    assert "log more" in refusal_of({**log, "reward": np.zeros(4000)})


def test_a_candidate_without_support_is_refused() -> None:
    """A third of what it shows was never drawn: said by the caller, or seen in weights that do not average 1."""
    said = refusal_of({**good(), "uncovered": np.where(np.arange(1000) == 5, 0.25, 0.0)})
    assert "uncovered[5] is 0.25" in said and "1 exposures of 1000" in said
    rng = np.random.default_rng(5)
    never = rng.random(3000) < 1 / 3
    candidate = ((rng.random(3000) < 0.25) & ~never).astype(np.float64)
    log = {"propensity": np.full(3000, 0.25), "reward": rng.random(3000), "candidate": candidate}
    assert "candidate / propensity averages 0.6" in refusal_of(log)
    assert isinstance(policy_value(**{**log, "candidate": np.full(3000, 0.25)}), PolicyValue)
    # a logger that wrote half the chance it drew with
    assert "candidate / propensity averages 2.0" in refusal_of({**good(), "propensity": np.full(1000, 0.125)})
