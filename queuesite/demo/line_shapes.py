"""What LINE accepts as messages and rich menus: its published schema, and the limits that only its reference states.

The schema is that of line-bot-sdk, whose models are generated from LINE's OpenAPI description. The SDK silently drops a
property that LINE does not know; here it is a fault, as it is at LINE.

The fake LINE server refuses what LINE would refuse, so that a card that is too long fails in a test and not in use.
"""

import json
import re
from typing import Any

from linebot.v3.messaging import models as schema
from pydantic.v1 import BaseModel
from pydantic.v1.fields import ModelField

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?")
MOST_BUBBLE_BYTES, MOST_FLEX_BYTES = 30_000, 50_000


def faults_of_push(order) -> list[dict]:
    """What is wrong with the body of a push, as LINE says it: [{message, property}]; empty if nothing is."""
    return _of_schema(schema.PushMessageRequest, order, "") or _limits_of_messages(order["messages"])


def faults_of_reply(order) -> list[dict]:
    return _of_schema(schema.ReplyMessageRequest, order, "") or _limits_of_messages(order["messages"])


def faults_of_messages(messages) -> list[dict]:
    """What is wrong with the messages of one call."""
    return faults_of_push({"to": "U" + "0" * 32, "messages": messages})


def faults_of_rich_menu(menu: dict) -> list[dict]:
    """What is wrong with a rich menu."""
    return _of_schema(schema.RichMenuRequest, menu, "") or _limits_of_rich_menu(menu)


# --- the schema ---


def _of_schema(model: type[BaseModel], given: Any, at: str) -> list[dict]:
    if not isinstance(given, dict):
        return [_fault(at, "must be an object")]
    if hasattr(model, "get_discriminator_value"):
        name = model.get_discriminator_value({"type": None} | given)
        if name is None:
            return [_fault(_below(at, "type"), "unknown type")]
        model = getattr(schema, name)
    fields = {field.alias: field for field in model.__fields__.values()}
    faults = [_fault(_below(at, name), "unknown property") for name in given.keys() - fields.keys()]
    for name, field in fields.items():
        if name in given:
            faults += _of_field(model, field, given[name], _below(at, name))
        elif field.required:
            faults.append(_fault(_below(at, name), "must be specified"))
    return faults


def _of_field(model: type[BaseModel], field: ModelField, given: Any, at: str) -> list[dict]:
    if not (isinstance(field.type_, type) and issubclass(field.type_, BaseModel)):
        # Its enumeration, length and type.
        _value, errors = field.validate(given, {}, loc=at, cls=model)
        return [_fault(at, str(errors.exc if hasattr(errors, "exc") else "invalid property"))] if errors else []
    if field.type_ is field.outer_type_:
        return _of_schema(field.type_, given, at)
    most, least = (getattr(field.outer_type_, name, None) for name in ("max_items", "min_items"))
    if not isinstance(given, list) or len(given) < (least or 0) or (most and len(given) > most):
        return [_fault(at, f"Size must be between {least or 0} and {most}")]
    return [fault for nth, one in enumerate(given) for fault in _of_schema(field.type_, one, f"{at}[{nth}]")]


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


# --- what the schema does not say ---


def _limits_of_messages(messages: list[dict]) -> list[dict]:
    return [fault for nth, message in enumerate(messages) for fault in _message(message, f"messages[{nth}]")]


def _limits_of_rich_menu(menu: dict) -> list[dict]:
    size = menu.get("size") or {}
    width, height = size.get("width", 0), size.get("height", 0)
    faults = []
    if not 800 <= width <= 2500 or height < 250 or width / height < 1.45:
        faults.append(_fault("size", "Size is not allowed"))
    faults += _length(menu.get("name"), "name", least=1, most=300)
    faults += _length(menu.get("chatBarText"), "chatBarText", least=1, most=14)
    areas = menu.get("areas")
    if not isinstance(areas, list) or not 1 <= len(areas) <= 20:
        return [*faults, _fault("areas", "Size must be between 1 and 20")]
    for nth, area in enumerate(areas):
        at, bounds = f"areas[{nth}]", area.get("bounds") or {}
        left, top = bounds.get("x", -1), bounds.get("y", -1)
        if min(left, top) < 0 or left + bounds.get("width", 0) > width or top + bounds.get("height", 0) > height:
            faults.append(_fault(f"{at}.bounds", "Area is outside of the menu"))
        faults += _action(area.get("action"), f"{at}.action", label_needed=False)
    return faults


