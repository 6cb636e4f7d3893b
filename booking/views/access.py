"""Who may open a page. Every view says it; tests/test_access_policy.py walks the addresses for one that does not.

anyone    nothing is asked
asked     a number was typed that belongs to a member; the name is still to be confirmed
identity  the name was confirmed less than 15 minutes ago, or a member is signed in; the view is given `identity`
ticket    this device has opened the ticket by its secret, or the ticket is the signed-in member's; the view is given
          `ticket` in place of its public id
waiting   this device has put the member on the waiting list or opened the entry by its secret, or the entry is the
          signed-in member's; the view is given `entry` in place of its public id
member    a member is signed in with a password; the view is given `session`
own       a member is signed in, with a password or by LINE; the view is given `member`
imember   the same, and who is not is led to the door of i-member of our own
line      signed in by LINE less than 15 minutes ago and not linked yet; the view is given `user_id`
linked    a linked LINE account is signed in; the view is given `account`
list_key  the request has the key of a day list that waits to be printed today; the view is given `waiting`
signed_in any member of staff, even without the second factor so far
"""

from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, patch_cache_control

from booking.kept import kept
from booking.models import Ticket, WaitingEntry
from booking.verbs import catalogue
from booking.verbs.catalogue import Surface
from booking.views import list_key, refusals, visitor
from members.errors import IdentityExpired


def access(policy: str, *, permission: str = "", verb: str = "", on: Surface | None = None):
    """Let a view answer only those whom the policy admits. Caches keep nothing of it, unless the view says so.

    Of staff: those with the right `permission`, or those who may use `verb` on a surface, as its row in
    verbs/catalogue.py says.
    """
    rights = catalogue.rights(verb, on) if on else (permission,)

    def decorate(view):
        guarded = _staff(view, rights) if policy == "staff" else GUARDS[policy](view)

        @wraps(view)
        def answer(request, **kwargs):
            response = guarded(request, **kwargs)
            if not response.has_header("Cache-Control"):
                add_never_cache_headers(response)
            return response

        answer.access_policy = policy
        return answer

    return decorate


def may_be_kept(response):
    """Let a browser keep a page on which nobody's data stands: it is there at once when one goes back. It asks again in
    any other case, and nobody between it and us may keep the page, which holds this browser's CSRF token."""
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _anyone(view):
    return view


def _asked(view):
    def guarded(request, **kwargs):
        try:
            member_id = visitor.asked(request).member_id
        except IdentityExpired:
            return refusals.to_identify(request, **kwargs)
        return view(request, member_id=member_id, **kwargs)

    return guarded


def _identity(view):
    def guarded(request, **kwargs):
        try:
            identity = visitor.confirmed(request)
        except IdentityExpired:
            return refusals.to_identify(request, **kwargs)
        return view(request, identity=identity, **kwargs)

    return guarded


def _ticket(view):
    def guarded(request, *, public_id, **kwargs):
        ticket = next(iter(_tickets(public_id=public_id)), None)
        if ticket is None or not visitor.holds(request, ticket):
            return refusals.closed_ticket(request, public_id)
        return view(request, ticket=ticket, **kwargs)

    return guarded


@kept
def _tickets(*, public_id):
    return Ticket.objects.with_details().select_related("member").filter(public_id=public_id)


def _waiting(view):
    def guarded(request, *, public_id, **kwargs):
        entry = WaitingEntry.objects.select_related("department", "topic", "member").filter(public_id=public_id).first()
        if entry is None or not visitor.waits_as(request, entry):
            return refusals.closed_ticket(request, public_id, open_url=reverse("waiting_open", args=[public_id]))
        return view(request, entry=entry, **kwargs)

    return guarded


def _member(view):
    def guarded(request, **kwargs):
        session = visitor.member_session(request)
        if session is None:
            return redirect("member")
        return view(request, session=session, **kwargs)

    return guarded


def _own_or_to(door: str):
    def decorate(view):
        def guarded(request, **kwargs):
            member = visitor.member(request)
            if member is None:
                return redirect(door)
            return view(request, member=member, **kwargs)

        return guarded

    return decorate


def _line(view):
    def guarded(request, **kwargs):
        kept = visitor.line_user(request)
        if kept is None:
            return redirect("line")
        return view(request, user_id=kept["user_id"], **kwargs)

    return guarded


def _linked(view):
    def guarded(request, **kwargs):
        account = visitor.line_account(request)
        if account is None:
            return redirect("line")
        return view(request, account=account, **kwargs)

    return guarded


def _list_key(view):
    def guarded(request, **kwargs):
        waiting = list_key.waiting(request)
        if waiting is None:
            raise PermissionDenied
        return view(request, waiting=waiting, **kwargs)

    return guarded


def _signed_in(view):
    def guarded(request, **kwargs):
        if not (request.user.is_authenticated and request.user.is_staff):
            return redirect_to_login(request.get_full_path())
        return view(request, **kwargs)

    return guarded


def _staff(view, rights):
    def guarded(request, **kwargs):
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not any(request.user.has_perm(right) for right in rights):
            raise PermissionDenied
        return view(request, **kwargs)

    return guarded


GUARDS = {
    "anyone": _anyone,
    "asked": _asked,
    "identity": _identity,
    "ticket": _ticket,
    "waiting": _waiting,
    "member": _member,
    "own": _own_or_to("privacy"),
    "imember": _own_or_to("member"),
    "line": _line,
    "linked": _linked,
    "list_key": _list_key,
    "signed_in": _signed_in,
}
