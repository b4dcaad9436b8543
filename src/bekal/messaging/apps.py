from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "bekal.messaging"
    label = "messaging"
