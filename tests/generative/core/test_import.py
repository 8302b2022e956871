"""Published files are read; hostile ones are refused by name and can do nothing."""

import io
import json
import pickle
import pickletools
import re
import struct
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest
import torch

from generative.core.errors import InputError
from generative.core.importers import formats, machine, storage
from generative.core.importers.load import import_network
from generative.core.importers.machine import Machine, Refused
from generative.core.networks.shape import NetworkShape
from generative.core.networks.weights import read_record, read_state


def interpret(raw):
    return Machine(formats.ALLOWED).run(io.BytesIO(raw))


# --- what is read


def test_record_carries_names_order_licence_and_source_hash(pytorch_folder, reference):
    record = read_record(pytorch_folder)
    text = json.loads((pytorch_folder / "network.json").read_text())
    assert record.shape.classes == ("late", "early", "intermediate")
    assert record.licence == "test"
    assert (
        text["source"]["sha256"] == __import__("hashlib").sha256((reference / "nv_r32_c3.pkl").read_bytes()).hexdigest()
    )
    assert set(record.hashes) == {"generator", "generator_raw", "discriminator"}


def test_averaged_embedding_is_kept_as_a_constraint(tensorflow_folder):
    tie = read_record(tensorflow_folder).shape.constraint
    assert tie.matrix == ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5))
    assert read_state(tensorflow_folder, "generator")["mapping.embed.weight"].shape == (32, 2)


def _fake_modules(monkeypatch):
    """Modules of the published names that do nothing, so that Python's pickler can rewrite the files."""

    class EasyDict(dict):
        pass

    class Network:
        pass

    class Part:
        def __reduce__(self):
            return persistence._reconstruct_persistent_obj, (self.meta,)

    def rebuild(meta):
        part = Part()
        part.meta = dict(meta, module_src="raise SystemExit")
        return part

    dnnlib, util, tflib, network, torch_utils, persistence = (
        types.ModuleType(n) for n in ("dnnlib", "dnnlib.util", "dnnlib.tflib", "dnnlib.tflib.network", "torch_utils",
                                      "torch_utils.persistence")
    )  # fmt: skip
    EasyDict.__module__, EasyDict.__qualname__ = "dnnlib.util", "EasyDict"
    Network.__module__, Network.__qualname__ = "dnnlib.tflib.network", "Network"
    rebuild.__module__, rebuild.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
    rebuild.__name__ = "_reconstruct_persistent_obj"
    util.EasyDict, network.Network, persistence._reconstruct_persistent_obj = EasyDict, Network, rebuild
    for module in (dnnlib, util, tflib, network, torch_utils, persistence):
        monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["nv_r32_c3.pkl", "tf_morphnf1_r32_avg.pkl"])
def test_every_protocol_gives_identical_tensors(monkeypatch, reference, name, protocol):
    """Our own reference file, rewritten by Python's pickler in each protocol."""
    raw = (reference / name).read_bytes()
    _fake_modules(monkeypatch)
    rewritten = pickle.dumps(pickle.loads(raw), protocol=protocol)
    assert pickletools.genops(rewritten).__next__()[1] == protocol
    before, after = formats.interpret(raw), formats.interpret(rewritten)
    assert before.facts == after.facts
    for part, state in before.parts.items():
        assert state.keys() == after.parts[part].keys()
        assert all(np.array_equal(value, after.parts[part][key]) for key, value in state.items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.int64, torch.bool, torch.bfloat16])
def test_storages_of_every_kind_are_read_as_torch_writes_them(dtype):
    tensor = (torch.arange(12) % 5).to(dtype).reshape(3, 4)
    raw = io.BytesIO()
    torch.save(tensor.untyped_storage() and tensor.storage(), raw, _use_new_zipfile_serialization=False)
    read = storage.read_storage(raw.getvalue())
    view = storage.rebuild_tensor(read, 0, (4, 3), (1, 4), False, {})
    assert np.array_equal(view.value.astype(np.float64), tensor.t().double().numpy())


def test_wrong_number_of_names_and_missing_file_are_one_sentence(tmp_path, reference):
    with pytest.raises(InputError, match="has 3 classes; 2 names"):
        import_network(reference / "nv_r32_c3.pkl", tmp_path / "w", classes=("a", "b"))
    with pytest.raises(InputError, match="cannot be read"):
        import_network(tmp_path / "absent.pkl", tmp_path / "w")
    assert not (tmp_path / "w").exists()


# --- what is refused. The payloads are made here and would only raise or write a marker file.


