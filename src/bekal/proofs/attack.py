"""Count the made-up people it takes to push a training nobody knows into the lists of a neighbourhood.

In memory, on a made-up population whose choices are spread thinly over many trainings (where few suffice): the
recommender is fitted as the programme fits it, and every neighbourhood is attacked with every strategy
(`core.recommend.attack`). The same is done to a recommender without a prior, which a handful must be able to push:
otherwise the attackers here would be too weak to show anything.
"""

import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.report import heading
from bekal.proofs.result_file import write_result
from bekal.proofs.subjects import Output

if TYPE_CHECKING:
    from bekal.core.recommend.attack import Attack

PEOPLE_COUNT, FULL_PEOPLE_COUNT = 6_000, 60_000
TRAINING_COUNT = 300
NO_PRIOR = 1e-3  # kappa_h of the careless variant
CATEGORY_COUNT, MOST_CHOICES = 12, 6


@dataclass(frozen=True, slots=True)
class Attacked:
    """What each neighbourhood of one recommender costs."""

    name: str
    attacks: tuple["Attack", ...]

    @property
    def too_cheap(self) -> tuple["Attack", ...]:
        return tuple(one for one in self.attacks if one.verdict == "blocked")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--people", type=whole_number(4_000), default=PEOPLE_COUNT, metavar="N", help=f"default {PEOPLE_COUNT}"
    )
    parser.add_argument("--full", action="store_true", help=f"{FULL_PEOPLE_COUNT} people")
    add_common_arguments(parser, resume=False)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """Attack the recommender and its careless twin; 1 where the first is too cheap or the second is not."""
    people_count, seed = FULL_PEOPLE_COUNT if options["full"] else options["people"], seed_of(options)
    started = time.perf_counter()
    stdout.write(heading("attack", seed=seed, people=people_count, trainings=TRAINING_COUNT))
    world = made_up(people_count, seed)
    fitted, careless = attacked("as it is fitted", world), attacked("careless: no prior", world, NO_PRIOR)
    for line in lines_of(fitted, careless):
        stdout.write(line)
    figures = {"seed": seed, "people": people_count, "trainings": TRAINING_COUNT}
    figures |= {one.name: [attack.as_json() for attack in one.attacks] for one in (fitted, careless)}
    write_result(options.get("result"), figures | {"seconds": round(time.perf_counter() - started, 1)})
    return 0 if holds(fitted, careless) else 1


def holds(fitted: Attacked, careless: Attacked) -> bool:
    """Something was attacked, nothing of it was too cheap, and the careless one was."""
    return bool(fitted.attacks and not fitted.too_cheap and careless.too_cheap)


def made_up(people_count: int, seed: int) -> dict[str, Any]:
    """Arguments of `Recommender.fit`: taste by profile and a taste of one's own for some categories, 1 to 6 choices."""
    import numpy as np

    random = np.random.default_rng([seed, people_count])
    profile = np.stack([random.integers(0, codes, people_count) for codes in (2, 5, 34)], axis=1)
    category = random.integers(0, CATEGORY_COUNT, TRAINING_COUNT)
    popularity = 1.0 / (20.0 + np.arange(TRAINING_COUNT))
    shared = random.gamma(1.0, size=(2, 5, CATEGORY_COUNT)) + 0.1
    own = random.gamma(0.4, size=(people_count, CATEGORY_COUNT)) + 0.02
    count = np.where(random.random(people_count) < 0.4, 1, 1 + random.poisson(1.2, people_count).clip(max=5))
    taste = np.log(shared[profile[:, 0], profile[:, 1]] * own)
    wish = np.log(popularity) + taste[:, category] + random.gumbel(size=(people_count, TRAINING_COUNT))
    order = np.argsort(-wish, axis=1)[:, :MOST_CHOICES]
    return {
        "ptr": np.concatenate([[0], np.cumsum(count)]),
        "items": order[np.arange(MOST_CHOICES) < count[:, None]],
        "profile": profile,
        "price_rupiah": random.integers(24, 1001, TRAINING_COUNT) * 1000,
    }


def attacked(name: str, world: Mapping[str, Any], history_strength: float | None = None) -> Attacked:
    """Fit and attack; with a `history_strength` of its own the careless twin."""
    from bekal.core.recommend import Recommender
    from bekal.core.recommend.attack import CarelessRecommender, cheapest_attack, neighbourhoods

    if history_strength is None:
        recommender = Recommender(seed=0).fit(**world)
    else:
        recommender = CarelessRecommender(seed=0, history_strength=history_strength).fit(**world)
    groups = neighbourhoods(ptr=world["ptr"], items=world["items"], profile=world["profile"])
    return Attacked(
        name, tuple(cheapest_attack(recommender, group, price_rupiah=world["price_rupiah"]) for group in groups)
    )


def lines_of(*found: Attacked) -> Iterator[str]:
    """The report, line by line."""
    for each in found:
        for one in each.attacks:
            cost = f"more than {one.tried}" if one.accomplices is None else f"{one.accomplices}"
            verdict = "holds" if one.verdict == "passes" else "TOO CHEAP"
            yield (
                f"  {verdict:9s} {each.name}: {cost} accomplices for a group of {one.group_count:,}, "
                f"at least {one.needed} needed (cheapest: {one.strategy})"
            )
        if not each.attacks:
            yield f"  NOTHING   {each.name}: no group of a hundred people to attack"
