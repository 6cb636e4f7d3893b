from django.urls import path, re_path

from booking.api import board, staff, views

urlpatterns = [
    # First: Django tries them in this order, and bookings come in storms.
    path("v1/tickets/", views.book),
    path("v1/departments/", views.departments),
    path("v1/departments/<slug:slug>/days/", views.days),
    path("v1/departments/<slug:slug>/days/<str:date>/slots/", views.slots),
    path("v1/members/identify/", views.identify),
    path("v1/tickets/<slug:public_id>/", views.ticket),
    path("v1/tickets/<slug:public_id>/cancel/", views.cancel),
    path("v1/tickets/<slug:public_id>/reschedule/", views.reschedule),
    path("v1/tickets/<slug:public_id>/check-in/", staff.check_in),
    path("v1/tickets/<slug:public_id>/undo-check-in/", staff.undo_check_in),
    path("v1/tickets/<slug:public_id>/finish/", staff.finish_held),
    path("v1/tickets/<slug:public_id>/come-back/", staff.come_back),
    path("v1/walk-ins/", staff.walk_in),
    path("v1/counters/<int:number>/call-next/", staff.call_next),
    path("v1/counters/<int:number>/call/", staff.call),
    path("v1/counters/<int:number>/recall/", staff.recall),
    path("v1/counters/<int:number>/undo-call/", staff.undo_call),
    path("v1/counters/<int:number>/start/", staff.start),
    path("v1/counters/<int:number>/finish/", staff.finish),
    path("v1/counters/<int:number>/undo-finish/", staff.undo_finish),
    path("v1/counters/<int:number>/miss/", staff.miss),
    path("v1/counters/<int:number>/hold/", staff.hold),
    path("v1/counters/<int:number>/resume/", staff.resume),
    path("v1/counters/<int:number>/put-back/", staff.put_back),
    path("v1/counters/<int:number>/transfer/", staff.transfer),
    path("v1/board/", board.board),
    path("v1/board/<slug:slug>/", board.board_of_department),
    re_path("^v1/", views.unknown),
    path("schema/", views.schema, name="schema"),
    path("docs/", views.docs),
]
