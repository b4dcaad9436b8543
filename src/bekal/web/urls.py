"""Addresses of the participant's pages and of what everybody shares: sign-in, language, help."""

from django.urls import path

from bekal.web import (
    account,
    buy,
    certificates,
    demo,
    entry,
    history,
    home,
    incentives,
    messages,
    purchases,
    spending,
    surveys,
    trainings,
)

app_name = "web"
urlpatterns = [
    path("", entry.root, name="root"),
    path("masuk/", entry.sign_in, name="sign_in"),
    path("keluar/", entry.sign_out, name="sign_out"),
    path("bahasa/", entry.language, name="language"),
    path("bantuan/", entry.help_page, name="help"),
    path("beranda/", home.home, name="home"),
    path("rencana/", spending.spending, name="spending"),
    path("pelatihan/", trainings.trainings, name="trainings"),
    path("pelatihan/<int:training_id>/", trainings.training, name="training"),
    path("pelatihan/<int:training_id>/beli/", buy.check, name="buy"),
    path("pelatihan/<int:training_id>/beli/kode/", buy.enter_code, name="buy_code"),
    path("pelatihanku/", purchases.purchases, name="purchases"),
    path("pelatihanku/<int:purchase_id>/", purchases.purchase, name="purchase"),
    path("pelatihanku/<int:purchase_id>/sertifikat/", certificates.issue, name="issue_certificate"),
    path("pelatihanku/sertifikat/<str:number>.pdf", certificates.pdf, name="certificate_pdf"),
    path("pelatihanku/sertifikat/<str:number>.json", certificates.badge, name="certificate_badge"),
    path("sertifikat/penerbit.json", certificates.issuer, name="issuer"),
    path("sertifikat/status/<int:status_list>.json", certificates.status, name="certificate_status"),
    path("sertifikat/<str:number>/", certificates.certificate, name="certificate"),
    path("insentif/", incentives.incentives, name="incentives"),
    path("survei/", surveys.surveys, name="surveys"),
    path("survei/<int:number>/", surveys.survey, name="survey"),
    path("riwayat/", history.history, name="history"),
    path("riwayat/<int:transfer_id>/", history.receipt, name="receipt"),
    path("akun/", account.account, name="account"),
    path("akun/saran/", account.personalisation, name="personalisation"),
    path("akun/rekening/", account.payout_account, name="payout_account"),
    path("pesan/", messages.inbox, name="messages"),
    path("demo/pesan/", demo.outbox, name="demo_outbox"),
]
