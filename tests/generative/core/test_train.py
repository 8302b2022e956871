"""Training: it learns, resumes to the bit, can be cancelled, and every refusal leaves the last good state."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters

from generative.core.errors import Cancelled, InputError
from generative.core.networks import weights
from generative.core.networks.discriminator import Discriminator
from generative.core.networks.generator import Generator
from generative.core.networks.shape import NetworkShape
from generative.core.training import finetune, phases, snapshots
from generative.core.training.loop import train
from generative.core.training.recipe import preset, tiny
from tests.generative.core.drawn import drawn_manifest, drawn_table

ROOT = Path(__file__).resolve().parents[3]
SHORT = tiny(8).with_options(
    batch=8, channel_base=64, channel_max=8, z_dim=8, w_dim=8, total_kimg=0.144, snapshot_kimg=0.08, grid_kimg=0.08,
    fixed_p=None, kid_images=0, ada_kimg=0.2, pipeline="bgc", transition=(0.0, 0.1), ordinal=("early", "intermediate", "late"),
)  # fmt: skip


TRANSITIONAL = {"unconditional_loss": True}


def hashes(snapshot):
    return {path.name: weights.file_sha256(path) for path in sorted(Path(snapshot).glob("*.safetensors"))}


def test_a_tiny_network_learns_three_drawn_classes(tmp_path):
    """16 px, 2 kimg: mean brightness of generated late minus early at least .7 of the real difference."""
    data = drawn_table(90, 16)
    result = train(tiny(16), data, tmp_path, seed=0)
    g, _ = weights.load_generator(result.snapshot)
    z = torch.randn(40, g.shape.z_dim, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        fake = [float(g(z, torch.eye(3)[[k] * 40]).mean()) for k in range(3)]
    real = [float(data.of_class(name).images.mean()) / 127.5 - 1 for name in data.classes]
    assert (fake[2] - fake[0]) / (real[2] - real[0]) >= 0.7
    assert fake[0] < fake[1] < fake[2]


@pytest.mark.parametrize("options", [{}, TRANSITIONAL | {"ada_target": 0.0}], ids=["plain", "transitional"])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(tmp_path, options):
    """All phases on: ADA moving, path length, R1, transition, constraint. Weights, Adam and all facts are compared."""
    data, recipe = drawn_table(40, 8), SHORT.with_options(**options)
    whole = train(recipe, data, tmp_path / "whole", seed=3)
    train(recipe.with_options(total_kimg=0.08), data, tmp_path / "parts", seed=3)
    resumed = train(recipe, data, tmp_path / "parts", seed=3)
    assert resumed.images == whole.images == 144
    assert hashes(resumed.snapshot) == hashes(whole.snapshot)
    assert len(hashes(whole.snapshot)) == 4
    facts = [snapshots.read_training(r.snapshot)[1] for r in (whole, resumed)]
    assert facts[0] == facts[1]
    assert facts[0]["ada_p"] > 0


def test_cancelling_saves_and_goes_on_to_the_same_end(tmp_path):
    data, steps = drawn_table(40, 8), []
    whole = train(SHORT, data, tmp_path / "whole", seed=3)
    with pytest.raises(Cancelled, match=r"stopped at 0\.04 kimg"):
        train(SHORT, data, tmp_path / "cut", seed=3, on_event=steps.append,
              should_cancel=lambda: sum(e["event"] == "progress" for e in steps) == 5)  # fmt: skip
    assert hashes(train(SHORT, data, tmp_path / "cut", seed=3).snapshot) == hashes(whole.snapshot)


def test_events_and_grids_tell_the_run(tmp_path):
    events = []
    train(SHORT.with_options(kid_images=24), drawn_table(40, 8), tmp_path, on_event=events.append)
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert lines == json.loads(json.dumps(events))
    kinds = [event["event"] for event in events]
    assert kinds[0] == "start"
    assert kinds[-1] == "end"
    assert kinds.count("progress") == 18
    assert kinds.count("kid") == kinds.count("grid") == 2
    progress = [event for event in events if event["event"] == "progress"]
    assert {"loss_g", "loss_d", "path", "r1", "ada_p", "w_middle"} <= progress[0].keys()
    assert all((tmp_path / event["path"]).exists() for event in events if event["event"] in ("grid", "snapshot"))


def test_options_run_and_change_the_result(tmp_path):
    """DiffAugment, relativistic loss, no noise, frozen blocks: each trains; what is held keeps its first values."""
    data = drawn_table(40, 8)
    short = SHORT.with_options(total_kimg=0.016, transition=None)
    plain = hashes(train(short, data, tmp_path / "plain").snapshot)
    seen = {str(plain)}
    for name, options in (
        ("diff", {"diff_augment": True}),
        ("pair", {"relativistic": True}),
        ("still", {"noise": "none"}),
        ("frozen", {"freeze_d": 1}),
    ):
        result = train(short.with_options(**options), data, tmp_path / name)
        seen.add(str(hashes(result.snapshot)))
    assert len(seen) == 5
    for name, quiet in (("plain", False), ("still", True)):
        made = weights.read_state(snapshots.latest_snapshot(tmp_path / name), "generator_raw")
        assert all((made[key] == 0).all() for key in made if key.endswith("noise_strength")) is quiet
    later = weights.read_state(result.snapshot, "discriminator")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shape = short.shape(data.classes)
        Generator(shape)
        first = Discriminator(shape).state_dict()
    assert torch.equal(later["b8.conv0.weight"], first["b8.conv0.weight"])
    assert not torch.equal(later["b4.conv.weight"], first["b4.conv.weight"])


def test_balanced_classes_are_shown_and_asked_for_alike_whatever_their_number(tmp_path, monkeypatch):
    """One epoch of 30, 7 and 3 pictures; without the option they come as often as they are."""
    table = drawn_table(90, 8)
    data = table.where(np.concatenate([np.flatnonzero(table.labels == i)[:n] for i, n in enumerate((30, 7, 3))]))
    shown, main = [], phases.discriminator_main
    monkeypatch.setattr(phases, "discriminator_main", lambda players, batch, chance: shown.append(batch) or main(players, batch, chance))
    short = SHORT.with_options(total_kimg=0.04, transition=None, ordinal=None)
    counts = {}
    for balanced in (False, True):
        shown.clear()
        train(short.with_options(balanced=balanced), data, tmp_path / str(balanced))
        counts[balanced] = torch.cat([batch.labels for batch in shown]).sum(dim=0).tolist()
        fakes = torch.cat([batch.fake_labels for batch in shown]).sum(dim=0)
        assert (float(fakes[0]) > 24) is not balanced
    assert counts == {False: [30, 7, 3], True: [14, 13, 13]}


def test_in_a_transition_pictures_are_judged_by_their_own_label_and_without_any(tmp_path, monkeypatch):
    """lambda weighs what is judged with the label, and says how much of it the generator is told; half-way both are .5."""
    seen, main = [], phases.discriminator_main

    def watched(players, batch, chance):
        judged = main(players, batch, chance)
        seen.append((players.weights, batch, judged))
        return judged

    monkeypatch.setattr(phases, "discriminator_main", watched)
    recipe = SHORT.with_options(**TRANSITIONAL, transition=(0.0, 0.08), ordinal=None)
    data = drawn_table(30, 8)
    train(recipe, data, tmp_path)
    assert [weights_ for weights_, _, _ in seen[:11]] == [(pytest.approx(min(step / 10, 1)), 1.0) for step in range(11)]
    assert all(((batch.labels == 0) | (batch.labels == 1)).all() for _, batch, _ in seen)
    told = seen[5][1]
    torch.testing.assert_close(told.asked, 0.5 * told.fake_labels + 0.5 / 3)
    assert torch.equal(seen[-1][1].asked, seen[-1][1].fake_labels)
    assert seen[0][2].real_logits.shape == (8,)


def stub_players(weights_):
    """Players whose discriminator is none: two straight lines of the picture's sum, one per judgement."""
    recipe = SHORT.with_options(**TRANSITIONAL, fixed_p=0.0, r1_every=16, gamma=0.5)
    shape = recipe.shape(("early", "intermediate", "late"))
    players = phases.Players(Generator(shape), Discriminator(shape), recipe, torch.zeros([]), weights=weights_)
    players.discriminator = lambda images, labels, precision: images.sum(dim=(1, 2, 3))[:, None] * torch.tensor([0.1, 0.2])
    labels = torch.eye(3)[:2]
    return players, phases.Batch(torch.zeros(2, 3, 8, 8), labels, labels)


