from django.apps import AppConfig


class HolidaysConfig(AppConfig):
    name = "holidays"
    verbose_name = "วันหยุด"
    default_auto_field = "django.db.models.BigAutoField"
