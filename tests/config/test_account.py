"""Staff sign in with a second factor, lose it, and come back; a password is chosen anew by letter."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-password-of-hers"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada():
    return User.objects.create_user("ada", email="ada@clinic.org", password=PASSWORD)


def sign_in(client, password=PASSWORD):
    return client.post("/account/login/", {"login": "ada", "password": password})


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def enrol(client, password=PASSWORD) -> tuple[str, list[str]]:
    """Enrol by the pages, as a person does; returns the secret and the recovery codes."""
    asked = client.get("/account/2fa/totp/activate/")
    assert asked.url.startswith("/account/reauthenticate/"), "the password is asked for once more"
    client.post("/account/reauthenticate/", {"password": password})
    page = client.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    assert secret in page.content.decode()
    client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    shown = client.get("/account/2fa/recovery-codes/").content.decode()
    return secret, re.findall(r"\b[0-9a-f]{8}\b", shown)


def signed_in_as(client) -> str:
    return client.session.get("_auth_user_id", "")


def test_a_second_factor_is_enrolled_asked_for_lost_and_replaced_by_a_recovery_code(client, ada):
    sign_in(client)
    secret, codes = enrol(client)
    assert len(codes) == 10
    client.post("/account/logout/")

    asked = sign_in(client)
    assert asked.url.startswith("/account/2fa/authenticate/")
    assert not signed_in_as(client), "the password alone opens nothing"
    assert client.get("/", follow=True).status_code == 200
    assert client.get("/account/").url.startswith("/account/login/")
    wrong = client.post("/account/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    assert not signed_in_as(client)
    cache.clear()
    client.post("/account/2fa/authenticate/", {"code": codes[0]})
    assert signed_in_as(client) == str(ada.pk), "the telephone is lost; a recovery code lets in"

    client.post("/account/logout/")
    cache.clear()
    sign_in(client)
    client.post("/account/2fa/authenticate/", {"code": codes[0]})
    assert not signed_in_as(client), "a recovery code works once"
    client.post("/account/2fa/authenticate/", {"code": codes[1]})
    assert signed_in_as(client)
    assert secret not in client.get("/account/2fa/").content.decode()


def test_the_administration_asks_for_the_second_factor_too(client, ada):
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    sign_in(client)
    enrol(client)
    client.post("/account/logout/")
    sign_in(client)
    assert client.get("/admin/").status_code == 302
    assert not signed_in_as(client)


def test_who_has_lost_everything_is_helped_by_an_administrator(client, ada, admin_client):
    sign_in(client)
    enrol(client)
    client.post("/account/logout/")
    for factor in Authenticator.objects.filter(user=ada):
        address = f"/admin/mfa/authenticator/{factor.pk}/delete/"
        assert admin_client.get(address).status_code == 200
        admin_client.post(address, {"post": "yes"})
    assert not Authenticator.objects.exists()
    sign_in(client)
    assert signed_in_as(client) == str(ada.pk)


def test_a_second_factor_is_changed_only_by_who_has_just_shown_the_password(client, ada):
    sign_in(client)
    enrol(client)
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] = time.time() - 3600
    session.save()
    assert "reauthenticate" in client.get("/account/2fa/totp/deactivate/").url
    assert Authenticator.objects.filter(type="totp").exists()


def test_a_password_is_chosen_anew_by_the_link_of_a_letter_that_works_once(client, ada):
    told = client.post("/account/password/reset/", {"email": "ada@clinic.org"})
    assert told.url == "/account/password/reset/done/"
    link = re.search(r"http://testserver(/account/password/reset/key/\S+)", mail.outbox[0].body).group(1)
    form = client.get(link, follow=True)
    address = form.redirect_chain[-1][0]
    assert "Referrer-Policy" in form.headers
    assert client.post(address, {"password1": "short", "password2": "short"}).status_code == 200
    client.post(address, {"password1": "another-long-one-7", "password2": "another-long-one-7"})
    assert not sign_in(client).headers.get("Location"), "the old password is over"
    cache.clear()
    sign_in(client, "another-long-one-7")
    assert signed_in_as(client) == str(ada.pk)
    assert len(enrol(client, "another-long-one-7")[1]) == 10, "who came by a letter may set up the second factor like anybody"
    client.post("/account/logout/")
    assert "This link is over" in client.get(link, follow=True).content.decode()


def test_the_page_of_forgotten_passwords_does_not_tell_who_has_an_account(client, ada, settings):
    known = client.post("/account/password/reset/", {"email": "ada@clinic.org"})
    stranger = client.post("/account/password/reset/", {"email": "nobody@clinic.org"})
    assert (known.status_code, known.url) == (stranger.status_code, stranger.url)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    cache.clear()
    known = client.post("/account/password/reset/", {"email": "ada@clinic.org"})
    stranger = client.post("/account/password/reset/", {"email": "nobody@clinic.org"})
    assert known.status_code == stranger.status_code == 503
    assert "mail server of this site does not answer" in known.content.decode()


def test_guessing_a_password_is_slowed_down(client, ada):
    answers = [sign_in(client, f"guess-{number}") for number in range(12)]
    assert "Too many failed" in answers[-1].content.decode()
    assert not signed_in_as(client)
    sign_in(client)
    assert not signed_in_as(client), "not even the right one goes on at once"