def test_the_transitional_losses_are_those_computed_by_hand():
    """L = lambda L_conditional + L_unconditional, in both networks' losses (arXiv 2201.06578); softplus(-2) .126928, (-1) .313262,
    (0) .693147, (1) 1.313262, (2) 2.126928, (3) 3.048587, (-3) .048587."""
    players, batch = stub_players((0.25, 1.0))
    fake, real = torch.tensor([[1.0, -2.0], [0.0, 3.0]]), torch.tensor([[2.0, 1.0], [-1.0, 0.0]])
    answers = [fake, fake, real]
    players.judge = lambda images, labels, precision: answers.pop(0)
    of_generator = 0.25 * (0.313262 + 0.693147) / 2 + (2.126928 + 0.048587) / 2
    assert float(phases.generator_main(players, batch, phases.Chance.seeded(0, "cpu"))) == pytest.approx(of_generator, abs=1e-5)
    judged = phases.discriminator_main(players, batch, phases.Chance.seeded(0, "cpu"))
    of_real = 0.25 * (0.126928 + 1.313262) / 2 + (0.313262 + 0.693147) / 2
    of_fake = 0.25 * (1.313262 + 0.693147) / 2 + (0.126928 + 3.048587) / 2
    assert float(judged.loss) == pytest.approx(of_real + of_fake, abs=1e-5)
    assert judged.real_logits.tolist() == [1.5, -0.25], "what steers the augmentation"


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_each_judgement_pays_its_own_gradient_penalty(share):
    """Slopes .1 and .2 at 3 x 8 x 8 colours: squared lengths 1.92 and 7.68; gamma / 2 times the interval is 4."""
    players, batch = stub_players((share, 1.0))
    penalty = phases.discriminator_r1(players, batch, phases.Chance.seeded(0, "cpu"))
    assert float(penalty) == pytest.approx(4 * (share * 1.92 + 7.68), rel=1e-5)


