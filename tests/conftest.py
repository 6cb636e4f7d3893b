from tests.browser import chromium, new_phone, old_phone, phone  # noqa: F401
