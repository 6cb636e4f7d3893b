from django.apps import AppConfig


class BookingConfig(AppConfig):
    name = "booking"
    verbose_name = "การจองคิว"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from booking import signals  # noqa: F401  (what follows each migrate)
        from booking.verbs import catalogue  # noqa: F401  (a verb, or a kind of message, without its row cannot start)
