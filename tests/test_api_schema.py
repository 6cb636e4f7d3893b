"""The API's schema: valid, without a warning, and with what its readers look for first."""

import pytest
import yaml
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def schema():
    return SchemaGenerator().get_schema(public=True)


def operations(schema):
    return [call for path in schema["paths"].values() for method, call in path.items() if method in METHODS]


def test_it_is_valid_and_nothing_is_warned_of(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))
    assert yaml.safe_load((tmp_path / "schema.yaml").read_text())["paths"]


def test_it_says_where_the_api_is_and_whose(schema, settings):
    assert schema["info"]["contact"]["name"] == settings.OFFICE_NAME
    assert schema["servers"]
    assert all(server["url"] for server in schema["servers"])


def test_each_operation_has_a_tag_that_is_explained(schema):
    explained = {tag["name"]: tag["description"] for tag in schema["tags"]}
    used = [call["tags"] for call in operations(schema)]
    assert all(len(tags) == 1 for tags in used)
    assert {tags[0] for tags in used} == explained.keys()
    assert all(explained.values())


def test_each_operation_says_what_it_does_under_a_name_of_its_own(schema):
    found = operations(schema)
    assert len(found) > 20
    assert all(call.get("description") or call.get("summary") for call in found)
    assert len({call["operationId"] for call in found}) == len(found)
