from django.urls import path, re_path

from booking.api import views

urlpatterns = [
    path("v1/departments/", views.departments),
    path("v1/departments/<slug:slug>/days/", views.days),
    path("v1/departments/<slug:slug>/days/<str:date>/slots/", views.slots),
    path("v1/members/identify/", views.identify),
    path("v1/tickets/", views.book),
    path("v1/tickets/<slug:public_id>/", views.ticket),
    path("v1/tickets/<slug:public_id>/cancel/", views.cancel),
    path("v1/tickets/<slug:public_id>/reschedule/", views.reschedule),
    re_path("^v1/", views.unknown),
    path("schema/", views.schema, name="schema"),
    path("docs/", views.docs),
]
