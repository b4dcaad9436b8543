import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('incentives', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='payoutrun',
            name='incentives_payoutrun_approval_bound_to_list',
        ),
        migrations.AddField(
            model_name='payout',
            name='masked_account',
            field=models.CharField(default='', max_length=40),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='payoutrun',
            name='cancelled_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='cancelled_runs', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='payoutrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approved_at__isnull', True), ('approved_by__isnull', True), ('approved_sha256__isnull', True)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False), ('approved_sha256', models.F('list_sha256')), ('approved_sha256__isnull', False)), _connector='OR'), name='incentives_payoutrun_approval_bound_to_list', violation_error_message='An approval holds only for the list that was shown.'),
        ),
        migrations.AddConstraint(
            model_name='payoutrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cancelled_at__isnull', True), ('cancelled_by__isnull', True)), models.Q(('cancelled_at__isnull', False), ('cancelled_by__isnull', False)), _connector='OR'), name='incentives_payoutrun_cancelled_by_someone', violation_error_message='A cancelled run names who cancelled it.'),
        ),
    ]