def glob(module, name):
    return b"c" + f"{module}\n{name}\n".encode()


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def persistent(meta):
    """A call of the allowed constructor with the pickled `meta`."""
    return glob("torch_utils.persistence", "_reconstruct_persistent_obj") + meta + b"\x85R"


def tensor(size, stride, offset=0, numbers=4):
    raw = io.BytesIO()
    torch.save(torch.zeros(numbers).storage(), raw, _use_new_zipfile_serialization=False)
    body = raw.getvalue()
    load = glob("torch.storage", "_load_from_bytes") + b"B" + struct.pack("<I", len(body)) + body + b"\x85R"
    parts = b"".join(pickle.dumps(p, protocol=2)[2:-1] for p in (offset, size, stride))
    return glob("torch._utils", "_rebuild_tensor_v2") + b"(" + load + parts + b"\x89}tR"


def loaded(stream):
    return glob("torch.storage", "_load_from_bytes") + b"B" + struct.pack("<I", len(stream)) + stream + b"\x85R"


def stored(count):
    """A storage whose header announces `count` numbers, and none follow."""
    head = b"".join(pickle.dumps(part, 2) for part in (storage.MAGIC, storage.STREAM_VERSION, {"little_endian": True}))
    words = text("storage") + glob("torch", "FloatStorage") + text("0") + text("cpu")
    number = b"\x8a\x08" + count.to_bytes(8, "little")
    return loaded(head + P2 + b"(" + words + number + b"NtQ" + END + pickle.dumps(["0"], 2) + struct.pack("<q", count))


