"""Fits the parameters that nobody has published to the figures that somebody has: `manage calibrate`.

Each figure has one parameter that moves it most. All of them are moved at once by damped steps on the scale of log-odds
(of logarithms where a parameter or a figure is no share), the cohort is rehearsed again with the same draws, and so on
until every figure is met.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import exp, log
from typing import Any

from bekal.simulation.model import MODEL, Model
from bekal.simulation.rehearsal import Scenario, rehearse

TOLERANCE = 0.003  # of a share; of a count a person: of the count
DAMPING, MOST_ROUNDS = 0.8, 25

# What the published shares are of: people in the first three waves who were accepted, bought, finished and were paid.
ACCEPTED, BOUGHT, PAID = 680_000, 600_000, 480_000
# The shares are those of a cohort that chooses from the catalogue everybody begins with; the two counts those of the
# full build, whose trainings are shorter. A part of the people is enough for these.
FULL_TRAINING_COUNT, PART_FOR_COUNTS = 2_700, 4
COUNTS = ("trainings_each", "evidence_each")


@dataclass(frozen=True, slots=True)
class Target:
    """One figure of a rehearsal, what it should be, and the parameter fitted to it; `gain`: how far the parameter moves
    for a step of 1 that is missing. Without a parameter the figure is only watched."""

    figure: str
    about: str
    value: float
    parameter: str | None = None
    gain: float = 1.0

    @property
    def is_share(self) -> bool:
        return self.value < 1

    def missing(self, value: float) -> float:
        """How far a value is away, on the scale of the steps: 0 where the figure is met."""
        return _log_odds(self.value) - _log_odds(value) if self.is_share else log(self.value / value)

    def off(self, value: float) -> float:
        """The difference as people read it: of a share as it is, of a count relative to it."""
        return value - self.value if self.is_share else value / self.value - 1


TARGETS = (
    Target("bought", "S8 bought a first training, of those accepted", BOUGHT / ACCEPTED, "decide_daily", 1.3),
    Target("paid", "S8 finished and paid, of those who bought", PAID / BOUGHT, "drop_out", -0.9),
    Target("between", "S6 between finished and paid, of those who bought", 0.025, "forget_review_share"),
    Target("second", "S11 took a second training, of those paid", 0.547, "nothing_suits_share", -2.0),
    Target("no_time", "S11 of those without a second: no time", 0.291, "no_time_share"),
    Target("enough", "S11 of those without a second: enough with the first", 0.149, "enough_share"),
    Target("reuse_unknown", "S11 of those without a second: reuse not known", 0.12, "reuse_unknown_share"),
    Target("want_no_more", "S11 of those without a second: want no more", 0.093, "want_no_more_share"),
    Target("second_unknown", "S11 of those without a second: second not known", 0.067, "second_unknown_share"),
    Target("on_time", "S11 agree that the incentive was on time", 0.836, "on_time_share"),
    Target("effective", "S11 found training effective, of those who finished", 0.92),
    Target("helped", "S11 the programme helped", 0.96),
    Target("unemployed", "S11 looking for work", 0.808),
    Target("employee", "S11 employees", 0.121),
    Target(
        "trainings_each", "trainings a person accepted (2 million for 700,000)", 2_000_000 / 700_000, "go_on_share", 4.0
    ),
    Target(
        "evidence_each", "rows of evidence a training (5 million for 2 million)", 2.5, "drop_out_later_factor", -3.0
    ),
)
FITTED = {target.parameter: target for target in TARGETS if target.parameter is not None}
SCENARIOS: Mapping[str, tuple[Callable[[Model], Model], Scenario]] = {
    "halve-deadline": (lambda model: model, Scenario(deadline=0.5)),
    "double-deadline": (lambda model: model, Scenario(deadline=2.0)),
    "cheaper-30": (lambda model: model, Scenario(prices=0.7)),
    "dearer-30": (lambda model: model, Scenario(prices=1.3)),
    "no-sms": (lambda model: replace(model, sms_reach_share=0.0), Scenario()),
    "no-email": (lambda model: replace(model, email_reach_share=0.0), Scenario()),
    "no-friends": (lambda model: replace(model, friends_reach_share=0.0), Scenario()),
    "no-social-media": (lambda model: replace(model, social_media_reach_share=0.0), Scenario()),
}


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The model after the last round, the figures before the first and after the last, and how many rounds it took."""

    model: Model
    before: Mapping[str, float]
    after: Mapping[str, float]
    round_count: int

    @property
    def is_met(self) -> bool:
        """Whether every figure that has a parameter is within the tolerance."""
        return _is_met(self.after)


def calibrate(
    model: Model = MODEL,
    *,
    people_count: int = 50_000,
    seed: int = 1,
    progress: Callable[[int, float], None] | None = None,
) -> Calibrated:
    """Move the fitted parameters until every figure is within 0.3 points (counts: 0.3 %), at most 25 rounds.

    `progress` is called with (round, the largest difference) after each."""
    before = after = _figures(model, people_count, seed)
    done = 0
    while not _is_met(after) and done < MOST_ROUNDS:
        moved: dict[str, Any] = {parameter: _moved(model, target, after) for parameter, target in FITTED.items()}
        model = replace(model, **moved)
        after = _figures(model, people_count, seed)
        done += 1
        if progress is not None:
            progress(done, max(abs(target.off(after[target.figure])) for target in FITTED.values()))
    return Calibrated(model, before, after, done)


def _figures(model: Model, people_count: int, seed: int) -> dict[str, float]:
    full = rehearse(model, people_count=people_count // PART_FOR_COUNTS, seed=seed, training_count=FULL_TRAINING_COUNT)
    return rehearse(model, people_count=people_count, seed=seed) | {name: full[name] for name in COUNTS}


def _is_met(figures: Mapping[str, float]) -> bool:
    return all(abs(target.off(figures[target.figure])) <= TOLERANCE for target in FITTED.values())


def _moved(model: Model, target: Target, figures: Mapping[str, float]) -> float:
    """The parameter after one step: shares on the scale of log-odds, other numbers on that of logarithms."""
    name = target.parameter or ""
    value: float = getattr(model, name)
    step = DAMPING * target.gain * target.missing(figures[target.figure])
    if not name.endswith("_share"):
        return value * exp(step)
    return 1 / (1 + exp(-_log_odds(value) - step))


def _log_odds(share: float) -> float:
    share = min(max(share, 1e-6), 1 - 1e-6)
    return log(share / (1 - share))