def test_the_judgement_without_label_is_one_output_more_and_sees_none():
    shape = SHORT.shape(("early", "intermediate", "late"))
    plain, both = Discriminator(shape), Discriminator(replace(shape, d_unconditional=True))
    missing = both.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert missing == ["b4.unconditional.weight", "b4.unconditional.bias"]
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    one, other = (both(images, torch.eye(3)[[k] * 4]) for k in (0, 2))
    assert torch.equal(one[:, :1], plain(images, torch.eye(3)[[0] * 4]))
    assert torch.equal(one[:, 1], other[:, 1])
    assert not torch.equal(one[:, 0], other[:, 0])
    assert "d_unconditional" not in shape.to_json(), "hashes of networks without it stay what they were"
    with pytest.raises(InputError, match="needs a network with classes"):
        replace(SOURCE, d_unconditional=True)


# --- refusals


def test_ten_pictures_another_size_and_an_empty_class_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="at least 20 pictures.*found 10"):
        train(SHORT, drawn_table(10, 8), tmp_path / "out")
    with pytest.raises(InputError, match="pictures are 16 px; the recipe needs 8 px"):
        train(SHORT, drawn_table(40, 16), tmp_path / "out")
    data = drawn_table(40, 8)
    with pytest.raises(InputError, match="there are none of late"):
        train(SHORT, data.where(data.labels != 2), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_recipe_or_other_pictures_do_not_resume(tmp_path):
    first = train(SHORT.with_options(total_kimg=0.016), drawn_table(40, 8), tmp_path)
    before = hashes(first.snapshot)
    with pytest.raises(InputError, match="another gamma"):
        train(SHORT.with_options(gamma=7.0), drawn_table(40, 8), tmp_path)
    with pytest.raises(InputError, match="another pictures, seed"):
        train(SHORT, drawn_table(40, 8, seed=5), tmp_path, seed=8)
    assert hashes(first.snapshot) == before


def test_a_full_disk_in_mid_save_keeps_the_last_snapshot(tmp_path, monkeypatch):
    first = train(SHORT.with_options(total_kimg=0.08), drawn_table(40, 8), tmp_path)
    before, real = hashes(first.snapshot), snapshots.fill_network_folder

    def full(work, record, **states):
        real(work, record, **states)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshots, "fill_network_folder", full)
    with pytest.raises(InputError, match="No space left on device; the last good state is kept"):
        train(SHORT, drawn_table(40, 8), tmp_path)
    assert snapshots.latest_snapshot(tmp_path) == first.snapshot
    assert hashes(first.snapshot) == before
    assert not list((tmp_path / "snapshots").glob(".*"))


