"""Which reviews of innocent people are flagged as copies or as a burst, and whether planted ones are found.

    dev bench reviews [--people 20000] [--year 2020] [--seed 1]

In a database of its own a simulated population walks through a year and writes its reviews by the same verbs as people
do: in few words that many use alike, crowded after each wave. Every day they are screened as the worker does. Whatever
is flagged then is an innocent review that an officer has to look at. Then 40 reviews of one institution are reworded to
one text, 40 of another are put into one hour, and each is looked for and taken out again. Exit code 1 where more than
0.5 % of the innocent are flagged, or less than 95 % of the planted found.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

from benchmarks import machine
from benchmarks.verbs import migrate, own_database

FALSE, RECALL, PLANTED_COUNT = 0.005, 0.95, 40
COPY = "Pelatihan terbaik di kota ini, pengajarnya luar biasa dan harganya sangat pantas untuk semua orang."
# Institutions with some reviews of their own, the middle one first.
INSTITUTIONS_SQL = """
SELECT training.institution_id FROM purchases_review review
JOIN catalogue_training training ON training.id = review.training_id
GROUP BY 1 HAVING count(*) >= 2 * %(planted)s ORDER BY abs(count(*) - 5 * %(planted)s), 1 LIMIT 2
"""
# By a fixed shuffle: neither the newest nor those of one training.
CHOSEN_SQL = """
SELECT review.purchase_id FROM purchases_review review
JOIN catalogue_training training ON training.id = review.training_id
WHERE training.institution_id = %(institution)s ORDER BY md5(review.purchase_id::text) LIMIT %(planted)s
"""
REWORD_SQL = "UPDATE purchases_review SET text = %(text)s, screened_at = NULL WHERE purchase_id = ANY(%(ids)s)"
CROWD_SQL = """
UPDATE purchases_review SET written_at = last.at + interval '2 days' + purchase_id %% 3600 * interval '1 second',
       screened_at = NULL
FROM (SELECT max(written_at) AS at FROM purchases_review) last WHERE purchase_id = ANY(%(ids)s)
"""
Figures = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when the innocent are left in peace and what is planted is found."""
    parser = argparse.ArgumentParser(prog="dev bench reviews", description="Innocent and planted reviews, flagged.")
    parser.add_argument("--people", type=int, default=20_000, help="simulated people (default 20,000)")
    parser.add_argument("--year", type=int, default=2020, help="the year they walk through (default 2020)")
    parser.add_argument("--seed", type=int, default=1, help="of the simulation (default 1)")
    options = parser.parse_args(arguments)
    print(f"{machine.one_line(machine.describe())}; seed {options.seed}", flush=True)
    with own_database("bekal_bench_reviews"):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
        django.setup()
        migrate()
        innocent = _innocent(options.people, options.year, options.seed)
        planted = [_planted("copies", REWORD_SQL, 0), _planted("burst", CROWD_SQL, 1)]
    figures = {"people": options.people, "year": options.year, "seed": options.seed}
    figures |= {"innocent": innocent, "planted": planted}
    print(f"Written to {machine.write_result('reviews', figures)}")
    return 0 if innocent["flagged_share"] <= FALSE and all(each["recall"] >= RECALL for each in planted) else 1


def _innocent(people: int, year: int, seed: int) -> Figures:
    from bekal.ledger.clock import programme_now
    from bekal.purchases.models import Review, ReviewFlag
    from bekal.simulation.walk import simulate

    seconds = 0.0

    def screened_daily(done: int, days: int) -> None:
        nonlocal seconds
        started = time.perf_counter()
        _screen(programme_now())
        seconds += time.perf_counter() - started

    simulate(participant_count=people, year=year, seed=seed, progress=screened_daily)
    review_count = Review.objects.count()
    flags = ReviewFlag.objects.filter(source=ReviewFlag.Source.AUTOMATIC)
    by_reason = {reason: flags.filter(reason=reason).values("review").distinct().count() for reason in _reasons()}
    flagged = flags.values("review").distinct().count()
    found = {
        "reviews": review_count,
        "flagged": flagged,
        "flagged_share": flagged / max(review_count, 1),
        "by_reason": by_reason,
        "screening_seconds": round(seconds, 1),
    }
    print("{reviews:,} innocent reviews, {flagged:,} flagged ({flagged_share:.3%}): {by_reason}".format(**found))
    return found


def _reasons() -> list[str]:
    from bekal.purchases.models import ReviewFlag

    automatic = ReviewFlag.Reason
    return [automatic.ALIKE_INSTITUTION.value, automatic.ALIKE_AUTHOR.value, automatic.BURST.value]


def _screen(at: Any) -> None:
    from bekal.purchases.screen_reviews import screen_reviews

    while screen_reviews(at=at).review_count:
        pass


def _planted(name: str, plant_sql: str, place: int) -> Figures:
    """What is planted at one institution, looked for, and gone afterwards."""
    from django.db import connection, transaction

    from bekal.ledger.clock import programme_now

    reason = _reasons()[0 if name == "copies" else 2]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(INSTITUTIONS_SQL, {"planted": PLANTED_COUNT})
        (institution_id,) = cursor.fetchall()[place]
        cursor.execute(CHOSEN_SQL, {"planted": PLANTED_COUNT, "institution": institution_id})
        ids = [number for (number,) in cursor.fetchall()]
        cursor.execute("SELECT DISTINCT review_id FROM purchases_reviewflag WHERE reason = %s", [reason])
        before = {number for (number,) in cursor.fetchall()}
        cursor.execute(plant_sql, {"ids": ids, "text": COPY})
        _screen(programme_now())
        cursor.execute("SELECT DISTINCT review_id FROM purchases_reviewflag WHERE reason = %s", [reason])
        after = {number for (number,) in cursor.fetchall()}
        transaction.set_rollback(True)
    found = {
        "shape": name,
        "planted": len(ids),
        "recall": len(after & set(ids)) / len(ids),
        "others_flagged": len(after - before - set(ids)),
    }
    print("{shape}: {planted} planted, recall {recall:.1%}, {others_flagged} others flagged".format(**found))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