class Marker:
    """Python's unpickler would write the file; ours must not."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


END = b"."
P2 = b"\x80\x02"
HASHES_TO_0 = b"\x8a\x08" + ((1 << 61) - 1).to_bytes(8, "little")  # as does every multiple of it
DOUBLING = P2 + b"]" + b"q\x00" + b"".join(b"]" + b"(h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1])
                                           for i in range(60)) + END  # fmt: skip

HOSTILE = {
    "a call of os.system": (P2 + glob("posix", "system") + text("true") + b"\x85R" + END, "posix.system"),
    "eval": (P2 + glob("builtins", "eval") + text("1") + b"\x85R" + END, "builtins.eval"),
    "getattr under the old name": (P2 + glob("__builtin__", "getattr") + END, "builtins.getattr"),
    "a dotted way out of an allowed module": (
        b"\x80\x04" + text("collections") + text("OrderedDict.__init__") + b"\x93" + END, "OrderedDict.__init__"),
    "an allowed module's other name": (P2 + glob("numpy", "load") + END, "numpy.load"),
    "torch.load": (P2 + glob("torch", "load") + END, "torch.load"),
    "an attribute write on an allowed name": (
        P2 + glob("collections", "OrderedDict") + b"}" + text("pop") + b"Nsb" + END, "attribute write"),
    "an attribute write on a dictionary": (
        P2 + glob("dnnlib.util", "EasyDict") + b")\x81}" + text("__class__") + b"Nsb" + END, "attribute write"),
    "an attribute write on a rebuilt tensor": (P2 + tensor((2,), (1,)) + b"}b" + END, "attribute write"),
    "a second state for a network": (
        P2 + glob("dnnlib.tflib.network", "Network") + b")\x81}b}b" + END, "attribute write"),
    "a persistent id outside a storage": (P2 + text("x") + b"Q" + END, "persistent id"),
    "an old-style instance": (b"(iposix\nsystem\n.", "operation INST"),
    "an old-style object": (b"(" + glob("collections", "OrderedDict") + b"o.", "operation OBJ"),
    "an extension code": (P2 + b"\x82\x01" + END, "operation EXT1"),
    "an out-of-band buffer": (b"\x80\x05\x97" + END, "operation NEXT_BUFFER"),
    "a call with keywords": (b"\x80\x04" + glob("collections", "OrderedDict") + b")}\x92" + END, "NEWOBJ_EX"),
    "a call of something that is not a name": (P2 + text("x") + b")R" + END, "a call of"),
    "a tensor past its storage": (P2 + tensor((5,), (1,)) + END, "outside its 4 numbers"),
    "a tensor behind its storage": (P2 + tensor((2,), (1,), offset=3) + END, "outside its 4 numbers"),
    "a negative stride": (P2 + tensor((2,), (-1,), offset=2) + END, "impossible stride"),
    "a giant made of one number": (P2 + tensor((1 << 20, 1 << 20), (0, 0)) + END, "outside its 4 numbers"),
    "a giant shape": (P2 + tensor((1 << 50,), (0,)) + END, "impossible size"),
    "an array larger than its bytes": (
        P2 + glob("numpy.core.multiarray", "_reconstruct") + glob("numpy", "ndarray") + b"K\x00\x85U\x01b\x87R"
        + b"(K\x01J\xff\xff\xff\x7f\x85" + glob("numpy", "dtype") + text("f4") + b"\x85R\x89U\x04abcdtb" + END,
        "array of objects|instead of"),
    "an array of objects": (P2 + glob("numpy", "dtype") + text("O8") + b"\x85R" + END, "dtype 'O8'"),
    "a storage of another format": (
        P2 + glob("torch.storage", "_load_from_bytes") + b"B\x05\x00\x00\x00PK\x03\x04.\x85R" + END, "damaged pickle"),
    "a string that announces 4 EiB": (b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"x" + END, "damaged pickle"),
    "a key that hashes for ever": (P2 + b"}" + b")" + b"\x85" * 30 + b"Ns" + END, "dictionary key"),
    "an integer of a million digits": (P2 + b"\x8b" + struct.pack("<i", 400_000) + b"\x01" * 400_000 + END, "bits"),
    "a missing end": (P2 + b"N", "damaged pickle"),
    "an empty stack": (P2 + END, "damaged pickle"),
    "another version of the record": (
        P2 + persistent(b"}(" + text("type") + text("class") + text("version") + b"K\x07u") + END, "version 6"),
    "a future protocol": (b"\x80\x09N.", "protocol 9"),
    "a text that announces an exbibyte": (b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b"x" + END, "damaged pickle"),
    "names from the stack that are no text": (b"\x80\x04K\x01K\x02\x93" + END, "name 1.2"),
    "a way round through another codec": (
        P2 + glob("_codecs", "encode") + text("a") + text("bz2") + b"\x86R" + END, "encoding 'bz2'"),
    "an array of another class": (
        P2 + glob("numpy.core.multiarray", "_reconstruct") + glob("builtins", "set") + b"K\x00\x85U\x01b\x87R" + END,
        "array made from the name builtins.set"),
    "a storage that announces 2 TiB": (P2 + stored(count=1 << 39) + END, "announces 549755813888 numbers"),
    "a storage within a storage": (P2 + loaded(P2 + stored(count=1) + END) + END, "_load_from_bytes"),
    "tuples within each other as a key": (P2 + b"}K\x01" + b"\x85" * 100_000 + b"Ns" + END, "dictionary key"),
    "a hundred thousand marks": (P2 + b"(" * 100_000 + END, "misplaced mark"),
    "a number as a key that hashes to nought": (P2 + b"}" + HASHES_TO_0 + b"Ns" + END, "2305843009213693951 as a dictionary key"),
    "a fraction as a member of a set": (b"\x80\x04\x8f(G" + struct.pack(">d", 2.0**61) + b"\x90" + END, "as a dictionary key"),
    "a memo number that hashes to nought": (P2 + b"Np2305843009213693951\n" + END, "memo number of 61 bits"),
    "a list made a mapping again and again": (
        P2 + glob("collections", "OrderedDict") + b"q\x00](" + b"K\x01N\x86" * 20_000 + b"e\x85q\x01" + b"h\x00h\x01R0" * 1000 + END,
        "again and again, the last of collections.OrderedDict"),
    "a text encoded again and again": (
        P2 + text("a" * 1_000_000) + b"q\x010" + glob("_codecs", "encode") + b"q\x020" + (b"h\x02h\x01" + text("latin1") + b"\x86R0") * 9 + END,
        "again and again, the last of _codecs.encode"),
    "very many calls of little": (
        P2 + glob("collections", "OrderedDict") + b"q\x00)q\x01" + b"h\x00h\x01R0" * 50_001 + END, "again and again, the last of collections"),
    "orders to a terminal in a name": (P2 + b"c\x1b[2J\x1b[31m\nx\n" + END, re.escape(r"the name \x1b[2J\x1b[31m.x")),
    "half a letter in a name": (b"\x80\x04X\x03\0\0\0\xed\xa0\x80" + text("x") + b"\x93" + END, re.escape(r"the name \ud800.x")),
}  # fmt: skip


def module(**state):
    """A module of the published format, from pickled parts."""
    meta = ((("type"), text("class")), ("version", b"K\x06"), ("class_name", text("G")), ("state", entries(state)))
    return text("torch_utils.persistence") + text("_reconstruct_persistent_obj") + b"\x93" + entries(dict(meta)) + b"\x85R"


def entries(named):
    return b"}(" + b"".join(text(name) + value for name, value in named.items()) + b"u"


def named(count, what):
    return entries({f"n{i}": what for i in range(count)})


def networks(first, rest=b"h\x09"):
    return b"\x80\x04" + entries({"G_ema": first, "G": rest, "D": rest}) + END


def tree(levels, width):
    """Modules without a tensor, each holding the one before so many times."""
    made = module() + b"q\x010"
    for level in range(1, levels):
        made += module(_modules=named(width, b"h" + bytes([level]))) + b"q" + bytes([level + 1]) + b"0"
    return b"\x80\x04" + made + networks(b"h" + bytes([levels]), b"h" + bytes([levels]))[2:]


def variables(count):
    return glob("dnnlib.tflib.network", "Network") + b")\x81" + entries({"variables": b"](" + (text("lod") + b"K\x00\x86") * count + b"e"}) + b"b"


WHOLE = {
    "a module that is its own part": (
        b"\x80\x04}(" + text("G_ema") + text("torch_utils.persistence") + text("_reconstruct_persistent_obj") + b"\x93}("
        + b"".join(text(key) + value for key, value in (
            ("type", text("class")), ("version", b"K\x06"), ("class_name", text("G")), ("state", b"}q\x05")))
        + text("_modules") + b"}q\x06su\x85Rq\x070h\x06" + text("a") + b"h\x07s0h\x07u" + END, "deeper or larger"),
    "a tree of very many modules and no tensor": (tree(levels=7, width=100), "deeper or larger"),
    "a module of very many parts that are none": (networks(module(_modules=named(9999, b"N")) + b"q\x09"), "9999 entries as _modules"),
    "paths of one name": (networks(module(_modules=entries({"a.b": b"N"})) + b"q\x09"), "the name 'a.b' in _modules"),
    "a name of a megabyte": (networks(module(_parameters=entries({"a" * 1_000_000: b"N"})) + b"q\x09"), "the name 'aaa"),
    "very many variables of one name": (P2 + variables(9999) + b"q\x01h\x01h\x01\x87" + END, "more variables or parts"),
    "a ZIP archive": (b"PK\x03\x04" + b"0" * 99, "ZIP archive"),
    "a web page saved instead of the file": (b"\n<!DOCTYPE html><html>", "web page"),
    "a pointer of git lfs": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE, ids=str)
def test_file_that_is_no_network_is_refused_by_what_it_is(case):
    raw, found = WHOLE[case]
    with pytest.raises(Refused, match=found):
        formats.interpret(raw)


@pytest.mark.parametrize("case", HOSTILE, ids=str)
def test_hostile_pickle_is_refused_by_the_name_of_what_was_found(case):
    raw, found = HOSTILE[case]
    with pytest.raises(Refused, match=found):
        interpret(raw)


def test_copies_that_a_small_file_asks_for_stop_at_half_a_gibibyte(tmp_path):
    """Ninety tensors over one storage of four million bytes would be 1.4 GB of numbers: the child's limit ends it."""
    raw = io.BytesIO()
    torch.save(torch.zeros(4_000_000, dtype=torch.uint8).storage(), raw, _use_new_zipfile_serialization=False)
    size = b"J" + struct.pack("<i", 4_000_000) + b"\x85"
    view = glob("torch._utils", "_rebuild_tensor_v2") + b"(" + loaded(raw.getvalue()) + b"K\0" + size + b"K\x01\x85\x89}tRq\x01"
    path = tmp_path / "copies.pkl"
    path.write_bytes(b"\x80\x04" + view + b"0" + networks(module(_parameters=named(90, b"h\x01")) + b"q\x09")[2:])
    with pytest.raises(InputError, match="spends MemoryError"):
        import_network(path, tmp_path / "weights")


