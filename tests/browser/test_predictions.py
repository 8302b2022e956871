"""The prediction browser pressed by hand: from a confusion's cell to its items, turned by keys, and back to the same list."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from imagebank.models import ItemImage, Membership
from tests.browser.test_reading import WIDTHS, accessible, open_browser
from tests.models_ml.bank import store_study
from tests.models_ml.conftest import pictures  # noqa: F401
from tests.models_ml.factories import stored_network

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def answered(pictures, settings, tmp_path, transactional_db, client):  # noqa: F811
    """Six test items, of which the network takes two of IP for another class; the session of an analyst."""
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path / "var", tmp_path / "media"
    study = store_study(pictures)
    for image in ItemImage.objects.all():  # small enough to be its own copies
        for name in ("reading", "thumbnail"):
            image.renditions.create(name=name, file=image.file.name, width=48, height=48, sha256=image.pixel_sha256)
    stored_network(study, wrong=("IP-6", "IP-7"))
    user = User.objects.create_user("analyst")
    Membership.objects.create(study=study, user=user, role="analyst")
    client.force_login(user)
    return client.cookies["sessionid"].value


@pytest.mark.once
@pytest.mark.parametrize("size", WIDTHS.values(), ids=WIDTHS)
def test_from_a_cell_to_its_items_turned_by_keys_and_back(answered, chromium, live_server, size):
    context, page = open_browser(chromium, size)
    context.add_cookies([{"name": "sessionid", "value": answered, "url": live_server.url}])
    page.goto(f"{live_server.url}/studies/spots/networks/predictions/")
    names = page.locator(".prediction-grid strong")
    assert set(names.all_inner_texts()[:2]) == {"IP-6", "IP-7"}, "the hardest first"
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_text("What is taken for what").click()
    page.locator(".confusion a[title='2 of 2 IP']").click()
    expect(names).to_have_count(2)
    chosen = names.all_inner_texts()
    accessible(page)
    names.first.click()
    expect(page.locator("h1")).to_contain_text(chosen[0])
    page.wait_for_load_state()
    page.keyboard.press("ArrowRight")
    expect(page.locator("h1")).to_contain_text(chosen[1])
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Back to the answers").click()
    expect(names).to_have_count(2)
    assert names.all_inner_texts() == chosen
    page.go_back()
    expect(page.locator("h1")).to_contain_text(chosen[1])
    assert not page.faults
