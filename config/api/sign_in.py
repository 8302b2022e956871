"""Token sign-in for programs."""

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView


class SignInIn(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=500, trim_whitespace=False, style={"input_type": "password"})


class TokenOut(serializers.Serializer):
    token = serializers.CharField()


class SignIn(APIView):
    """Exchange a name and a password for a token, to be sent as `Authorization: Token ...`."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "sign-in"

    @extend_schema(request=SignInIn, responses=TokenOut, tags=["sign-in"], auth=[])
    def post(self, request):
        data = SignInIn(data=request.data)
        data.is_valid(raise_exception=True)
        user = authenticate(request._request, **data.validated_data)
        if user is None or not user.is_active:
            raise serializers.ValidationError("There is no account with this name and password.")
        if is_mfa_enabled(user):
            # A password alone must not open an account that its owner protected with a second factor.
            raise serializers.ValidationError(
                "This account has a second factor. Sign in on the site and make a token on your account page."
            )
        return Response({"token": Token.objects.get_or_create(user=user)[0].key})
