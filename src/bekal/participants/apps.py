from django.apps import AppConfig


class ParticipantsConfig(AppConfig):
    name = "bekal.participants"
    label = "participants"
