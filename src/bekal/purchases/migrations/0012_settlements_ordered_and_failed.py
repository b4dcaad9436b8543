import django.db.models.deletion
from django.db import migrations, models

from bekal.ledger.append_only import guard, guard_against_truncate


class Migration(migrations.Migration):

    dependencies = [
        ('purchases', '0011_evidence_unusual'),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='institutionsettlement', name='purchases_settlement_once'),
        # What was settled was ordered and paid in one moment.
        migrations.RenameField(model_name='institutionsettlement', old_name='settled_at', new_name='ordered_at'),
        migrations.AddField(
            model_name='institutionsettlement',
            name='settled_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(
            "UPDATE purchases_institutionsettlement SET settled_at = ordered_at",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name='institutionsettlement',
            name='part',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='institutionsettlement',
            name='listed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name='institutionsettlement',
            constraint=models.UniqueConstraint(fields=('institution', 'ordered_at', 'part'), name='purchases_settlement_once'),
        ),
        migrations.AddIndex(
            model_name='institutionsettlement',
            index=models.Index(condition=models.Q(('settled_at', None)), fields=['institution'], name='settlement_unpaid'),
        ),
        migrations.CreateModel(
            name='SettlementFailure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(max_length=35, unique=True)),
                ('partner', models.CharField(max_length=12)),
                ('masked_account', models.CharField(max_length=40)),
                ('reason_code', models.CharField(max_length=8)),
                ('paid_at', models.DateTimeField(null=True)),
                ('failed_at', models.DateTimeField()),
                ('settlement', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='failures', to='purchases.institutionsettlement')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('reason_code', ''), _negated=True), name='purchases_settlementfailure_has_reason'), models.CheckConstraint(condition=models.Q(('paid_at', None), models.Q(('failed_at__gte', models.F('paid_at')), ('paid_at__isnull', False)), _connector='OR'), name='purchases_settlementfailure_after_payment', violation_error_message='What came back was paid before.')],
            },
        ),
        guard('purchases_settlementfailure'),
        guard_against_truncate('purchases_settlementfailure'),
    ]
