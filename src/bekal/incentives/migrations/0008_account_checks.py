import django.db.models.deletion
from django.db import migrations, models

from bekal.ledger.append_only import guard, guard_against_truncate


class Migration(migrations.Migration):

    dependencies = [
        ('incentives', '0007_payout_account_hash'),
        ('participants', '0006_account_pays_from'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account_hash', models.BinaryField(max_length=32)),
                ('outcome', models.CharField(choices=[('wanted', 'asked for by its owner'), ('begun', 'begun'), ('passed', 'can be paid to'), ('failed', 'cannot be paid to'), ('unknown', 'unknown')], max_length=7)),
                ('reason_code', models.CharField(blank=True, max_length=8)),
                ('partner_code', models.CharField(blank=True, max_length=40)),
                ('needed_rupiah', models.BigIntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('noted_at', models.DateTimeField()),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checks', to='participants.payoutaccount')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'failed'), models.Q(('reason_code', ''), _negated=True)), models.Q(models.Q(('outcome', 'failed'), _negated=True), ('reason_code', '')), _connector='OR'), name='incentives_accountcheck_failed_for_a_reason', violation_error_message='An account that failed names its reason, and no other does.')],
            },
        ),
        guard('incentives_accountcheck'),
        guard_against_truncate('incentives_accountcheck'),
    ]
