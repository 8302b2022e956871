"""Words of a study and archives of small pictures, for tests of what is read from them."""

import io
import zipfile

from imagebank.services.drafting.reading import Words
from imagebank.services.sources import FolderSource

from .factories import jpeg_bytes

SKIN = Words(
    (("NF1", "Neurofibromatosis type 1"), ("TSC", "Tuberous sclerosis complex")),
    (("focused", "focused"), ("panoramic", "panoramic")),
)
ONE_VIEW = Words(SKIN.classes, (("photo", "clinical"),))


def fill(folder, files):
    """Write files: bytes as they are, text as text, None as a small picture of its own."""
    for number, (name, content) in enumerate(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(jpeg_bytes(seed=number) if data is None else data)
    return FolderSource(folder)


def zipped(files) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for number, (name, content) in enumerate(files.items()):
            archive.writestr(name, jpeg_bytes(seed=number) if content is None else content)
    return held.getvalue()
