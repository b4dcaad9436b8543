from django.apps import AppConfig


class PurchasesConfig(AppConfig):
    name = "bekal.purchases"
    label = "purchases"
