import datetime as dt

from django.urls import path, register_converter

from booking.views import (
    arrive,
    board,
    book,
    counter,
    family,
    kiosk,
    line,
    looks,
    manual,
    member,
    offline,
    passkeys,
    privacy,
    public,
    recover,
    ticket,
    webhook,
)


class IsoDate:
    """2026-11-25 in an address; a day that does not exist is no address."""

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> dt.date:
        return dt.date.fromisoformat(value)

    def to_url(self, value: dt.date) -> str:
        return value.isoformat()


register_converter(IsoDate, "date")

urlpatterns = [
    path("", public.home, name="home"),
    path("tickets/", public.tickets, name="tickets"),
    path("tickets/recover/", recover.recover, name="recover"),
    path("status/", public.status, name="status"),
    path("guide/", public.guide, name="guide"),
    path("privacy/", privacy.privacy, name="privacy"),
    path("privacy/mine/", privacy.held, name="held"),
    path("privacy/mine.json", privacy.held_file, name="held_file"),
    path("privacy/mine/correction/", privacy.ask_correction, name="ask_correction"),
    path("privacy/mine/erasure/", privacy.ask_erasure, name="ask_erasure"),
    path("privacy/mine/withdraw/", privacy.withdraw, name="withdraw_request"),
    path("member/", member.entry, name="member"),
    path("member/first/", member.first, name="member_first"),
    path("member/forgot/", member.forgot, name="member_forgot"),
    path("member/code/", member.code, name="member_code"),
    path("member/contact/", member.contact, name="member_contact"),
    path("member/password/", member.password, name="member_password"),
    path("member/passkeys/", passkeys.mine, name="member_passkeys"),
    path("member/passkeys/new/", passkeys.begin_new, name="member_passkey_new"),
    path("member/passkeys/remove/", passkeys.remove, name="member_passkey_remove"),
    path("member/passkeys/begin/", passkeys.begin, name="member_passkey_begin"),
    path("member/passkeys/sign-in/", passkeys.sign_in, name="member_passkey_sign_in"),
    path("member/family/", family.page, name="family"),
    path("member/family/add/", family.add, name="family_add"),
    path("member/family/accept/", family.accept, name="family_accept"),
    path("member/family/end/", family.end, name="family_end"),
    path("member/family/for/", family.choose, name="family_for"),
    path("member/leave/", member.leave, name="member_leave"),
    path("offline/", offline.page, name="offline"),
    path("worker.js", offline.worker, name="worker"),
    path("manifest.webmanifest", offline.manifest, name="manifest"),
    path("line/", line.entry, name="line"),
    path("line/webhook/", webhook.webhook, name="line_webhook"),
    path("line/login/", line.log_in, name="line_log_in"),
    path("line/start/", line.start, name="line_start"),
    path("line/callback/", line.callback, name="line_callback"),
    path("line/link/", line.link, name="line_link"),
    path("line/link/confirm/", line.confirm, name="line_confirm"),
    path("line/unlink/", line.unlink, name="line_unlink"),
    path("line/leave/", line.leave, name="line_leave"),
    path("book/<slug:slug>/", book.identify, name="identify"),
    path("book/<slug:slug>/confirm/", book.confirm, name="confirm"),
    path("book/<slug:slug>/days/", book.days, name="days"),
    path("book/<slug:slug>/days/<date:date>/", book.times, name="times"),
    path("book/<slug:slug>/days/<date:date>/take/", book.take, name="take"),
    path("t/<slug:public_id>/", ticket.page, name="ticket"),
    path("t/<slug:public_id>/open/", ticket.open_by_link, name="ticket_open"),
    path("t/<slug:public_id>/live/", ticket.live, name="ticket_live"),
    path("t/<slug:public_id>/check-in/", ticket.check_in, name="ticket_check_in"),
    path("t/<slug:public_id>/cancel/", ticket.cancel, name="ticket_cancel"),
    path("t/<slug:public_id>/move/", ticket.move_days, name="ticket_move_days"),
    path("t/<slug:public_id>/move/<date:date>/", ticket.move, name="ticket_move"),
    path("t/<slug:public_id>/ticket.png", ticket.picture, name="ticket_picture"),
    path("t/<slug:public_id>/qr.png", ticket.qr_picture, name="ticket_qr"),
    path("t/<slug:public_id>/ticket.ics", ticket.calendar_entry, name="ticket_calendar"),
    path("look/<slug:version>.css", looks.look, name="look"),
    path("look/<slug:version>/night.css", looks.look_by_night, name="look_by_night"),
    path("logo/<slug:digest>.png", looks.logo, name="logo"),
    path("arrive/", arrive.page, name="arrive"),
    path("arrive/<slug:public_id>/", arrive.check_in, name="arrive_check_in"),
    path("kiosk/", kiosk.start, name="kiosk"),
    path("kiosk/issue/<slug:slug>/", kiosk.issue, name="kiosk_issue"),
    path("kiosk/check-in/", kiosk.check_in, name="kiosk_check_in"),
    path("kiosk/ticket/", kiosk.ticket, name="kiosk_ticket"),
    path("manual/", manual.contents, name="manual"),
    path("manual/<slug:chapter>/", manual.page, name="manual_chapter"),
    path("board/", board.board, name="board"),
    path("board/poster/", board.poster, name="board_poster"),
    path("board/sound/words/", board.words, name="board_words"),
    path("board/sound/<int:pk>/", board.clip, name="board_clip"),
    path("board/<slug:slug>/", board.board, name="board_of_department"),
    path("counter/", counter.choose, name="counters"),
    path("counter/log-out/", counter.log_out, name="counter_log_out"),
    path("counter/<int:number>/", counter.console, name="counter"),
    path("counter/<int:number>/live/", counter.live, name="counter_live"),
    path("counter/<int:number>/sit/", counter.sit, name="counter_sit"),
    path("counter/<int:number>/take-over/", counter.take_over, name="counter_take_over"),
    path("counter/<int:number>/free/", counter.free, name="counter_free"),
    path("counter/<int:number>/leave/", counter.leave, name="counter_leave"),
    path("counter/<int:number>/find/", counter.find, name="counter_find"),
    path("counter/<int:number>/walk-in/", counter.walk_in, name="counter_walk_in"),
    path("counter/<int:number>/<slug:verb>/", counter.press, name="counter_press"),
    path("counter/<int:number>/tickets/<slug:public_id>/<slug:verb>/", counter.press_for, name="counter_press_for"),
]
