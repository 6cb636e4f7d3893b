"""The API of the board: what everybody in the office may see. A program that shows a board asks about once a second."""

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from booking import replica
from booking.api.endpoint import endpoint
from booking.calling import board as reads
from booking.models import Department


class CallSerializer(serializers.Serializer):
    number = serializers.CharField(help_text="A012")
    counter = serializers.IntegerField(help_text="Its number.", min_value=0)
    department = serializers.CharField(help_text="The slug of the department in whose queue the ticket was called.")
    called_at = serializers.DateTimeField(help_text="A recall is a call of its own, with its own time.")


class BoardSerializer(serializers.Serializer):
    as_of = serializers.DateTimeField()
    calls = CallSerializer(many=True, help_text="Today's calls that hold, newest first; 40 at most.")
    waiting = serializers.DictField(
        child=serializers.IntegerField(min_value=0), help_text="How many wait, by the slug of the department."
    )


@endpoint("GET", "anyone", {200: BoardSerializer})
def board(request):
    """The board of all departments: numbers and counters, no names."""
    return _answer(list(Department.objects.active()))


@extend_schema(operation_id="v1_board_of_department_retrieve")  # its own name would be that of the board of all
@endpoint("GET", "anyone", {200: BoardSerializer}, 404)
def board_of_department(request, slug):
    """The board of one department."""
    department = get_object_or_404(Department.objects.active(), slug=slug)
    return _answer([department], department)


def _answer(departments, department=None) -> Response:
    found = replica.as_of_now(lambda: _found(departments, department))
    return Response(BoardSerializer(found).data, headers={"Cache-Control": "no-cache"})


def _found(departments, department) -> dict:
    counts = reads.waiting_by_department()
    return {
        "as_of": timezone.now(),
        "calls": reads.calls(department),
        "waiting": {one.slug: counts.get(one.pk, 0) for one in departments},
    }
