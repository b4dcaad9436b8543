from django.db import migrations, models

# Of what is under way. The seal of a list whose account was changed meanwhile is another with it: it is not exported.
FILL = """
UPDATE incentives_payout payout SET account_hash = directory.account_hash
FROM participants_payoutaccountdirectory directory
WHERE directory.account_id = payout.account_id AND payout.ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus sent WHERE sent.payout_id = payout.id)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('incentives', '0006_rails'),
        ('participants', '0006_account_pays_from'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='payoutstatus',
            name='incentives_payoutstatus_rejection_has_reason',
        ),
        migrations.AddField(
            model_name='payout',
            name='account_hash',
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='payoutstatus',
            name='state',
            field=models.CharField(choices=[('sent', 'sent'), ('accepted', 'accepted by the partner'), ('settled', 'paid'), ('rejected', 'rejected'), ('returned', 'returned by the bank'), ('reversed', 'taken back by the programme'), ('withheld', 'kept back')], max_length=10),
        ),
        migrations.AddConstraint(
            model_name='payoutstatus',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reason_code', ''), ('state__in', ['sent', 'accepted', 'settled'])), models.Q(('reason_code__in', ['', 'CHANGED']), ('state', 'withheld')), models.Q(('state__in', ['rejected', 'returned', 'reversed']), models.Q(('reason_code', ''), _negated=True)), _connector='OR'), name='incentives_payoutstatus_rejection_has_reason', violation_error_message='A payout that was rejected, returned or reversed names its reason.'),
        ),
    ]
