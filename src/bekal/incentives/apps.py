from django.apps import AppConfig


class IncentivesConfig(AppConfig):
    name = "bekal.incentives"
    label = "incentives"
