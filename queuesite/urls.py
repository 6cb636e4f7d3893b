from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from booking.admin import day_list
from booking.views import sign_in
from booking.views.access import access
from queuesite import health, metrics

anyone = access("anyone")

handler400 = "booking.views.faults.bad_request"
handler403 = "booking.views.faults.not_permitted"
handler404 = "booking.views.faults.not_found"
handler500 = "queuesite.away.server_error"

urlpatterns = [
    path("api/", include("booking.api.urls")),
    path("healthz", anyone(health.healthz)),
    path("readyz", anyone(health.readyz)),
    path("workerz", anyone(health.workerz)),
    path("metrics", anyone(metrics.metrics), name="metrics"),
    path("i18n/setlang/", anyone(set_language), name="set_language"),
    path("admin/set-password/", sign_in.set_password, name="set_password"),
    path("admin/second-factor/", sign_in.second_factor, name="second_factor"),
    path("admin/recovery-codes/", sign_in.recovery_codes, name="recovery_codes"),
    path("admin/day-list/", day_list.kept_list, name="kept_day_list"),
    path("admin/", admin.site.urls),
    path("", include("booking.urls")),
]
if settings.DEMO:
    urlpatterns.insert(0, path("demo/line/", include("queuesite.demo.urls")))
