"""What is said to a member themselves, and not about a ticket: by LINE, else by e-mail."""

from collections.abc import Callable

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext as _

from members import line
from members.models import LineAccount, Member
from office.settings import office


def ways(member: Member) -> list[str]:
    """How a member can be reached: "line", "email"; the best first."""
    account = LineAccount.objects.filter(member=member, unfollowed_at=None).exclude(proved_by="").first()
    found = ["line"] if account and line.is_on() else []
    return [*found, *(["email"] if member.email and settings.EMAIL_HOST else [])]


def send(member: Member, *, subject: str, text: str, key: str) -> None:
    """Say it, the best way. `key` is the same each time the same is tried: LINE takes it once. Raises LineFault."""
    if ways(member)[0] == "email":
        EmailMessage(subject, text, to=[member.email], headers={"Message-ID": f"<{key}@queue.invalid>"}).send()
        return
    account = LineAccount.objects.get(member=member)
    line.push(user_id=account.user_id, messages=[{"type": "text", "text": text}], retry_key=key)


def in_words(say: Callable[[], tuple[str, str]], language: str) -> tuple[str, str]:
    """Subject and text in Thai; below it in `language` too, that of the page on which somebody caused this. Not in its
    place: it may have been a stranger, and the member has to understand the warning."""
    with translation.override("th"):
        subject, text = say()
    if language == "th":
        return subject, text
    with translation.override(language):
        also_subject, also_text = say()
    return f"{subject} / {also_subject}", f"{text}\n\n{also_text}"


def of_office() -> str:
    return _("โทร %(phone)s") % {"phone": office.phone} if office.phone else ""
