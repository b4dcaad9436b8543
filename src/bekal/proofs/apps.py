from django.apps import AppConfig


class ProofsConfig(AppConfig):
    name = "bekal.proofs"
    label = "proofs"
