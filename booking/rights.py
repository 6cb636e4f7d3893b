"""The rights that pages, API and back office ask for. Roles grant them (roles.py), and nothing else names one."""

from enum import StrEnum


class Right(StrEnum):
    """Each is one of Django's permissions, named `app.codename`. roles.sync_groups() checks that all of them exist."""

    # At the counters and at the entrance.
    SERVE = "booking.serve_at_counter"
    TAKE_OVER = "booking.take_over_counter"
    RECEIVE = "booking.receive_ticket"
    CALL_OUT_OF_ORDER = "booking.call_out_of_order_ticket"
    ACKNOWLEDGE_ALARM = "booking.acknowledge_alarm"
    # For members who are not there.
    BOOK_FOR_MEMBER = "booking.add_ticket"
    CANCEL = "booking.cancel_ticket"
    RESCHEDULE = "booking.reschedule_ticket"
    CLOSE_DAY = "booking.close_day_ticket"
    TELEPHONE = "booking.telephone_notice"
    ASK_FOR_PROOF = "booking.change_proofasked"
    HAND_OUT_LINKING_CODE = "members.add_linkingcode"
    UNLINK_LINE = "members.delete_lineaccount"
    # What is kept in the back office.
    ADD_HOLIDAY = "holidays.add_holiday"
    CHANGE_HOLIDAY = "holidays.change_holiday"
    ADD_EXCEPTION = "booking.add_dayexception"
    ADD_MEMBER = "members.add_member"
    CHANGE_MEMBER = "members.change_member"
    CHANGE_CLIP = "booking.change_clip"
    CHANGE_MESSAGES = "booking.change_messagechoice"
    REVOKE_TOKEN = "booking.delete_stafftoken"
    # What is read there.
    VIEW_TODAY = "booking.view_today_department"
    VIEW_TICKETS = "booking.view_ticket"
    VIEW_EVENTS = "booking.view_ticketevent"
    VIEW_SLOTS = "booking.view_slot"
    VIEW_PLACES = "booking.view_place"
    VIEW_WAITS = "booking.view_waitprediction"
    VIEW_VISITS = "booking.view_visitcount"
    VIEW_JOBS = "booking.view_jobrun"
    VIEW_NOTICES = "booking.view_notice"
    VIEW_MESSAGES = "booking.view_messagechoice"
    VIEW_DEPARTMENTS = "booking.view_department"
    VIEW_HOURS = "booking.view_openinghours"
    VIEW_COUNTERS = "booking.view_counter"
    VIEW_SERVED_DEPARTMENTS = "booking.view_counterdepartment"
    VIEW_EXCEPTIONS = "booking.view_dayexception"
    VIEW_BOARD_NOTICES = "booking.view_boardnotice"
    VIEW_CLIPS = "booking.view_clip"
    VIEW_TOKENS = "booking.view_stafftoken"
    VIEW_HOLIDAYS = "holidays.view_holiday"
    VIEW_MEMBERS = "members.view_member"
    # Of staff themselves.
    VIEW_USERS = "auth.view_user"
    VIEW_ROLES = "auth.view_group"
    MANAGE_STAFF = "booking.manage_staff"
    EVERY_DEPARTMENT = "booking.every_department"
