import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('participants', '0006_account_pays_from'),
    ]

    operations = [
        migrations.CreateModel(
            name='SecondPayoutAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('partner', models.CharField(choices=[('bni', 'BNI'), ('ovo', 'OVO'), ('gopay', 'GoPay'), ('linkaja', 'LinkAja')], max_length=12)),
                ('number_encrypted', models.BinaryField()),
                ('masked', models.CharField(max_length=40)),
                ('holder_name', models.CharField(max_length=150)),
                ('verified_at', models.DateTimeField(null=True)),
                ('pays_from_at', models.DateTimeField()),
                ('participant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='second_account', to='participants.participant')),
            ],
        ),
        migrations.AlterField(
            model_name='payoutaccountdirectory',
            name='account',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, to='participants.payoutaccount'),
        ),
        migrations.AddField(
            model_name='payoutaccountdirectory',
            name='second',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='directory', to='participants.secondpayoutaccount'),
        ),
        migrations.AddConstraint(
            model_name='payoutaccountdirectory',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('account__isnull', False), ('second__isnull', True)), models.Q(('account__isnull', True), ('second__isnull', False)), _connector='OR'), name='participants_payoutaccountdirectory_first_or_second', violation_error_message="An account is somebody's first or second, not both."),
        ),
    ]
