"""No reader's link in a log or an error report: whoever has the link has the sitting."""

import logging
import re

LINK = re.compile(r"/r/[^/\s\"'?#]+")


def without_links(text: str) -> str:
    """`text` with the secret of every reader's link taken out."""
    return LINK.sub("/r/[link]", text)


class LinkFreeFormatter(logging.Formatter):
    """Writes no reader's link, neither in the message nor in a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return without_links(super().format(record))


def link_free_event(event, hint=None):
    """An event for the error tracker without links in any of its texts, however deep."""
    if isinstance(event, str):
        return without_links(event)
    if isinstance(event, dict):
        return {key: link_free_event(value) for key, value in event.items()}
    if isinstance(event, list | tuple):
        return [link_free_event(value) for value in event]
    return event