def test_a_limit_on_the_size_of_files_ends_a_training_in_one_sentence(tmp_path):
    """A real one, in a process of its own: the library that writes tensors has errors of its own."""
    manifest = drawn_manifest(tmp_path / "bank", n=60, resolution=8)
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "from generative.core.cli import main;"
        f"sys.exit(main(['train', {str(manifest)!r}, '--recipe', 'tiny', '--resolution', '8', '--kimg', '0.032', '--set', "
        f"'grid_kimg=1000', '--set', 'snapshot_kimg=0.032', '--out', {str(tmp_path / 'run')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 2, done.stderr
    assert "File too large; the last good state is kept" in done.stderr
    assert "Traceback" not in done.stderr
    assert snapshots.latest_snapshot(tmp_path / "run") is None
    assert not list((tmp_path / "run" / "snapshots").glob(".*"))


def test_leftovers_of_a_killed_save_are_cleared_and_never_taken_for_a_snapshot(tmp_path):
    torn = tmp_path / "snapshots" / ".kimg-0000000.080-x1"
    torn.mkdir(parents=True)
    (torn / "training.json").write_text("{")
    assert snapshots.latest_snapshot(tmp_path) is None
    train(SHORT.with_options(total_kimg=0.016), drawn_table(40, 8), tmp_path)
    assert not torn.exists()


def test_a_damaged_snapshot_is_named(tmp_path):
    first = train(SHORT.with_options(total_kimg=0.016), drawn_table(40, 8), tmp_path)
    with open(first.snapshot / "training.safetensors", "r+b") as handle:
        handle.seek(-1, 2)
        handle.write(b"\x01")
    with pytest.raises(InputError, match="not a complete snapshot"):
        train(SHORT, drawn_table(40, 8), tmp_path)


# --- fine-tuning


SOURCE = NetworkShape(resolution=8, z_dim=8, w_dim=8, channel_base=64, channel_max=8, mapping_layers=8)


