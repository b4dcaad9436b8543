from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "bekal.exchange"
    label = "exchange"
