from django.db import migrations

from bekal.ledger.append_only import guard_against_truncate


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0001_initial'),
        ('recommender', '0002_provinces'),
    ]

    operations = [
        guard_against_truncate('recommender_modelversion'),
        guard_against_truncate('recommender_exposure'),
    ]
