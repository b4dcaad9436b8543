import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from bekal.ledger.append_only import guard, guard_against_truncate


class Migration(migrations.Migration):

    dependencies = [
        ('incentives', '0008_account_checks'),
        ('participants', '0006_account_pays_from'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Complaint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('incentive', 'incentive'), ('survey', 'survey')], max_length=10)),
                ('instalment', models.PositiveSmallIntegerField()),
                ('about', models.CharField(choices=[('not_come', 'the money has not come'), ('not_right', 'something is not right')], max_length=9)),
                ('position', models.PositiveIntegerField()),
                ('turn', models.CharField(choices=[('office', 'the programme office'), ('partner', 'the payment partner'), ('institution', 'the training institution'), ('participant', 'the participant')], max_length=11)),
                ('opened_at', models.DateTimeField()),
                ('due_on', models.DateField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('ending', models.CharField(blank=True, choices=[('moved', 'the instalment has moved'), ('answered', 'answered for good')], max_length=8)),
                ('moved_to', models.CharField(blank=True, choices=[('earned', 'earned'), ('listed', 'on a list of payments'), ('sent', 'given out for sending'), ('settled', 'paid'), ('rejected', 'rejected'), ('returned', 'returned by the bank'), ('reversed', 'taken back by the programme'), ('lost', 'returned to the state treasury')], max_length=8)),
                ('participation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='complaints', to='participants.participation')),
            ],
        ),
        migrations.CreateModel(
            name='ComplaintEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('opened', 'complaint received'), ('passed_on', "somebody else's turn"), ('answered', 'answered'), ('closed', 'closed')], max_length=9)),
                ('turn', models.CharField(choices=[('office', 'the programme office'), ('partner', 'the payment partner'), ('institution', 'the training institution'), ('participant', 'the participant')], max_length=11)),
                ('text_encrypted', models.BinaryField(null=True)),
                ('due_on', models.DateField()),
                ('recorded_at', models.DateTimeField()),
                ('by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('complaint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='incentives.complaint')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddIndex(
            model_name='complaint',
            index=models.Index(condition=models.Q(('closed_at', None)), fields=['due_on', 'id'], name='complaint_due'),
        ),
        migrations.AddConstraint(
            model_name='complaint',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at', None)), fields=('participation', 'kind', 'instalment'), name='incentives_complaint_one_open', violation_error_message='A complaint about this instalment is open already.'),
        ),
        migrations.AddConstraint(
            model_name='complaint',
            constraint=models.CheckConstraint(condition=models.Q(('instalment__gte', 1)), name='incentives_complaint_instalment_from_1'),
        ),
        migrations.AddConstraint(
            model_name='complaint',
            constraint=models.CheckConstraint(condition=models.Q(('turn__in', ['office', 'partner', 'institution', 'participant'])), name='incentives_complaint_is_a_turn', violation_error_message="It is somebody's turn."),
        ),
        migrations.AddConstraint(
            model_name='complaint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('ending', ''), ('moved_to', '')), models.Q(('closed_at__isnull', False), ('ending', 'moved'), models.Q(('moved_to', ''), _negated=True)), models.Q(('answered_at__isnull', False), ('closed_at__isnull', False), ('ending', 'answered'), ('moved_to', '')), _connector='OR'), name='incentives_complaint_ends_for_a_reason', violation_error_message='A complaint ends because its instalment has moved, or by an answer.'),
        ),
        guard('incentives_complaintevent'),
        guard_against_truncate('incentives_complaintevent'),
    ]
