"""A telephone with LINE on it, for the demo: what the fake LINE was sent, drawn as LINE draws it; its buttons work.

What is tapped or written goes to the fake LINE, which signs it and sends it to our webhook, as LINE does.
"""

import base64
from datetime import datetime
from functools import wraps
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from booking import colours
from booking.line import rich_menu
from booking.views.access import access
from members.models import LineAccount
from queuesite.demo.fake_line import USERS, Elsewhere

KINDS = {"message", "postback", "follow", "unfollow"}
HUE_OF = {colour: f"hue-{hue} flex-band" for hue, colour in colours.HUES.items()}
CLASS_OF = {colours.PAPER: "flex-white", colours.SOFT: "flex-soft", colours.RED: "flex-red"}


def is_on() -> bool:
    """Whether this is the demo, and a LINE of our own stands in LINE's place."""
    return settings.DEMO and urlsplit(settings.LINE_API_BASE).hostname == "127.0.0.1"


def _of_the_demo(view):
    @access("anyone")
    @wraps(view)
    def answer(request):
        if not is_on():
            raise Http404
        try:
            return view(request, Elsewhere(settings.LINE_API_BASE))
        except OSError:
            return render(request, "demo/line_away.html", status=503)

    return answer


@require_safe
@_of_the_demo
def page(request, line):
    user = _user(request.GET)
    linked = dict(LineAccount.objects.filter(user_id__in=USERS).values_list("user_id", "member__member_number"))
    users = [
        {"id": one, "name": name, "number": linked.get(one), "is_shown": one == user} for one, name in USERS.items()
    ]
    menu = _menu(line)
    context = _chat(line, user) | {"users": users, "areas": _areas(menu), "menu": menu}
    return render(request, "demo/line.html", context)


@require_safe
@_of_the_demo
def chat(request, line):
    """The messages of a user; 204 while there is nothing newer than `shown`."""
    context = _chat(line, _user(request.GET))
    if request.GET.get("shown") == str(context["version"]):
        return HttpResponse(status=204)
    response = render(request, "demo/_chat.html", context)
    response["X-Version"] = context["version"]
    return response


@require_POST
@_of_the_demo
def act(request, line):
    """A user writes, taps a button, follows or blocks the account."""
    user, kind = _user(request.POST), request.POST.get("kind")
    text, data = request.POST.get("text", "").strip()[:300], request.POST.get("data", "")[:300]
    if kind in KINDS and (text or kind != "message"):
        line.post("event", user=user, kind=kind, text=text, data=data)
    return redirect(f"{reverse('demo_line')}?user={user}")


@require_safe
@_of_the_demo
def menu_image(request, line):
    found = line.get("menu")
    if not found["image"]:
        raise Http404
    return HttpResponse(base64.b64decode(found["image"]), content_type=found["kind"])


def _menu(line) -> dict | None:
    """The menu below the chat; made now, as an office makes its own once, where the fake LINE has none yet."""
    menu = line.get("menu")["menu"]
    if menu is None and not rich_menu.missing():
        rich_menu.replace()
        menu = line.get("menu")["menu"]
    return menu


def _user(given) -> str:
    user = given.get("user") or next(iter(USERS))
    if user not in USERS:
        raise Http404
    return user


def _chat(line, user: str) -> dict:
    found = line.get("messages", user=user)
    entries = [_entry(entry) for entry in found["users"][user]]
    follows = [entry["event"] for entry in entries if entry.get("event") in ("follow", "unfollow")]
    return {
        "user": user,
        "name": USERS[user],
        "entries": entries,
        "version": entries[-1]["nth"] if entries else 0,
        "has_blocked": follows[-1:] == ["unfollow"],
    }


def _entry(entry: dict) -> dict:
    shown = entry | {"at": datetime.fromtimestamp(entry["at"], tz=timezone.get_current_timezone())}
    message = entry.get("message")
    if not message:
        return shown
    shown["chips"] = [_action(item["action"]) for item in (message.get("quickReply") or {}).get("items", [])]
    match message["type"]:
        case "text":
            shown["text"] = message["text"]
        case "flex":
            contents = message["contents"]
            bubbles = contents["contents"] if contents["type"] == "carousel" else [contents]
            shown["bubbles"] = [_bubble(bubble) for bubble in bubbles]
        case "template":
            template = message["template"]
            buttons = [{"type": "button", "action": action} for action in template["actions"]]
            body = {"type": "box", "layout": "vertical", "contents": [{"type": "text", "text": template["text"]}]}
            footer = {"type": "box", "layout": "vertical", "contents": buttons}
            shown["bubbles"] = [_bubble({"body": body, "footer": footer})]
        case _:
            shown["text"] = message.get("altText", message["type"])
    return shown


def _bubble(bubble: dict) -> list[dict]:
    parts = [(name, bubble[name]) for name in ("header", "hero", "body", "footer") if bubble.get(name)]
    return [_part(part) | {"block": name} for name, part in parts]


def _part(part: dict) -> dict:
    """A Flex component as its classes, its text, its action and what is in it. The strict policy lets a page have no
    colours but the stylesheet's: those of ours are known, others stay plain."""
    wanted = [HUE_OF.get(part.get("backgroundColor", ""), ""), CLASS_OF.get(part.get("color", "").lower(), "")]
    for name in ("layout", "size", "weight", "align", "style", "spacing", "margin", "gravity"):
        if str(part.get(name, "")).isalnum():
            wanted.append(f"flex-{name}-{part[name]}")
    return {
        "type": part["type"],
        "classes": " ".join(filter(None, wanted)),
        "text": part.get("text")
        or "".join(span.get("text", "") for span in part.get("contents", []) if "text" in span),
        "picture": _near(part.get("url", "")) if part["type"] == "image" else "",
        "action": _action(part["action"]) if part.get("action") else None,
        "parts": [_part(inner) for inner in part.get("contents", [])] if part["type"] == "box" else [],
    }


def _action(action: dict) -> dict:
    kind = action["type"]
    said = action.get("text") if kind == "message" else action.get("displayText")
    return {
        "kind": kind,
        "label": action.get("label", ""),
        "address": _near(action.get("uri", "")),
        "data": action.get("data", ""),
        "said": said or "",
    }


def _near(address: str) -> str:
    """An address of ours without its host: this page may be open under another name than PUBLIC_URL's, where its
    cookies would be missing and its pictures not allowed."""
    ours = settings.PUBLIC_URL + "/"
    return address.removeprefix(settings.PUBLIC_URL) if settings.PUBLIC_URL and address.startswith(ours) else address


def _areas(menu: dict | None) -> list[dict]:
    return [area["bounds"] | {"action": _action(area["action"])} for area in (menu or {}).get("areas", [])]
