"""Kinds of images: a difference that was made is found, none is found where there is none, and few images are not told apart."""

import io

import numpy as np
import pandas as pd
import pytest

from benchmark.core import Plan, Readings, analyse
from benchmark.core.errors import InputError
from benchmark.core.inputs.attributes import kinds_of, read_item_attributes
from benchmark.core.inputs.scoring import Scored
from benchmark.core.output.dictionary import dictionary_of
from benchmark.core.report.page import build_report
from benchmark.core.sections.subgroups import _beside_the_others, subgroup_sections
from benchmark.pages.presenting import topic_page

SECTIONS = ("subgroups", "subgroup_differences")
ITEMS = [f"i{k:02d}" for k in range(60)]


def study(seed: int = 0, *, dark: float = 0.0) -> pd.DataFrame:
    """Ten readers and a network on 60 images of three classes; the network is less often right on dark ones, the last twenty."""
    rng, rows = np.random.default_rng(seed), []
    hard = rng.normal(0, 0.12, 60)
    for who in (*(f"r{k}" for k in range(10)), "net"):
        skill = rng.normal(0.65, 0.08)
        for k, item in enumerate(ITEMS):
            chance = (0.9 - dark * (k >= 40) if who == "net" else skill) - hard[k]
            truth, group = "abc"[k % 3], "net" if who == "net" else "people"
            answer = truth if rng.random() < chance else "abc"[(k + 1) % 3]
            rows.append((who, group, "model" if who == "net" else "human", item, truth, answer))
    return pd.DataFrame(rows, columns=["reader", "group", "kind", "item", "truth", "answer"])


def table(**columns) -> io.StringIO:
    return io.StringIO(pd.DataFrame({"item": ITEMS, **columns}).to_csv(index=False))


TONES = ["light"] * 40 + ["dark"] * 20


def test_a_network_that_fails_on_dark_skin_is_found_and_people_are_not_blamed():
    results = analyse(Readings.from_frame(study(dark=0.6)), attributes=read_item_attributes(table(tone=TONES)), plan=Plan(bootstrap_draws=50))
    network, people = ({r["kind_of_image"]: r for r in results.records("subgroups", kind=kind)} for kind in ("model", "human"))
    assert network["dark"]["p_adjusted"] < 0.001 < 0.05 < people["dark"]["p_adjusted"]
    assert network["dark"]["difference"] == pytest.approx(-network["light"]["difference"])
    assert network["dark"]["difference"] == pytest.approx(network["dark"]["accuracy"] - network["light"]["accuracy"], abs=0.05)
    leads = {r["kind_of_image"]: r for r in results.records("subgroup_differences")}
    assert leads["dark"]["ci_high"] < 0 < leads["light"]["ci_low"]
    said = topic_page(results.content, "subgroups").answers
    assert "(0.05 level, adjusted): net on dark; net on light." in said[0]
    html = build_report(results, [], {})
    assert "Does it hold for every kind of image?" in html
    assert "are given by tone of the images" in html
    assert [row for row in dictionary_of({name: results[name] for name in SECTIONS}) if not row["meaning"]] == []


def test_the_difference_is_that_of_least_squares_with_an_intercept_per_class():
    rows = study(3).query("kind == 'model'").assign(correct=lambda d: d["truth"] == d["answer"])
    own = np.random.default_rng(0).random(60) < 0.3
    x = np.column_stack([own, *(rows["truth"] == name for name in "abc")]).astype(float)
    found = _beside_the_others(rows, own, 0.95)
    assert found["difference"] == pytest.approx(np.linalg.lstsq(x, rows["correct"].astype(float), rcond=None)[0][0])


def test_where_no_kind_differs_none_is_found_more_often_than_one_in_twenty():
    """100 studies of people and a network each; with so few the share may reach .05 + 3.5 of its standard errors. Of a kind of five
    images a network is often right on all: around their own mean they have no spread, by which it would differ in one study of three."""
    many, few = np.arange(60) >= 40, np.arange(60) >= 55
    found = []
    for seed in range(100):
        frame = study(seed).assign(correct=lambda d: d["truth"] == d["answer"])
        sets = [frame[frame["kind"] == kind] for kind in ("human", "model")]
        found.append([_beside_the_others(rows, np.tile(own, len(rows) // 60), 0.95)["p"] < 0.05 for rows in sets for own in (many, few)])
    shares = np.mean(found, axis=0)
    assert max(shares) < 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 100)
    assert min(shares[::2]) > 0


def test_classes_of_one_kind_tell_nothing_of_it():
    """Neither one of a single image, for which classes were once not told apart at all, nor ten others, as degrees of freedom."""
    rows = study(3).assign(correct=lambda d: d["truth"] == d["answer"])
    copied = (("i00", "d"), *((f"i{k:02d}", "e") for k in range(10)))
    further = [rows[rows["item"] == item].assign(item=f"x{item}", truth=truth) for item, truth in copied]
    for kind in ("human", "model"):
        own = rows[rows["kind"] == kind]
        more = pd.concat([own, *(f[f["kind"] == kind] for f in further)])
        found, beside = (_beside_the_others(r, (r["item"].str.strip("xi").astype(int) >= 40).to_numpy(), 0.95) for r in (own, more))
        assert beside == pytest.approx(found)


def test_a_kind_of_fewer_than_five_images_in_a_view_is_not_told_of_it():
    frame = study()
    frame = pd.concat([frame.assign(view="close"), frame[frame["item"] < "i43"].assign(view="wide")])
    made = subgroup_sections(Scored(Readings.from_frame(frame)), read_item_attributes(table(tone=TONES)), Plan())
    for section in SECTIONS:
        assert {(r["view"], r["kind_of_image"]) for r in made[section]} == {("close", "light"), ("close", "dark"), ("wide", "light")}


def test_few_images_are_merged_numbers_cut_and_names_left_alone():
    columns = {
        "tone": [1 + k % 10 for k in range(60)], "site": ["arm"] * 30 + ["leg"] * 24 + ["ear"] * 3 + ["toe"] * 3, "one": ["same"] * 60,
        "rare": ["arm"] * 57 + ["leg"] * 3, "patient": [f"p{k}" for k in range(60)], "unit": [1.5] * 30 + [2] * 30,
    }  # fmt: skip
    given = read_item_attributes(table(**columns)).attributes
    kinds = {a.name: list(found.cat.categories) if len(found := kinds_of(a, pd.Index(ITEMS))) else [] for a in given}
    assert kinds == {
        "tone": ["1 to 4", "5 to 7", "8 to 10"], "site": ["arm", "leg", "other choices"], "one": [], "rare": [], "patient": [],
        "unit": ["1.5", "2"],
    }  # fmt: skip


def test_a_kind_that_is_a_class_cannot_be_told_from_it():
    scored = Scored(Readings.from_frame(study()))
    made = subgroup_sections(scored, read_item_attributes(table(site=["abc"[k % 3] for k in range(60)])), Plan())
    assert {(r["difference"], r["p_adjusted"]) for r in made["subgroups"]} == {(None, None)}
    assert all("cannot be told apart" in r["why"] for r in made["subgroups"])


@pytest.mark.parametrize(
    ("text", "said"),
    [("item,sex\na,f\na,m\n", "one row per item"), ("item,sex\n,f\n", "the code of an item"), ("item,view\na,close\n", "one column per attribute")],
)
def test_a_bad_table_is_told_in_a_sentence(text, said):
    with pytest.raises(InputError) as told:
        read_item_attributes(io.StringIO(text))
    assert said in str(told.value)
