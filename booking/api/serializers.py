"""What the API takes and gives. The schema is made from these too."""

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from booking.calling import waits
from booking.days.availability import DayState, TimeState
from booking.days.waiting import place_in_line
from booking.models import Department, WaitingEntry
from booking.models.tickets import AT_COUNTER, Outcome, Priority, State

BIGGEST_ID = 2**63 - 1
LONGEST_IDENTITY = 400
Ending = WaitingEntry.Ending


class Text(serializers.CharField):
    """Text and nothing else: DRF would accept a number."""

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Id(serializers.IntegerField):
    """A whole number and nothing else: DRF would accept text, with digits of any script."""

    def __init__(self, **kwargs):
        super().__init__(min_value=1, max_value=BIGGEST_ID, **kwargs)

    def to_internal_value(self, data):
        if type(data) is not int:  # True is an int as well
            self.fail("invalid")
        return data


@extend_schema_field(OpenApiTypes.DATE)
class Date(Text):
    """A day as it was sent; views.date_of() reads it."""


class RefusalSerializer(serializers.Serializer):
    code = serializers.CharField(help_text="For programs; does not change.")
    message = serializers.CharField(help_text="For people, in the language of the request: what to do now.")


class TopicSerializer(serializers.Serializer):
    id = serializers.IntegerField(help_text="Asks for its days and times, and books for it.")
    name = serializers.CharField(source="title")
    minutes = serializers.IntegerField(allow_null=True, help_text="Null where it fits into any time.")
    bring = serializers.ListField(
        child=serializers.CharField(), source="things_to_bring", help_text="Documents; empty: as for the department."
    )
    online_url = serializers.CharField(allow_blank=True, help_text="Where it can be done without coming.")
    needs_proof = serializers.BooleanField(help_text="Whether a booking for it wants an identity with a proof.")


class DepartmentSerializer(serializers.Serializer):
    slug = serializers.SlugField()
    letter = serializers.CharField(help_text="Begins the numbers of its tickets.")
    name = serializers.CharField(source="title")
    description = serializers.CharField(source="purpose", allow_blank=True)
    is_open_today = serializers.SerializerMethodField()
    has_waiting_list = serializers.BooleanField(help_text="Whether one may wait for a place of a full day.")
    topics = serializers.SerializerMethodField(help_text="What members come for; often empty.")

    def get_is_open_today(self, department: Department) -> bool:
        return department.pk in self.context["open_today"]

    @extend_schema_field(TopicSerializer(many=True))
    def get_topics(self, department: Department):
        return TopicSerializer(self.context["topics"].get(department.pk, []), many=True).data


class DaySerializer(serializers.Serializer):
    date = serializers.DateField()
    state = serializers.ChoiceField([state.value for state in DayState])
    reason = serializers.CharField(help_text="Why it cannot be booked; empty where it can.", allow_blank=True)
    free = serializers.IntegerField(help_text="Places left.", min_value=0)


class SlotSerializer(serializers.Serializer):
    id = serializers.IntegerField(help_text="Books this time.")
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    quota = serializers.IntegerField(min_value=0)
    free = serializers.IntegerField(min_value=0)
    state = serializers.ChoiceField([state.value for state in TimeState if state != TimeState.CLOSED])


class IdentifySerializer(serializers.Serializer):
    """One of the two numbers; Thai digits, spaces and dashes are accepted."""

    citizen_id = Text(required=False, max_length=60)
    member_number = Text(required=False, max_length=60)
    proof = Text(
        required=False,
        max_length=60,
        allow_blank=True,
        help_text="Where more than a number is asked for: the last four digits of the telephone, or a clerk's code.",
    )

    def validate(self, attrs):
        if ("citizen_id" in attrs) == ("member_number" in attrs):
            raise serializers.ValidationError({"citizen_id": [], "member_number": []})
        return attrs


class IdentitySerializer(serializers.Serializer):
    identity = serializers.CharField(help_text="Books one ticket for this member until `expires_at`.")
    masked_name = serializers.CharField(help_text="For the member to confirm.")
    expires_at = serializers.DateTimeField()


class WaitSerializer(serializers.Serializer):
    identity = Text(max_length=LONGEST_IDENTITY)
    department = Text(max_length=40, help_text="Its slug.")
    date = Date()
    slot = Id(required=False, help_text="One time of the day, which is full; left out: any time of it.")
    topic = Id(required=False, help_text="One of the department's topics that fit into any time.")


class OfferSerializer(serializers.Serializer):
    start = serializers.DateTimeField(source="offered_starts_at", help_text="The time that is kept for the member.")
    ends_at = serializers.DateTimeField(source="offer_ends_at", help_text="After that it is offered to the next.")


