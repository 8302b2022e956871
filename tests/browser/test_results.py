"""The results and planning pages in a real browser: live figures under the strict rule, tables, sliders."""

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from benchmark.core.output import writing
from benchmark.services.comparison import run_comparison
from imagebank.models import Job, Membership
from tests.benchmark.conftest import read_study

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def study(settings, tmp_path, monkeypatch, transactional_db):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(writing, "FIGURE_KINDS", ("svg",))
    return read_study()


@pytest.fixture
def analyst(client, study, django_user_model, chromium, live_server):
    """A function that opens a page of a width, signed in, and the problems that its console tells."""
    user = django_user_model.objects.create_user("analyst")
    Membership.objects.create(study=study, user=user, role="analyst")
    client.force_login(user)
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]

    def open_page(address: str, width: int, scheme: str = "light"):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        page, told = context.new_page(), []
        page.on("console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda problem: told.append(str(problem)))
        page.goto(live_server.url + address)
        return page, told

    return open_page


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_figures_come_alive_without_breaking_the_rule_on_scripts(study, analyst, width, scheme):
    comparison = run_comparison(study=study)
    page, told = analyst(reverse("benchmark:comparison_detail", args=[study.slug, comparison.pk]), width, scheme)
    figures = page.locator("[data-figure]")
    for place in range(figures.count()):
        figures.nth(place).scroll_into_view_if_needed()
        figures.nth(place).locator(".main-svg").first.wait_for(timeout=20_000)
    assert figures.count() >= 4
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width < 600:  # nor does a figure scroll sideways
        assert figures.evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.dataset.figure)") == []
        assert all("-narrow.svg" in source for source in page.locator("[data-figure] img").evaluate_all("all => all.map(one => one.currentSrc)"))


def test_figures_stand_without_scrolling_and_on_paper(study, analyst):
    """A page that is printed, or shown at full length, has no empty places; on paper it is light."""
    comparison = run_comparison(study=study)
    address = reverse("benchmark:comparison_detail", args=[study.slug, comparison.pk])
    page, told = analyst(address, 1280, "dark")
    figures = page.locator("[data-figure]")
    for drawing in figures.locator("img").all():
        assert drawing.get_attribute("loading") != "lazy"
    page.locator("[data-figure][data-ready]").nth(figures.count() - 1).wait_for(state="attached", timeout=60_000)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    for place in range(figures.count()):
        drawing = figures.nth(place).locator("img")
        assert drawing.is_visible()
        assert drawing.evaluate("image => image.naturalWidth") > 0
        assert not figures.nth(place).locator(".main-svg").first.is_visible()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    assert told == []


def test_a_table_sorts_by_value_and_filters(study, analyst):
    comparison = run_comparison(study=study)
    page, told = analyst(reverse("benchmark:comparison_topic", args=[study.slug, comparison.pk, "accuracy"]), 1280)
    table = page.locator("#table-class_accuracy")
    heading = table.locator("th", has_text="Correct (%)")
    for direction in ("ascending", "descending"):
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == direction
        column = page.evaluate("e => e.cellIndex", heading.element_handle())
        shown = [float(text) for text in table.locator(f"tbody td:nth-child({column + 1})").all_inner_texts()]
        assert shown == sorted(shown, reverse=direction == "descending")
    table.locator("input[type=search]").fill("network focused")
    visible = [row for row in table.locator("tbody tr").all() if row.is_visible()]
    assert len(visible) == 3
    assert told == []


def test_sliders_change_the_answer_without_reloading_and_a_simulation_takes_them(study, analyst):
    page, told = analyst(reverse("benchmark:planning", args=[study.slug]), 1280)
    page.evaluate("window.stayed = true")
    more = int(page.input_value("#id_readers")) + 1
    slider = page.locator("#id_readers + input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    page.locator("#planned", has_text=f"{more} readers").wait_for(timeout=15_000)
    assert page.evaluate("window.stayed") is True
    page.locator("#id_studies").fill("100")
    page.get_by_role("button", name="Simulate this design").click()
    page.wait_for_load_state()
    assert Job.objects.get(kind="study-simulation").payload["readers"] == more
    assert told == []
