"""Where a simulated reader marks a picture: roughly around its largest lesion, when the reader saw it."""

from imagebank.models import ItemImage
from surveys.questions import Question

WOBBLE = 0.12  # of a box's sides, standard deviation
ELSEWHERE = 0.3  # of the picture's sides: the box of a reader who did not see the lesion, or whose picture has no mask


def largest_lesion(image: ItemImage) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of the mask's largest connected part, in shares of the picture; None without a mask."""
    if not image.mask:
        return None
    import numpy
    from PIL import Image
    from scipy import ndimage

    with image.mask.open() as file, Image.open(file) as opened:
        parts, count = ndimage.label(numpy.asarray(opened.convert("L")) > 127)
    if not count:
        return None
    sizes = numpy.bincount(parts.ravel())[1:]
    rows, columns = ndimage.find_objects(parts)[int(sizes.argmax())]
    height, width = parts.shape
    return columns.start / width, rows.start / height, columns.stop / width, rows.stop / height


def marks(question: Question, lesion: tuple | None, *, saw: bool, draw) -> list[dict]:
    """One box: around the lesion for a reader who saw it, anywhere for one who did not; that nothing is there is said
    now and then where the question lets one."""
    if not saw and not question.required and draw.random() < 0.5:
        return []
    if saw and lesion:
        left, top, right, bottom = lesion
        sides = (right - left, bottom - top) * 2
        edges = [edge + draw.normal(0, WOBBLE) * side for edge, side in zip(lesion, sides)]
    else:
        left, top = draw.uniform(0, 1 - ELSEWHERE, 2)
        edges = [left, top, left + ELSEWHERE, top + ELSEWHERE]
    left, top, right, bottom = (round(float(min(1, max(0, edge))), 4) for edge in edges)
    if min(right - left, bottom - top) < 0.02:
        return [{"x": round((left + right) / 2, 4), "y": round((top + bottom) / 2, 4)}]
    return [{"x": left, "y": top, "w": round(right - left, 4), "h": round(bottom - top, 4)}]
