"""Sentences of results on a page, as the report sets them."""

from django import template

from benchmark.core import wording

register = template.Library()
register.filter("unbroken", wording.unbroken, is_safe=True)
