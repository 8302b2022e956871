"""The commands `ratings`, `auc` and `type-one`: what they print, what they write, how they refuse."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from benchmark.core.commands.main import main
from benchmark.core.planning.type_one import SLOW, leaves_the_band, rejection_rates, scenarios, table_row


def ratings_csv(folder, *, evaluators=6, images=20):
    """Every evaluator calls the same share of pictures wrongly; one also answers a scale."""
    rows = [
        (f"e{e}", f"p{k}", "real or not", truth, ("real", "generated")[(truth == "generated") ^ (k % 4 == 0)], "")
        for e in range(evaluators)
        for k in range(images)
        for truth in (("real", "generated")[k % 2],)
    ]
    rows += [(f"e{e}", f"p{k}", "quality", "", str(1 + (k + e) % 5), "") for e in range(evaluators) for k in range(images)]
    path = folder / "ratings.csv"
    pd.DataFrame(rows, columns=["evaluator", "image", "question", "truth", "answer", "set"]).to_csv(path, index=False)
    return path


def test_ratings_command_tells_and_writes_the_error_rate(tmp_path, capsys):
    assert main(["ratings", str(ratings_csv(tmp_path)), "--draws", "200", "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert re.search(r"real or not, all: .*wrong .*25\.0 %", told)
    assert "quality, " in told
    content = json.loads((tmp_path / "out/results.json").read_text())
    (hype,) = content["hype"]
    assert hype["error"] == pytest.approx(0.25)
    assert hype["error"] == pytest.approx((hype["fakes_called_real"] + hype["reals_called_fake"]) / 2)
    assert hype["ci_low"] < 0.25 < hype["ci_high"]
    assert (tmp_path / "out/tables/scales.csv").is_file()


def test_ratings_command_refuses_in_a_sentence(tmp_path, capsys):
    path = tmp_path / "r.csv"
    path.write_text("evaluator,image,question,truth,answer\ne1,p1,real or not,real,perhaps\ne1,p2,real or not,generated,real\n")
    assert main(["ratings", str(path), "--out", str(tmp_path / "out")]) == 2
    assert 'line 2, column "answer"' in capsys.readouterr().err
    assert main(["ratings", str(ratings_csv(tmp_path)), "--margin", "0.7", "--out", str(tmp_path / "out")]) == 2
    assert "margin between 0 and 0.5" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def scores_csv(folder):
    rng, rows = np.random.default_rng(1), []
    for case in range(40):
        ill, shared = case % 2, rng.normal()
        rows += [(f"r{r}", f"c{case}", m, round(float(ill * (1.0 + 0.8 * (m == "A")) + shared + rng.normal()), 3), ill)
                 for r in range(4) for m in "AB"]  # fmt: skip
    path = folder / "scores.csv"
    pd.DataFrame(rows, columns=["reader", "case", "modality", "score", "truth"]).to_csv(path, index=False)
    return path


def test_auc_command_compares_modalities_by_both_methods(tmp_path, capsys):
    assert main(["auc", str(scores_csv(tmp_path)), "--first", "A", "--second", "B", "--out", str(tmp_path / "out")]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("A minus B")]
    assert len(lines) == 2
    content = json.loads((tmp_path / "out/auc.json").read_text())
    differences = [record["difference"] for record in content["auc_differences"]]
    assert differences[0] == pytest.approx(differences[1])
    by_reader = pd.DataFrame(content["auc_readers"]).groupby("modality")["auc"].mean()
    assert differences[0] == pytest.approx(by_reader["A"] - by_reader["B"])


def test_auc_command_refuses_what_is_not_there(tmp_path, capsys):
    path = scores_csv(tmp_path)
    assert main(["auc", str(path), "--first", "A"]) == 2
    assert "Name both modalities" in capsys.readouterr().err
    assert main(["auc", str(path), "--first", "A", "--second", "C"]) == 2
    assert "No reading has the modality C" in capsys.readouterr().err
    assert main(["auc", str(path), "--score", "marks"]) == 2
    assert "marks" in capsys.readouterr().err


def test_type_one_command_in_parts_is_the_whole(capsys):
    def rows(*options):
        main(["type-one", "--studies", "6", "--slow-studies", "0", *options])
        return {line.split("|")[1].strip(): line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")}

    both, one = rows("--only", "crossed"), rows("--only", "crossed, 20")
    assert set(both) - {"scenario"} == {"crossed, 10 readers", "crossed, 20 readers"}
    assert one["crossed, 20 readers"] == both["crossed, 20 readers"]
    cells = dict(zip(*([cell.strip() for cell in both[name].split("|")] for name in ("scenario", "crossed, 20 readers"))))
    assert {cells[method] for method in SLOW} == {"–"}, "what judged no study rejects nothing, and holds no level"


def test_type_one_command_counts_slow_methods_by_their_own_studies():
    scenario = next(s for s in scenarios() if s.name == "crossed, 10 readers")
    found = rejection_rates(scenario.world, scenario.design, scenario.methods, studies=8, slow_studies=3, seed=2)
    assert {rate.studies for rate in found.rates if rate.method in SLOW} == {3}
    assert {rate.studies for rate in found.rates if rate.method not in SLOW} == {8}
    with pytest.raises(StopIteration):
        found.rate("a method that is not there")


def test_type_one_command_refuses_an_unknown_scenario(capsys):
    assert main(["type-one", "--only", "on the moon"]) == 2
    assert "a scenario of that name" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("place", range(len(scenarios())), ids=[s.name for s in scenarios()])
def test_every_new_image_method_keeps_its_level(place):
    """The run that docs/results/statistics.md records; its Monte Carlo error is .0034 (slow methods: .0049).

    With -s it prints the rows of the table there.
    """
    scenario = scenarios()[place]
    result = rejection_rates(
        scenario.world, scenario.design, scenario.methods, studies=4000, slow_studies=2000, seed=20210408 + place,
        these_images=scenario.these_images,
    )  # fmt: skip
    print(f"\n{table_row(scenario, result)}")
    assert leaves_the_band([(scenario, result)]) == []
