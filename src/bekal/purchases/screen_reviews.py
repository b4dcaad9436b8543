"""`screen_reviews`: which new reviews are almost copies of others, or came in a burst. It flags, and never hides.

Alike. Fingerprints (`review_text`) say which reviews are worded alike; that alone says little, since many people write
the same few words. A wording is flagged at an institution where it stands there far more often than its share among
all others' reviews explains: n of the institution's N reviews, where m = N * share are expected. Were the wordings
drawn independently, n would be Poisson, and Chernoff's bound P(X >= n) <= exp(n - m - n ln(n / m)) must be below
MOST_PROBABLE, with n of 3 at least; two of the others must then really be alike (Jaccard 0.8). Two reviews of one
author are flagged where they are alike and at most one in a thousand of all reviews is worded so.

Bursts. The reviews of a training, and those of an institution, are counted in windows of six hours. A count n becomes
y = 2 sqrt(n + 3/8), which for Poisson counts has standard deviation 1 whatever its mean (Anscombe 1948). Usual is the
median of y over the windows of the 56 days before that had any review; the spread is 1.4826 times the median absolute
deviation, and never below 1. A window with ten or more reviews whose y lies more than 5 spreads above the median is
flagged: by the normal law one window in 3.5 million, and less than one in 100,000 for Poisson counts of any mean
(computed in tests/purchases/test_screen_reviews.py). With fewer than four windows before it nothing is usual yet: then
30 reviews are a burst.

A wave of people accepted writes everywhere at once. So what is usual grows with the others: by what all other trainings
(institutions) had in that window, over their median of the windows before; and where nothing is usual yet, 30 reviews
have to lie 5 above the mean of the others that had any. Without it 0.76 % of 24,000 innocent reviews were flagged in a
simulated year, with it none (`dev bench reviews`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from bekal.ledger.copy_rows import copy_rows, int_array
from bekal.purchases.models import ReviewFlag, ReviewPrint
from bekal.purchases.raise_flags import NewFlag, raise_flags
from bekal.purchases.review_lock import LOCK_SQL
from bekal.purchases.review_text import ALIKE, fingerprints, likeness, runs

BATCH = 2_000
MOST_PROBABLE = 1e-5
LEAST_ALIKE = 3
# Of one wording at one institution so many texts are compared letter by letter.
COMPARED = 40
USUAL_SHARE = 0.001
WINDOW_SECONDS, HISTORY_WINDOWS, HISTORY_LEAST = 6 * 3600, 56 * 4, 4
SPREADS, LEAST_IN_BURST, LEAST_IN_FIRST_BURST = 5.0, 10, 30

NEW_SQL = """
SELECT review.purchase_id, review.training_id, training.institution_id, purchase.participation_id, review.text
FROM purchases_review review JOIN catalogue_training training ON training.id = review.training_id
JOIN purchases_purchase purchase ON purchase.id = review.purchase_id
WHERE review.screened_at IS NULL ORDER BY review.purchase_id LIMIT %s
"""
# Those hidden meanwhile are not counted in rating_count; few are.
CROWDED_SQL = """
WITH asked AS (
    SELECT DISTINCT value, institution_id FROM purchases_reviewprint WHERE review_id = ANY(%(ids)s::bigint[])
), own AS (
    SELECT asked.value, asked.institution_id, count(*) AS n
    FROM asked JOIN purchases_reviewprint USING (value, institution_id) GROUP BY 1, 2 HAVING count(*) >= %(least)s
), everywhere AS (
    SELECT value, count(*) AS n FROM purchases_reviewprint
    WHERE value IN (SELECT value FROM own) GROUP BY value
), size AS (
    SELECT institution_id, sum(rating_count) AS n FROM catalogue_training
    WHERE rating_count > 0 GROUP BY institution_id
), compared AS (
    SELECT own.value, own.institution_id, own.n,
           size.n * (everywhere.n - own.n + 1)::float8
               / ((SELECT sum(n) FROM size) - size.n + 1)::float8 AS expected
    FROM own JOIN everywhere USING (value) JOIN size USING (institution_id)
)
SELECT value, institution_id, n FROM compared
WHERE n > expected AND exp(n - expected - n * ln(n / expected)) < %(most)s
ORDER BY n DESC, value, institution_id
"""
PEERS_SQL = """
SELECT wanted.value, wanted.institution_id, peer.purchase_id, peer.text
FROM unnest(%(values)s::bigint[], %(institutions)s::bigint[]) AS wanted(value, institution_id)
CROSS JOIN LATERAL (
    SELECT review.purchase_id, review.text
    FROM purchases_reviewprint print JOIN purchases_review review ON review.purchase_id = print.review_id
    WHERE print.value = wanted.value AND print.institution_id = wanted.institution_id
    ORDER BY (print.review_id = ANY(%(ids)s::bigint[])) DESC, print.review_id DESC LIMIT %(compared)s
) peer
"""
SAME_AUTHOR_SQL = """
SELECT DISTINCT print.review_id, other.review_id, review.text, beside.text
FROM purchases_reviewprint print
JOIN purchases_purchase purchase ON purchase.id = print.review_id
JOIN purchases_purchase another ON another.participation_id = purchase.participation_id AND another.id <> purchase.id
JOIN purchases_reviewprint other ON other.review_id = another.id AND other.value = print.value
JOIN purchases_review review ON review.purchase_id = print.review_id
JOIN purchases_review beside ON beside.purchase_id = other.review_id
WHERE print.review_id = ANY(%(ids)s::bigint[])
  AND (SELECT count(*) FROM purchases_reviewprint known WHERE known.value = print.value) - 2
      <= %(share)s * (SELECT sum(rating_count) FROM catalogue_training)
