import json
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

LONGEST_BODY = 10_000  # bytes; our longest request has some hundred


class SmallJSONParser(BaseParser):
    """JSON in UTF-8, whatever charset the request names. DRF's own parser reads without a limit, decodes with any
    Python codec, and fails on JSON nested a thousand deep."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        return parsed(stream.read(LONGEST_BODY + 1))


def parsed(body: bytes) -> Any:
    """Raises ParseError if this is no JSON, or longer than LONGEST_BODY."""
    if len(body) > LONGEST_BODY:
        raise ParseError
    try:
        return json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ParseError from None


def _refuse(constant):
    raise ValueError(constant)
