from django.apps import AppConfig


class GenerativeConfig(AppConfig):
    name = "generative"
    verbose_name = "Generated images"
