"""What LINE accepts as messages and rich menus, as far as it matters here: the limits of its reference, in one place.

The fake LINE server refuses what LINE would refuse, so that a card that is too long fails in a test and not in use.
"""

import json
import re

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?")
FLEX_COMPONENTS = {"box", "button", "filler", "icon", "image", "separator", "span", "text", "video"}
MOST_BUBBLE_BYTES, MOST_FLEX_BYTES = 30_000, 50_000


def faults_of_messages(messages) -> list[dict]:
    """What is wrong with the messages of one call, as LINE says it: [{message, property}]; empty where nothing is."""
    if not isinstance(messages, list) or not 1 <= len(messages) <= 5:
        return [_fault("messages", "Size must be between 1 and 5")]
    return [fault for nth, message in enumerate(messages) for fault in _message(message, f"messages[{nth}]")]


def faults_of_rich_menu(menu: dict) -> list[dict]:
    """What is wrong with a rich menu."""
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


def _message(message, at: str) -> list[dict]:
    kind = message.get("type") if isinstance(message, dict) else None
    if kind == "text":
        faults = _length(message.get("text"), f"{at}.text", least=1, most=5000)
    elif kind == "flex":
        faults = _length(message.get("altText"), f"{at}.altText", least=1, most=400)
        faults += _container(message.get("contents"), f"{at}.contents")
    elif kind == "image":
        addresses = ["originalContentUrl", "previewImageUrl"]
        faults = [f for name in addresses for f in _address(message.get(name), f"{at}.{name}", ("https:",))]
    elif kind == "template":
        faults = _length(message.get("altText"), f"{at}.altText", least=1, most=400)
        faults += _template(message.get("template"), f"{at}.template")
    else:
        return [_fault(f"{at}.type", "Must be one of the following values: [flex, image, template, text]")]
    items = (message.get("quickReply") or {}).get("items", [])
    if len(items) > 13:
        faults.append(_fault(f"{at}.quickReply.items", "Size must be between 1 and 13"))
    for nth, item in enumerate(items):
        faults += _action(item.get("action"), f"{at}.quickReply.items[{nth}].action")
    return faults


def _template(template, at: str) -> list[dict]:
    if not isinstance(template, dict) or template.get("type") not in ("buttons", "confirm"):
        return [_fault(f"{at}.type", "Must be one of the following values: [buttons, confirm]")]
    most_text, actions = (240, 2) if template["type"] == "confirm" else (160, 4)
    faults = _length(template.get("text"), f"{at}.text", least=1, most=most_text)
    given = template.get("actions") or []
    if not 1 <= len(given) <= actions or (template["type"] == "confirm" and len(given) != 2):
        faults.append(_fault(f"{at}.actions", f"Size must be {actions}"))
    return faults + [f for nth, one in enumerate(given) for f in _action(one, f"{at}.actions[{nth}]")]


def _container(contents, at: str) -> list[dict]:
    kind = contents.get("type") if isinstance(contents, dict) else None
    if len(json.dumps(contents).encode()) > MOST_FLEX_BYTES:
        return [_fault(at, "The message is too large")]
    if kind == "bubble":
        return _bubble(contents, at)
    if kind == "carousel":
        bubbles = contents.get("contents") or []
        if not 1 <= len(bubbles) <= 12:
            return [_fault(f"{at}.contents", "Size must be between 1 and 12")]
        return [f for nth, one in enumerate(bubbles) for f in _bubble(one, f"{at}.contents[{nth}]")]
    return [_fault(f"{at}.type", "Must be one of the following values: [bubble, carousel]")]


def _bubble(bubble: dict, at: str) -> list[dict]:
    if len(json.dumps(bubble).encode()) > MOST_BUBBLE_BYTES:
        return [_fault(at, "The bubble is too large")]
    parts = [name for name in ("header", "hero", "body", "footer") if bubble.get(name) is not None]
    faults = [] if parts else [_fault(at, "At least one block must be specified")]
    for name in parts:
        if name != "hero" and bubble[name].get("type") != "box":
            faults.append(_fault(f"{at}.{name}.type", "Must be box"))
        faults += _component(bubble[name], f"{at}.{name}")
    return faults


def _component(part: dict, at: str) -> list[dict]:
    kind = part.get("type")
    if kind not in FLEX_COMPONENTS:
        return [_fault(f"{at}.type", "unknown component")]
    faults = []
    for name in ("color", "backgroundColor", "borderColor"):
        if name in part and not COLOUR.fullmatch(str(part[name])):
            faults.append(_fault(f"{at}.{name}", "invalid property"))
    if part.get("action"):
        faults += _action(part["action"], f"{at}.action", label_needed=kind == "button")
    elif kind == "button":
        faults.append(_fault(f"{at}.action", "must be specified"))
    if kind == "box":
        faults += _box(part, at)
    if kind == "text" and not part.get("contents"):
        faults += _length(part.get("text"), f"{at}.text", least=1, most=2000)
    if kind == "image":
        # LINE fetches by https alone; the demo's telephone, on this machine, has nothing else than this.
        faults += _address(part.get("url"), f"{at}.url", ("https:", "http://127.0.0.1:"))
    return faults


def _box(box: dict, at: str) -> list[dict]:
    faults = []
    if box.get("layout") not in ("horizontal", "vertical", "baseline"):
        faults.append(_fault(f"{at}.layout", "must be one of horizontal, vertical, baseline"))
    if not isinstance(box.get("contents"), list):
        return [*faults, _fault(f"{at}.contents", "must be specified")]
    for nth, inner in enumerate(box["contents"]):
        faults += _component(inner, f"{at}.contents[{nth}]")
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
