"""Staff accounts are made by an administrator; there is no public sign-up."""

from allauth.account.adapter import DefaultAccountAdapter


class InvitedOnlyAdapter(DefaultAccountAdapter):
    """Close the sign-up page: readers need no account, staff are added by an administrator."""

    def is_open_for_signup(self, request):
        return False
