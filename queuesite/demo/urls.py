from django.urls import path

from queuesite.demo import telephone

urlpatterns = [
    path("", telephone.page, name="demo_line"),
    path("chat/", telephone.chat, name="demo_line_chat"),
    path("act/", telephone.act, name="demo_line_act"),
    path("menu/", telephone.menu_image, name="demo_line_menu"),
]
