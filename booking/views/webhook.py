"""LINE's events: answered at once, handled in a job, each one once."""

import json
import re

from django.db import connection, transaction
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseForbidden
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_q.tasks import async_task

from booking.line.answers import what_is_needed
from booking.views.access import access
from members import line

LONGEST_BODY = 1_000_000  # bytes
LONGEST_LENGTH = 18  # digits: Python reads no number of more than 4,300
EVENT_ID = re.compile(r"[\x20-\x7e]{1,64}")


@csrf_exempt
@require_POST
@access("anyone")  # the signature of the body says that it is LINE
def webhook(request):
    """Accept the events of a signed body. LINE gets a 200 before anything is done about them."""
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and (len(length) > LONGEST_LENGTH or int(length) > LONGEST_BODY):
        return HttpResponse(status=413)
    if not line.signature_is_right(request.body, request.headers.get("x-line-signature", "")):
        return HttpResponseForbidden()
    try:
        events = json.loads(request.body)["events"]
        needed = [(event["webhookEventId"], what_is_needed(event)) for event in events]
    except (ValueError, KeyError, TypeError, RecursionError):
        return HttpResponseBadRequest()
    if not all(isinstance(event_id, str) and EVENT_ID.fullmatch(event_id) for event_id, _event in needed):
        return HttpResponseBadRequest()
    for event_id, event in needed:
        _take_up(event_id, event)
    return HttpResponse()


def _take_up(event_id: str, event: dict) -> None:
    """Queue an event's job in the transaction that remembers the event: both or neither, and once. The job gets only
    what it needs: what a member wrote is stored nowhere."""
    with transaction.atomic():
        if _remember(event_id):
            async_task("booking.line.answers.answer", event)


def _remember(event_id: str) -> bool:
    """Whether the event is new. If it arrives twice at once, the second waits here, and finds the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_lineevent (webhook_event_id, received_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [event_id, timezone.now()],
        )
        return cursor.rowcount == 1