@pytest.fixture
def source(tmp_path):
    """An unconditional network with eight mapping layers, as the face networks are."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        g, d = Generator(SOURCE), Discriminator(SOURCE)
        g.mapping.w_avg.normal_()
    folder = tmp_path / "source"
    states = {"generator": g.state_dict(), "generator_raw": g.state_dict(), "discriminator": d.state_dict()}
    weights.save_network(folder, weights.NetworkRecord(SOURCE, licence="non-commercial"), **states)
    return folder


@torch.no_grad()
def test_widen_makes_the_sources_pictures_at_step_zero(source):
    shape = finetune.target_shape(SHORT.shape(("early", "intermediate", "late")), source, "widen")
    g, ema, d = Generator(shape), Generator(shape), Discriminator(shape)
    report = finetune.start_from(g, ema, d, source, "widen")
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(2))
    wanted = weights.load_generator(source)[0](z, None)
    for label in torch.eye(3):
        torch.testing.assert_close(g(z, label.expand(4, -1)), wanted, rtol=0, atol=2e-5)
    assert {name for name in report.fresh if name.startswith("G.")} == {
        "G.mapping.embed.weight",
        "G.mapping.embed.bias",
    }
    assert {"D.b4.out.weight", "D.mapping.embed.weight"} <= set(report.fresh)
    every = {f"{n}.{k}" for n, net in (("G", g), ("G_ema", ema), ("D", d)) for k in net.state_dict()}
    assert set(report.loaded) | set(report.fresh) == every
    assert not set(report.loaded) & set(report.fresh)


def test_authors_preset_keeps_the_mapping_fresh_and_copies_the_rest(source):
    shape = finetune.target_shape(SHORT.shape(("early", "intermediate", "late")), source, "authors")
    assert shape.mapping_layers == 2
    report = finetune.start_from(Generator(shape), Generator(shape), Discriminator(shape), source, "authors")
    fresh = {name for name in report.fresh if name.startswith("G.")}
    assert all(name.startswith("G.mapping.") for name in fresh)
    assert "G.mapping.w_avg" in report.loaded
    assert "G.synthesis.b8.conv1.noise_const" in report.loaded
    assert not [name for name in report.loaded if "unconditional" in name]
    assert "D.b8.fromrgb.weight" in report.loaded


def test_widen_goes_on_with_the_judgement_of_a_source_without_classes(source):
    shape = finetune.target_shape(SHORT.with_options(**TRANSITIONAL).shape(("early", "late", "intermediate")), source, "widen")
    d = Discriminator(shape)
    report = finetune.start_from(Generator(shape), Generator(shape), d, source, "widen")
    assert {"D.b4.unconditional.weight", "D.b4.unconditional.bias"} <= set(report.loaded)
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    judged = Discriminator(SOURCE)
    judged.load_state_dict(weights.read_state(source, "discriminator"))
    assert torch.equal(d(images, torch.eye(3)[[0] * 4])[:, 1:], judged(images, None))


def test_auto_says_how_it_fine_tunes_and_a_run_from_before_goes_on_as_it_began(source, tmp_path, capsys, monkeypatch):
    from generative.core.cli import main

    command = ["train", str(drawn_manifest(tmp_path / "bank", 80, 8)), "--recipe", "auto", "--resolution", "8", "--device", "cpu",
               "--from", str(source), "--set", "kid_images=0", "--set", "batch=8", "--set", "channel_base=64"]  # fmt: skip
    assert main([*command, "--kimg", "0.008", "--out", str(tmp_path / "new")]) == 0
    assert "augmentation adapts over 100 kimg, the average has no ramp." in capsys.readouterr().out
    former = ["--set", "ada_kimg=500", "--set", "ema_rampup=0.05"]
    assert main([*command, *former, "--kimg", "0.008", "--out", str(tmp_path / "old")]) == 0
    assert main([*command, "--kimg", "0.016", "--out", str(tmp_path / "old")]) == 0, "as before there was such a rule"
    assert "over 500 kimg, the average ramps up as from scratch" in capsys.readouterr().out
    monkeypatch.setattr("generative.core.commands.training.preset", lambda name, resolution, gpus: preset(name, resolution, gpus=8))
    assert main([*command, "--kimg", "0.024", "--out", str(tmp_path / "old")]) == 0, "on other GPUs it stays what it was"
    record = weights.read_record(snapshots.latest_snapshot(tmp_path / "old"))
    assert (record.recipe["ada_kimg"], record.recipe["ema_rampup"]) == (500.0, 0.05)
    assert record.extra["start"]["ada_kimg"] == 500.0


def test_fine_tuning_carries_the_licence_and_reports(source, tmp_path):
    recipe = SHORT.with_options(total_kimg=0.016)
    result = train(recipe, drawn_table(40, 8), tmp_path / "out", start=source, start_preset="widen")
    record = weights.read_record(result.snapshot)
    assert record.licence == "non-commercial"
    assert record.extra["start"]["preset"] == "widen"
    assert result.report["loaded"]
    with pytest.raises(InputError, match="makes 8 px pictures, the recipe 16 px"):
        train(tiny(16), drawn_table(40, 16), tmp_path / "other", start=source)


# --- several processes


DDP = """
import hashlib, sys
from pathlib import Path
import torch; torch.set_num_threads(1)
from generative.core.training import loop
from tests.generative.core.test_train import SHORT
from tests.generative.core.drawn import drawn_table