def test_doubling_references_spend_neither_time_nor_memory():
    nested = interpret(DOUBLING)
    assert len(nested) == 2
    with pytest.raises(Refused, match="a list where a file of networks"):
        formats.interpret(DOUBLING)


def test_module_trees_that_multiply_are_refused():
    """Each module holds its predecessor twice: 2^60 tensors if it were walked."""
    leaf = machine.Module("x", {"_parameters": {"w": machine.Tensor(np.zeros(1, np.float32))}})
    for _ in range(60):
        leaf = machine.Module("x", {"_modules": {"a": leaf, "b": leaf}})
    with pytest.raises(Refused, match="deeper or larger"):
        formats.pytorch_draft({"G": leaf, "D": leaf, "G_ema": leaf})


def test_files_refused_in_the_child_process_leave_nothing(tmp_path):
    """A marker file would show that something ran, `out` that something was kept."""
    marker, out = tmp_path / "ran", tmp_path / "weights"
    whole = {"G": 1, "D": 2, "G_ema": Marker(marker)}
    for name, content in (("marker", pickle.dumps(whole)), ("plain", pickle.dumps({"G": 1})), ("noise", b"\xff" * 999)):
        path = tmp_path / f"{name}.pkl"
        path.write_bytes(content)
        with pytest.raises(
            InputError, match=r"was refused: it holds (the name (io|_io)\.open|a dict|a damaged pickle)"
        ):
            import_network(path, out)
    assert not marker.exists()
    assert not out.exists()


