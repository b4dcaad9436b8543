from django.db import migrations

from bekal.ledger.append_only import guard_against_truncate


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0001_initial'),
        ('engagement', '0001_initial'),
    ]

    operations = [
        guard_against_truncate('engagement_surveyresponse'),
    ]
