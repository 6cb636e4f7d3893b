"""What the API's description says of the office that runs it."""

from django.conf import settings

from office.settings import office


def say_whose_it_is(result, generator, request, public):
    result["info"]["contact"] = {"name": office.name_th} | ({"url": settings.PUBLIC_URL} if settings.PUBLIC_URL else {})
    return result