class WaitingSerializer(serializers.Serializer):
    """Somebody who waits for a place of a full day: no name."""

    id = serializers.CharField(source="public_id")
    department = serializers.CharField(source="department.slug", help_text="Its slug.")
    date = serializers.DateField()
    start = serializers.DateTimeField(source="starts_at", allow_null=True, help_text="Null for any time of the day.")
    topic = serializers.IntegerField(source="topic_id", allow_null=True)
    standing = serializers.SerializerMethodField(help_text="`waiting` until something is `offered`; then how it ended.")
    nth = serializers.SerializerMethodField(help_text="The place in line, 1 for who is next; null once it is offered.")
    offer = serializers.SerializerMethodField(help_text="Null where nothing is offered now.")

    @extend_schema_field(serializers.ChoiceField(["waiting", "offered", *(one.value for one in Ending if one)]))
    def get_standing(self, entry: WaitingEntry) -> str:
        if not entry.is_live:
            return entry.ending
        if entry.has_offer(timezone.now()):
            return "offered"
        return Ending.LAPSED.value if entry.offered_at else "waiting"

    @extend_schema_field(serializers.IntegerField(allow_null=True, min_value=1))
    def get_nth(self, entry: WaitingEntry):
        return place_in_line(entry) if entry.is_live and entry.offered_at is None else None

    @extend_schema_field(OfferSerializer(allow_null=True))
    def get_offer(self, entry: WaitingEntry):
        return OfferSerializer(entry).data if entry.has_offer(timezone.now()) else None


class NewWaitingSerializer(WaitingSerializer):
    secret = serializers.CharField(help_text="Opens this entry. Whoever has it may accept what is offered, or leave.")


class RescheduleSerializer(serializers.Serializer):
    slot = Id()


class BookSerializer(RescheduleSerializer):
    identity = Text(max_length=LONGEST_IDENTITY)
    topic = Id(required=False, help_text="One of the department's topics; left out: a visit of one place.")


class IssuedTicketSerializer(serializers.Serializer):
    """A booking just made (verbs.Booking). For the schema; the view writes it by hand."""

    id = serializers.CharField(source="public_id")
    secret = serializers.CharField(help_text="Opens this ticket. Whoever has it may see, move and cancel the ticket.")
    number = serializers.CharField(source="code", help_text="What the board shows: A012.")
    department = serializers.CharField(help_text="Its slug.")
    date = serializers.DateField()
    start = serializers.DateTimeField(source="starts_at")
    status = serializers.ChoiceField(State.values, source="state")


class TicketSerializer(serializers.Serializer):
    """A ticket as its holder sees it: no name."""

    id = serializers.CharField(source="public_id")
    number = serializers.CharField(source="code", help_text="What the board shows: A012.")
    department = serializers.CharField(source="department.slug", help_text="Its slug.")
    date = serializers.DateField()
    start = serializers.DateTimeField(source="slot.starts_at", allow_null=True, help_text="Null for a walk-in.")
    topic = serializers.IntegerField(source="topic_id", allow_null=True, help_text="What it is for, if that was said.")
    status = serializers.ChoiceField(State.values, source="state")
    ahead = serializers.IntegerField(
        default=None,
        allow_null=True,
        read_only=True,
        help_text="How many have their turn before; null when it does not wait for a turn.",
    )
    expected_wait_minutes = serializers.IntegerField(
        default=None,
        allow_null=True,
        read_only=True,
        help_text="The middle, in whole minutes, of the range that members are told, the time until opening included; "
        "null where none is told: before its day, when it does not wait, and while no counter serves its department.",
    )
    counter = serializers.IntegerField(
        source="counter.number",
        allow_null=True,
        help_text="Its number, where the ticket was called to; null before.",
    )

    def to_representation(self, ticket):
        """Who is ahead, and how long it takes, come from one look at the queue."""
        has_turn = ticket.state in (State.BOOKED, State.WAITING)
        is_today = ticket.date == timezone.localdate()
        outlook = waits.outlook(ticket.queue_id) if has_turn and is_today else None
        body = super().to_representation(ticket)
        if outlook:
            return body | {"ahead": outlook.ahead(ticket), "expected_wait_minutes": outlook.told(ticket).middle}
        ahead = waits.ahead(ticket) if has_turn else 0 if ticket.state in AT_COUNTER else None
        return body | {"ahead": ahead}


class NewTicketSerializer(TicketSerializer):
    secret = serializers.CharField(help_text="Opens the new ticket.")


class WalkInSerializer(serializers.Serializer):
    department = Text(max_length=40, help_text="Its slug.")
    member_number = Text(required=False, max_length=60, help_text="Thai digits, spaces and dashes are accepted.")
    priority = serializers.ChoiceField([(one.value, one.name) for one in Priority], required=False, allow_blank=True)
    reason = Text(required=False, max_length=120, allow_blank=True, help_text="Why the priority class was given.")


class TransferSerializer(serializers.Serializer):
    department = Text(max_length=40, help_text="The slug of the department that goes on.")
    note = Text(required=False, max_length=200, allow_blank=True, help_text="For who serves the member there.")


class FinishSerializer(serializers.Serializer):
    outcome = serializers.ChoiceField(
        [one.value for one in Outcome if one], required=False, help_text="What came of the visit; done where left out."
    )


class ReasonSerializer(serializers.Serializer):
    reason = Text(required=False, max_length=200, allow_blank=True)


class CallTicketSerializer(serializers.Serializer):
    ticket = Text(max_length=32, help_text="The id of a ticket that waits.")
    reason = Text(max_length=200, help_text="Why it is called out of order; kept in its history.")


class ResumeSerializer(serializers.Serializer):
    ticket = Text(max_length=32, help_text="The id of a ticket that is on hold.")
