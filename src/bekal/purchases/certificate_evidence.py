"""What a certificate rests on: the rows that proved attendance and completion, as a digest that recomputes for ever.

One line a row, `piece sequence source microseconds` of its instant (UTC, since 1970), and what is not usual of it:
`denied`, `60 percent`, `revision 2`; in the order of piece, sequence, source and number. SHA-256 of the lines, joined
by line ends. Rows are only added, so those up to a number stay as they are: the digest of a certificate is made again
from them at any time.
"""

PROVING_SQL = "evidence.piece IN ('attendance', 'completion')"
# The digest of the rows that are grouped.
DIGEST_SQL = """sha256(convert_to(string_agg(
    concat_ws(' ', evidence.piece, evidence.sequence, evidence.source,
              (extract(epoch FROM evidence.recorded_at) * 1000000)::bigint,
              CASE WHEN NOT evidence.holds THEN 'denied' END, evidence.percent || ' percent',
              'revision ' || nullif(evidence.revision, 1)),
    E'\\n' ORDER BY evidence.piece COLLATE "C", evidence.sequence, evidence.source COLLATE "C", evidence.id
), 'UTF8'))"""
# Of each purchase among %(purchase_ids)s: digest, how many rows, and the last of them.
DIGESTS_SQL = f"""
SELECT purchase.id, {DIGEST_SQL}, count(*), max(evidence.id)
FROM unnest(%(purchase_ids)s::bigint[]) AS purchase (id)
JOIN purchases_evidence evidence ON evidence.purchase_id = purchase.id AND {PROVING_SQL}
GROUP BY purchase.id
"""
