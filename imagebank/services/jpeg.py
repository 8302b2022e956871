"""Take the metadata out of a JPEG without touching its pixels.

A JPEG is a row of segments, each begun by 0xFF and a marker (ITU-T T.81, annex B). Camera, place, thumbnail and
comments stand in APPn and COM segments; the picture does not need them."""

SOI, EOI, SOS, COM = 0xD8, 0xD9, 0xDA, 0xFE
APP0, APP14, APP15 = 0xE0, 0xEE, 0xEF
WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
# JFIF tells decoders that the colours are YCbCr; resolution and thumbnail are left out.
PLAIN_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


class BrokenJpeg(ValueError):
    """The bytes do not follow the structure of a JPEG to its end."""


def strip_jpeg(data: bytes) -> bytes:
    """The first picture in `data` without metadata; decodes to the same pixels.

    Kept besides the picture: a bare JFIF header where there was one, and Adobe's APP14, which names the colour space.
    Everything behind the end of the first picture is dropped. Raises BrokenJpeg when that end is missing.
    """
    if data[:2] != b"\xff\xd8":
        raise BrokenJpeg("it does not begin like a JPEG")
    kept, at = [b"\xff\xd8"], 2
    while True:
        at, marker = _next_marker(data, at)
        if marker == EOI:
            kept.append(b"\xff\xd9")
            return b"".join(kept)
        if marker in WITHOUT_LENGTH:
            kept.append(bytes((0xFF, marker)))
            continue
        end = _segment_end(data, at)
        if marker == SOS:
            end = _scan_end(data, end)
        kept.append(_kept_segment(marker, data[at:end]))
        at = end


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """Position behind the next marker, and the marker. Fill bytes (repeated 0xFF) are skipped."""
    if at >= len(data) or data[at] != 0xFF:
        raise BrokenJpeg("its end is missing" if at >= len(data) else f"byte {at} is not the marker it should be")
    while at < len(data) and data[at] == 0xFF:
        at += 1
    if at >= len(data):
        raise BrokenJpeg("its end is missing")
    return at + 1, data[at]


def _segment_end(data: bytes, at: int) -> int:
    end = at + int.from_bytes(data[at : at + 2], "big")
    if end < at + 2 or end > len(data):
        raise BrokenJpeg("a segment is longer than the file")
    return end


def _scan_end(data: bytes, at: int) -> int:
    """End of the coded pixels: the next 0xFF that is neither stuffed (0x00) nor a restart marker."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise BrokenJpeg("its end is missing")
        if data[at + 1] == 0x00 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
        else:
            return at


def _kept_segment(marker: int, body: bytes) -> bytes:
    if marker == APP0 and body[2:7] == b"JFIF\x00":
        return PLAIN_JFIF
    is_metadata = marker == COM or APP0 <= marker <= APP15
    if is_metadata and not (marker == APP14 and body[2:7] == b"Adobe"):
        return b""
    return bytes((0xFF, marker)) + body
