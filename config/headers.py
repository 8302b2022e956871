"""What every answer forbids the browser: no page of ours asks for a device of the reader's."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

FORBIDDEN = ("camera", "microphone", "geolocation", "display-capture", "payment", "usb", "midi")


class PermissionsPolicy:
    """Middleware: no page, and no script that might get into one, may ask for a camera, a place or the like."""

    def __init__(self, get_response: Callable):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", ", ".join(f"{name}=()" for name in FORBIDDEN))
        return response