class Watched(loop._Run):
    def loop(self, should_cancel):
        result = super().loop(should_cancel)
        state = b"".join(t.numpy().tobytes() for n in (self.g, self.d, self.ema) for t in n.state_dict().values())
        text = f"{hashlib.sha256(state).hexdigest()} {self.ada.p} {float(self.players.path_mean)}"
        (Path(sys.argv[1]) / f"rank{self.group.rank}").write_text(text)
        return result

loop._Run = Watched
loop.train(SHORT.with_options(total_kimg=0.048, unconditional_loss=True), drawn_table(40, 8), Path(sys.argv[1]), seed=1)
"""


def test_two_processes_train_one_network(tmp_path):
    """Under torchrun: after six steps both hold the same weights, p and path mean; one of them writes."""
    script, out = tmp_path / "run.py", tmp_path / "out"
    script.write_text(DDP)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
        str(script),
        str(out),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr  # all of it: the reason stands before torchrun's summary
    assert (out / "rank0").read_text() == (out / "rank1").read_text()
    state = weights.read_state(snapshots.latest_snapshot(out), "generator")
    assert all(np.isfinite(value.numpy()).all() for value in state.values())


@pytest.mark.parametrize("options", [{}, TRANSITIONAL], ids=["plain", "transitional"])
def test_each_compiled_graph_is_made_once_whatever_changes_from_step_to_step(tmp_path, monkeypatch, options):
    """Forty steps in which the cut of the style mixing and p move, with path lengths and R1 between; pictures as files give them
    (colours last in memory). Four graphs, none with a break: synthesis with and without gradients, the discriminator's judgement
    with gradients in the pictures and in its weights."""
    torch._dynamo.reset()
    counters.clear()
    counter, compile_ = CompileCounter(), torch.compile
    monkeypatch.setattr(torch, "compile", lambda network, **options: compile_(network, backend=counter, **options))
    data = drawn_table(40, 8)
    as_files = replace(data, images=np.ascontiguousarray(data.images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2))
    recipe = SHORT.with_options(compiled=True, channels_last=True, total_kimg=0.32, ada_kimg=0.05, snapshot_kimg=1, grid_kimg=1, **options)
    events = []
    try:
        train(recipe, as_files, tmp_path, on_event=events.append)
    finally:
        torch._dynamo.reset()
    assert len({event["ada_p"] for event in events if event["event"] == "progress"}) > 1
    assert counter.frame_count == 4
    assert not counters["graph_break"]


@pytest.mark.slow
def test_compiled_phases_train_like_eager_ones(tmp_path):
    """Both main phases, with augmentation; a minute or two of compiling with the machine's C++ compiler."""
    if not shutil.which("g++"):
        pytest.skip("compiling for a processor needs g++ (Debian package g++)")
    recipe = SHORT.with_options(total_kimg=0.04, fixed_p=0.3, transition=None)
    runs = [train(recipe.with_options(compiled=c), drawn_table(40, 8), tmp_path / str(c), seed=3) for c in (False, True)]
    for part in ("generator", "discriminator"):
        eager, compiled = (weights.read_state(run.snapshot, part) for run in runs)
        for name in eager:
            torch.testing.assert_close(compiled[name], eager[name], rtol=0, atol=2e-3, msg=lambda m, n=name: f"{n}: {m}")


def test_only_the_first_of_several_processes_says_what_was_trained(tmp_path, monkeypatch, capsys):
    from generative.core.cli import main

    command = ["train", str(drawn_manifest(tmp_path / "bank", 30, 16)), "--recipe", "tiny", "--resolution", "16"]
    command += ["--kimg", "0.016", "--set", "kid_images=0", "--device", "cpu"]
    for rank, lines in (("0", 1), ("1", 0)):
        monkeypatch.setenv("RANK", rank)
        assert main([*command, "--out", str(tmp_path / rank)]) == 0
        assert capsys.readouterr().out.count("Trained to 0.016 kimg") == lines
