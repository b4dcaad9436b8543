"""The tables of facts are guarded, and every price there is becomes the first row of its history."""

from django.db import migrations

from bekal.ledger.append_only import guard, guard_against_truncate

FACTS = (
    "catalogue_trainingprice",
    "catalogue_accreditation",
    "catalogue_curationdecision",
    "catalogue_offerchange",
    "catalogue_sessionchange",
)
FIRST_PRICES_SQL = """
INSERT INTO catalogue_trainingprice (training_id, price_rupiah, source, since_at)
SELECT id, price_rupiah, 'import', listed_at FROM catalogue_training
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0006_life_cycle"), ("ledger", "0001_initial")]

    operations = [
        migrations.RunSQL(FIRST_PRICES_SQL, migrations.RunSQL.noop),
        *(operation for table in FACTS for operation in (guard(table), guard_against_truncate(table))),
    ]
