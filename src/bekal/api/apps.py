from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "bekal.api"
    label = "api"