ORDER BY 1, 2
"""
# {subject}: training.id or training.institution_id. Windows are numbered from 1970 on.
BURST_SQL = """
WITH fresh AS (
    SELECT DISTINCT {subject} AS subject, floor(extract(epoch FROM review.written_at) / %(window)s)::bigint AS place
    FROM purchases_review review JOIN catalogue_training training ON training.id = review.training_id
    WHERE review.purchase_id = ANY(%(ids)s::bigint[])
), span AS (
    SELECT subject, to_timestamp((min(place) - %(history)s) * %(window)s) AS since,
           to_timestamp((max(place) + 1) * %(window)s) AS until FROM fresh GROUP BY subject
), counted AS MATERIALIZED (
    SELECT span.subject, floor(extract(epoch FROM review.written_at) / %(window)s)::bigint AS place, count(*) AS n
    FROM span JOIN catalogue_training training ON {subject} = span.subject
    JOIN purchases_review review ON review.training_id = training.id
        AND review.written_at >= span.since AND review.written_at < span.until
    GROUP BY 1, 2
), usual AS (
    SELECT now.subject, now.place, now.n, before.y AS median,
           count(earlier.n) AS windows,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(2 * sqrt(earlier.n + 0.375) - before.y)) AS deviation
    FROM fresh JOIN counted now USING (subject, place)
    CROSS JOIN LATERAL (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY 2 * sqrt(past.n + 0.375)) AS y FROM counted past
        WHERE past.subject = now.subject AND past.place < now.place AND past.place >= now.place - %(history)s
    ) before
    LEFT JOIN counted earlier ON earlier.subject = now.subject AND earlier.place < now.place
        AND earlier.place >= now.place - %(history)s
    WHERE now.n >= %(least)s
    GROUP BY now.subject, now.place, now.n, before.y
), striking AS (
    SELECT *, windows < %(history_least)s AS is_first, greatest(1.0, 1.4826 * deviation) AS spread FROM usual
    WHERE CASE WHEN windows < %(history_least)s THEN n >= %(least_first)s
          ELSE (2 * sqrt(n + 0.375) - median) / greatest(1.0, 1.4826 * deviation) > %(spreads)s END
), burst AS (
    SELECT striking.* FROM striking CROSS JOIN LATERAL (
        SELECT coalesce(max(n) FILTER (WHERE place = striking.place), 0) AS n,
               coalesce(max(n::float8 / subjects) FILTER (WHERE place = striking.place), 0) AS mean,
               coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FILTER (WHERE place < striking.place), 0)
                   AS usual
        FROM (
            SELECT floor(extract(epoch FROM review.written_at) / %(window)s)::bigint AS place, count(*) AS n,
                   count(DISTINCT {subject}) AS subjects
            FROM purchases_review review JOIN catalogue_training training ON training.id = review.training_id
            WHERE review.written_at >= to_timestamp((striking.place - %(history)s) * %(window)s)
              AND review.written_at < to_timestamp((striking.place + 1) * %(window)s)
              AND {subject} <> striking.subject
            GROUP BY 1
        ) elsewhere
    ) others
    WHERE CASE WHEN is_first THEN 2 * sqrt(striking.n + 0.375) - 2 * sqrt(others.mean + 0.375)
          ELSE (2 * sqrt(striking.n + 0.375)
                - 2 * sqrt(((median / 2) ^ 2 - 0.375) * greatest(1, (others.n + 1) / (others.usual + 1)) + 0.375))
               / spread END > %(spreads)s
)
SELECT review.purchase_id, max(burst.n)
FROM burst JOIN catalogue_training training ON {subject} = burst.subject
JOIN purchases_review review ON review.training_id = training.id
    AND review.written_at >= to_timestamp(burst.place * %(window)s)
    AND review.written_at < to_timestamp((burst.place + 1) * %(window)s)