def test_another_layout_of_the_same_format_is_refused_with_the_tensors_named(tmp_path, monkeypatch, reference):
    _fake_modules(monkeypatch)
    content = pickle.loads((reference / "nv_r32_c3.pkl").read_bytes())
    layers = content["G_ema"].meta["state"]["_modules"]["mapping"].meta["state"]["_modules"]
    layers["fc1"].meta["state"]["_parameters"] = OrderedDict(weight=torch.nn.Parameter(torch.zeros(3, 3)))
    path = tmp_path / "odd.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=r"generator: mapping.fc1.bias is missing.*fc1.weight has shape \(3, 3\)"):
        import_network(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("state", "found"),
    [({"num_channels": 10**40}, "mbstd_channels of a network must be a whole number, 0 to 64; found a number of 133 bits"),
     ({"num_channels": [1]}, "found a list"), ({"group_size": 0}, "mbstd_group of a network .* found 0"), ({"group_size": 2.5}, "found 2.5"),
     ({"num_channels": {1, 2}}, "no such network has, and that ends in TypeError")],
    ids=str,
)  # fmt: skip
def test_facts_that_no_network_can_have_are_refused_before_one_is_built(monkeypatch, tmp_path, reference, state, found):
    _fake_modules(monkeypatch)
    content = pickle.loads((reference / "nv_r32_c3.pkl").read_bytes())
    content["D"].meta["state"]["_modules"]["b4"].meta["state"]["_modules"]["mbstd"].meta["state"].update(state)
    path = tmp_path / "odd.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=f"odd.pkl was refused: .*{found}"):
        import_network(path, tmp_path / "out")


@pytest.mark.parametrize(("name", "value"), [
    ("resolution", 1 << 40), ("resolution", 48), ("z_dim", 0), ("w_dim", "64"), ("channel_base", 2), ("channel_max", float("nan")),
    ("mapping_layers", 1 << 40),
    ("clamp", -1), ("mapping_lr", float("inf")), ("mbstd_group", True), ("colours", 2), ("classes", 3), ("classes", ["a", 1]),
    ("classes", ["a", "a"]), ("constraint", 0), ("constraint", [1]), ("constraint", {"matrix": [["x"]], "generator": True, "discriminator": True}),
    ("constraint", {"matrix": [[float("nan")]] * 2, "generator": True, "discriminator": True}),
], ids=str)  # fmt: skip
def test_a_description_that_no_network_can_have_is_one_sentence(name, value):
    good = NetworkShape(32, ("a", "b")).to_json()
    assert NetworkShape.from_json(good) == NetworkShape(32, ("a", "b"))
    with pytest.raises(InputError):
        NetworkShape.from_json({**good, name: value})


def test_the_child_has_bounded_memory_and_files():
    import subprocess

    code = (
        "from generative.core.importers.worker import limit_resources; import resource as r; limit_resources(1000);"
        "print(r.getrlimit(r.RLIMIT_AS)[1], r.getrlimit(r.RLIMIT_FSIZE)[1], r.getrlimit(r.RLIMIT_CPU)[1])\n"
        "try: bytearray(8 << 30)\nexcept MemoryError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str((512 << 20) + 8000), str((64 << 20) + 4000), "60", "refused"]


def test_a_tampered_weights_folder_is_refused(pytorch_folder, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(pytorch_folder, copy)
    with open(copy / "generator.safetensors", "r+b") as handle:
        handle.seek(-1, 2)
        handle.write(b"\x7f")
    with pytest.raises(InputError, match="differs from the hash"):
        read_state(copy, "generator")
