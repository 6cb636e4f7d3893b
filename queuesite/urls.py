from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from booking.views.access import access
from queuesite import demo_line, health

anyone = access("anyone")

urlpatterns = [
    path("api/", include("booking.api.urls")),
    path("healthz", anyone(health.healthz)),
    path("readyz", anyone(health.readyz)),
    path("i18n/setlang/", anyone(set_language), name="set_language"),
    path("demo/line/", demo_line.page, name="demo_line"),
    path("demo/line/chat/", demo_line.chat, name="demo_line_chat"),
    path("demo/line/act/", demo_line.act, name="demo_line_act"),
    path("demo/line/menu/", demo_line.menu_image, name="demo_line_menu"),
    path("admin/", admin.site.urls),
    path("", include("booking.urls")),
]