GROUP BY review.purchase_id ORDER BY review.purchase_id
"""
SCREENED_SQL = """
UPDATE purchases_review SET screened_at = %s WHERE purchase_id = ANY(%s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Screened:
    """How many reviews were looked at, and how many flags raised, by reason."""

    review_count: int
    flag_counts: dict[str, int]


def screen_reviews(*, at: datetime, limit: int = BATCH) -> Screened:
    """Look at so many reviews that are new or edited, and flag what stands out; with none left, nothing is done.

    In one transaction. Flags go to the reviews looked at and to the earlier ones they are alike or came together with;
    none is raised twice for one version.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(NEW_SQL, [limit])
            rows = cursor.fetchall()
        if not rows:
            return Screened(0, {})
        ids = [row[0] for row in rows]
        _print(rows)
        flags = [*_alike(ids), *_same_author(ids), *_bursts(ids)]
        with connection.cursor() as cursor:
            cursor.execute(LOCK_SQL, [int_array({*ids, *(flag.purchase_id for flag in flags)})])
            is_new = raise_flags(flags, at)
            cursor.execute(SCREENED_SQL, [at, int_array(ids)])
    counts: defaultdict[str, int] = defaultdict(int)
    for flag, new in zip(flags, is_new, strict=True):
        counts[flag.reason.value] += new
    return Screened(len(ids), {reason: count for reason, count in counts.items() if count})


def _print(rows: Sequence[tuple[int, int, int, int, str]]) -> None:
    ids = [row[0] for row in rows]
    ReviewPrint.objects.filter(review_id__in=ids).delete()
    prints = ((row[0], value, row[2]) for row in rows for value in sorted(set(fingerprints(row[4]))))
    copy_rows(ReviewPrint, ("review_id", "value", "institution_id"), prints)


def _flag(purchase_id: int, reason: ReviewFlag.Reason, other_count: int) -> NewFlag:
    return NewFlag(purchase_id, ReviewFlag.Source.AUTOMATIC, reason, other_count=other_count)


def _alike(ids: Sequence[int]) -> list[NewFlag]:
    """Reviews of one institution in almost the same words, more than chance explains."""
    values: dict[str, str | float] = {"ids": int_array(ids), "least": LEAST_ALIKE, "most": MOST_PROBABLE}
    with connection.cursor() as cursor:
        cursor.execute(CROWDED_SQL, values)
        crowded = cursor.fetchall()
        if not crowded:
            return []
        places = {"values": int_array(row[0] for row in crowded), "institutions": int_array(row[1] for row in crowded)}
        cursor.execute(PEERS_SQL, {**places, "ids": values["ids"], "compared": COMPARED})
        groups: defaultdict[tuple[int, int], list[tuple[int, frozenset[int]]]] = defaultdict(list)
        for value, institution_id, purchase_id, text in cursor.fetchall():
            groups[value, institution_id].append((purchase_id, runs(text)))
    found: dict[int, int] = {}
    for value, institution_id, count in crowded:
        group = groups[value, institution_id]
        for purchase_id, words in group:
            alike = sum(likeness(words, others) >= ALIKE for number, others in group if number != purchase_id)
            if alike >= LEAST_ALIKE - 1:
                found[purchase_id] = max(found.get(purchase_id, 0), count - 1)
    return [_flag(number, ReviewFlag.Reason.ALIKE_INSTITUTION, count) for number, count in sorted(found.items())]


def _same_author(ids: Sequence[int]) -> list[NewFlag]:
    """Reviews of one author in almost the same words, which hardly anybody else uses."""
    with connection.cursor() as cursor:
        cursor.execute(SAME_AUTHOR_SQL, {"ids": int_array(ids), "share": USUAL_SHARE})
        found: defaultdict[int, set[int]] = defaultdict(set)
        for one, other, text, beside in cursor.fetchall():
            if likeness(runs(text), runs(beside)) >= ALIKE:
                found[one].add(other)
                found[other].add(one)
    reason = ReviewFlag.Reason.ALIKE_AUTHOR
    return [_flag(number, reason, len(others)) for number, others in sorted(found.items())]


def _bursts(ids: Sequence[int]) -> list[NewFlag]:
    """Everything that came in a window with far more reviews than usual, of a training or of an institution."""
    values: dict[str, str | float] = {
        "ids": int_array(ids),
        "window": WINDOW_SECONDS,
        "history": HISTORY_WINDOWS,
        "history_least": HISTORY_LEAST,
        "least": LEAST_IN_BURST,
        "least_first": LEAST_IN_FIRST_BURST,
        "spreads": SPREADS,
    }
    found: dict[int, int] = {}
    with connection.cursor() as cursor:
        for subject in ("training.id", "training.institution_id"):
            cursor.execute(BURST_SQL.format(subject=subject), values)
            for purchase_id, count in cursor.fetchall():
                found[purchase_id] = max(found.get(purchase_id, 0), int(count) - 1)
    return [_flag(number, ReviewFlag.Reason.BURST, count) for number, count in sorted(found.items())]
