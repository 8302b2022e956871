"""Balanced assembly of surveys and the certificate that proves it. Plain Python and NumPy; no Django.

    items = read_items("items.csv")                       # item code -> class
    design = assemble(items, per_class=4, sets=6, seed=7)
    write_design(design, "design.json")
    verify(read_design("design.json"), items).promises_hold

On the command line: `python -m surveys.core assemble ...` and `python -m surveys.core verify ...`.
"""

from .allocate import allocate
from .allocation import Allocation, Shown, Sitting, certify_allocation
from .assemble import assemble
from .certificate import Certificate, Property
from .counterbalance import counterbalance
from .design import Again, Anchors, Block, Design, Entry, Survey
from .files import read_design, write_design
from .items_file import parse_items, read_anchors, read_items
from .rating_design import RatingPart, certify_turns, draw_rating_design, verify_rating_design
from .shape import DesignError, NearestPossible, Shape, nearest_possible, shape_of
from .verify import verify

__all__ = [
    "Again",
    "Allocation",
    "Anchors",
    "Block",
    "Certificate",
    "Design",
    "DesignError",
    "Entry",
    "NearestPossible",
    "Property",
    "RatingPart",
    "Shape",
    "Shown",
    "Sitting",
    "Survey",
    "allocate",
    "assemble",
    "certify_allocation",
    "certify_turns",
    "counterbalance",
    "draw_rating_design",
    "nearest_possible",
    "parse_items",
    "read_anchors",
    "read_design",
    "read_items",
    "shape_of",
    "verify",
    "verify_rating_design",
    "write_design",
]
