from django.contrib import admin
from django.urls import include, path

from queuesite import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("api/", include("booking.api.urls")),
    path("", include("booking.urls")),
]
