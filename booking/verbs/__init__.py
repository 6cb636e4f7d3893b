"""Every write to a ticket, by the stage of its life. Read in this order, the modules tell the business:

places    members take a turn before they come: book, move, cancel
arriving  the member has come: check in, walk in, come back
serving   a counter calls, serves, holds and transfers
on_paper  what was served on paper is entered afterwards, and taken back where it was wrong
ending    the day ends; a ticket closed too early is reopened; members are unlinked from old tickets
waiting   who waits for a full day is offered what comes free
closures  the office closes a day or a time, and decides what happens to its tickets
family    a member books for another whom they look after
erasing   a member is forgotten, because they asked for it
merging   two entries of one member become one
seats     who sits at which counter

Each verb is one transaction (locks.py says which locks it takes, and in which order) and writes one event for each
ticket that it changes (moves.py). All arguments are keywords. `by` is the member of staff who acts; None means that a
member acts for themselves, or the system does.
"""

from booking.verbs.arriving import check_in, come_back, undo_check_in, walk_in
from booking.verbs.ending import close_day, issue_secrets_anew, reopen, unlink_members
from booking.verbs.erasing import erase_member
from booking.verbs.on_paper import served_on_paper, take_back_paper
from booking.verbs.places import Booking, book, cancel, reschedule
from booking.verbs.serving import (
    call,
    call_next,
    finish,
    finish_held,
    hold,
    miss,
    put_back,
    recall,
    resume,
    start,
    transfer,
    undo_call,
    undo_finish,
)

__all__ = [
    "Booking",
    "book",
    "call",
    "call_next",
    "erase_member",
    "cancel",
    "check_in",
    "close_day",
    "come_back",
    "finish",
    "finish_held",
    "hold",
    "issue_secrets_anew",
    "miss",
    "put_back",
    "recall",
    "reopen",
    "reschedule",
    "resume",
    "served_on_paper",
    "take_back_paper",
    "start",
    "transfer",
    "unlink_members",
    "undo_call",
    "undo_check_in",
    "undo_finish",
    "walk_in",
]
