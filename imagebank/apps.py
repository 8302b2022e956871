from django.apps import AppConfig


class ImagebankConfig(AppConfig):
    """The ground floor: studies, their members, items, images, truth, and the background jobs."""

    name = "imagebank"
    verbose_name = "Image bank"

    def ready(self):
        from imagebank import bank_jobs  # noqa: F401  registers the image bank's kinds of background work
