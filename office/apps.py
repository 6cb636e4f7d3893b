from django.apps import AppConfig


class OfficeConfig(AppConfig):
    name = "office"
    verbose_name = "สำนักงาน"
    default_auto_field = "django.db.models.BigAutoField"