def _message(message: dict, at: str) -> list[dict]:
    kind = message["type"]
    faults: list[dict] = []
    if kind == "text":
        faults = _length(message.get("text"), f"{at}.text", least=1, most=5000)
    elif kind == "flex":
        faults = _length(message.get("altText"), f"{at}.altText", least=1, most=400)
        faults += _container(message["contents"], f"{at}.contents")
    elif kind == "image":
        addresses = ["originalContentUrl", "previewImageUrl"]
        faults = [f for name in addresses for f in _address(message.get(name), f"{at}.{name}", ("https:",))]
    elif kind == "template":
        faults = _length(message.get("altText"), f"{at}.altText", least=1, most=400)
        faults += _template(message["template"], f"{at}.template")
    items = (message.get("quickReply") or {}).get("items", [])
    for nth, item in enumerate(items):
        faults += _action(item.get("action"), f"{at}.quickReply.items[{nth}].action")
    return faults


def _template(template: dict, at: str) -> list[dict]:
    most = {"confirm": (240, 2), "buttons": (160, 4)}.get(template["type"])
    if most is None:
        return []
    most_text, actions = most
    faults = _length(template["text"], f"{at}.text", least=1, most=most_text)
    given = template["actions"]
    if not 1 <= len(given) <= actions or (template["type"] == "confirm" and len(given) != 2):
        faults.append(_fault(f"{at}.actions", f"Size must be {actions}"))
    return faults + [f for nth, one in enumerate(given) for f in _action(one, f"{at}.actions[{nth}]")]


def _container(contents: dict, at: str) -> list[dict]:
    if len(json.dumps(contents).encode()) > MOST_FLEX_BYTES:
        return [_fault(at, "The message is too large")]
    if contents["type"] == "bubble":
        return _bubble(contents, at)
    bubbles = contents["contents"]
    if not 1 <= len(bubbles) <= 12:
        return [_fault(f"{at}.contents", "Size must be between 1 and 12")]
    return [f for nth, one in enumerate(bubbles) for f in _bubble(one, f"{at}.contents[{nth}]")]


def _bubble(bubble: dict, at: str) -> list[dict]:
    if len(json.dumps(bubble).encode()) > MOST_BUBBLE_BYTES:
        return [_fault(at, "The bubble is too large")]
    parts = [name for name in ("header", "hero", "body", "footer") if bubble.get(name) is not None]
    faults = [] if parts else [_fault(at, "At least one block must be specified")]
    return faults + [fault for name in parts for fault in _component(bubble[name], f"{at}.{name}")]


def _component(part: dict, at: str) -> list[dict]:
    kind = part["type"]
    faults = []
    for name in ("color", "backgroundColor", "borderColor"):
        if name in part and not COLOUR.fullmatch(part[name]):
            faults.append(_fault(f"{at}.{name}", "invalid property"))
    if part.get("action"):
        faults += _action(part["action"], f"{at}.action", label_needed=kind == "button")
    if kind == "box":
        faults += [f for nth, inner in enumerate(part["contents"]) for f in _component(inner, f"{at}.contents[{nth}]")]
    if kind == "text" and not part.get("contents"):
        faults += _length(part.get("text"), f"{at}.text", least=1, most=2000)
    if kind == "image":
        # LINE fetches by https alone; the demo's telephone, on this machine, has nothing else than this.
        faults += _address(part["url"], f"{at}.url", ("https:", "http://127.0.0.1:"))
    return faults


def _action(action, at: str, *, label_needed: bool = True) -> list[dict]:
    if not isinstance(action, dict):
        return [_fault(at, "must be specified")]
    faults = _length(action.get("label") or "", f"{at}.label", least=1 if label_needed else 0, most=20)
    match action.get("type"):
        case "uri":
            faults += _address(action.get("uri"), f"{at}.uri", ("http:", "https:", "line:", "tel:"))
        case "postback":
            faults += _length(action.get("data"), f"{at}.data", least=1, most=300)
            faults += _length(action.get("displayText") or "", f"{at}.displayText", least=0, most=300)
        case "message":
            faults += _length(action.get("text"), f"{at}.text", least=1, most=300)
        case _:
            faults.append(_fault(f"{at}.type", "unknown action"))
    return faults


def _address(value, at: str, schemes: tuple) -> list[dict]:
    faults = _length(value, at, least=1, most=1000)
    if not faults and not value.startswith(schemes):
        faults.append(_fault(at, "invalid uri scheme"))
    return faults


def _length(value, at: str, *, least: int, most: int) -> list[dict]:
    if not isinstance(value, str) or len(value.strip()) < least:
        return [_fault(at, "must be non-empty text" if least else "must be text")]
    if len(value) > most:
        return [_fault(at, f"Length must be between {least} and {most}")]
    return []


def _fault(at: str, message: str) -> dict:
    return {"message": message, "property": at}
