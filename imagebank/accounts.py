"""Staff accounts are made by an administrator; there is no public sign-up."""

import logging
import smtplib

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from django.shortcuts import render

logger = logging.getLogger(__name__)


class InvitedOnlyAdapter(DefaultAccountAdapter):
    """Close the sign-up page: readers need no account, staff are added by an administrator."""

    def is_open_for_signup(self, request):
        return False

    def send_mail(self, template_prefix, email, context_of_mail):
        """Send, or say that the mail server is away: the same to those who have an account and to those who have none."""
        try:
            super().send_mail(template_prefix, email, context_of_mail)
        except (smtplib.SMTPException, OSError) as failure:
            # The exception's own words name the address.
            logger.warning("A letter about an account was not sent: %s.", type(failure).__name__)
            raise ImmediateHttpResponse(render(context.request, "account/mail_away.html", status=503)) from failure
