from django.apps import AppConfig


class PartnersConfig(AppConfig):
    name = "bekal.partners"
    label = "partners"
