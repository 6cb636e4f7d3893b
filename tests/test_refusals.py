"""Every refusal stands in a registry, from which the API's documentation is written."""

import pytest
from drf_spectacular.generators import SchemaGenerator

from booking import errors
from members import errors as member_errors


def below(kind):
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def made_elsewhere(kind, registry) -> set:
    return {one for one in below(kind) if one.__module__.startswith(("booking", "members"))} - set(registry)


def test_every_refusal_stands_in_its_registry():
    assert made_elsewhere(errors.BookingError, errors.REFUSALS) == set()
    assert made_elsewhere(member_errors.MemberError, member_errors.REFUSALS) == set()


def test_one_that_does_not_would_be_found():
    forgotten = type("Forgotten", (errors.BookingError,), {"__module__": "booking.views.somewhere"})
    assert made_elsewhere(errors.BookingError, errors.REFUSALS) == {forgotten}
    forgotten.__module__ = "tests"


@pytest.mark.parametrize("kind", [*errors.REFUSALS, *member_errors.REFUSALS], ids=lambda kind: kind.__name__)
def test_each_says_all_that_has_to_be_said(kind):
    assert kind.code
    assert kind.message
    assert 400 <= kind.status < 600


@pytest.mark.parametrize("registry", [errors.REFUSALS, member_errors.REFUSALS])
def test_a_code_means_one_thing(registry):
    """A refusal may share the code of the one that it is a case of, and no other's."""
    for kind in registry:
        same = [other for other in registry if other.code == kind.code]
        assert all(issubclass(other, same[0]) for other in same)


def documented() -> dict[str, str]:
    """What the schema says of each status of each call."""
    paths = SchemaGenerator().get_schema(public=True)["paths"]
    return {
        f"{method} {path} {status}": answer.get("description", "")
        for path, methods in paths.items()
        for method, call in methods.items()
        for status, answer in call["responses"].items()
    }


def test_the_documentation_names_every_code_of_the_api():
    said = documented()
    for kind in errors.REFUSALS:
        if kind.api:
            calls = [text for call, text in said.items() if call.endswith(f" {kind.status}")]
            assert any(f"`{kind.code}`" in text for text in calls), kind
    for kind in member_errors.REFUSALS:
        if kind.is_in_api:
            assert any(f"`{kind.code}`" in text for text in said.values()), kind


def test_members_are_not_told_of_the_counters():
    said = documented()
    assert "counter_busy" in said["post /api/v1/counters/{number}/call-next/ 409"]
    assert "counter_busy" not in said["post /api/v1/tickets/ 409"]
    assert "slot_full" in said["post /api/v1/tickets/ 409"]
