from django.conf import settings
from django.utils.translation import get_language


def office(request) -> dict:
    """The office's own facts, for every template."""
    english = get_language() == "en"
    return {
        "office": {
            "name": settings.OFFICE_NAME_EN if english else settings.OFFICE_NAME,
            "phone": settings.OFFICE_PHONE,
            "address": settings.OFFICE_ADDRESS,
            "login_url": settings.IMEMBER_LOGIN_URL,
            "register_url": settings.IMEMBER_REGISTER_URL,
            "forgot_url": settings.IMEMBER_FORGOT_URL,
        },
        "demo": settings.DEMO,
    }
