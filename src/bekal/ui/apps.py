from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "bekal.ui"
    label = "ui"
