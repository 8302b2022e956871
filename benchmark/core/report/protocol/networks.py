"""The chapter about the networks: what takes part, how it is frozen, and what it has seen before."""

from __future__ import annotations

from .document import Paragraph, Part, Points, Subtitle, Table, blank
from .facts import Given


def networks(given: Given) -> list[Part]:
    """Every network that the plan names or the site holds; nothing where a study has none."""
    shown, assistance = given["networks"], given["assistance"]
    if not shown and not assistance and given["surveys"]["control"] is None:
        return [Paragraph("No network takes part.")] if given.is_rating else [Paragraph(blank("which network takes part, in which version"))]
    parts: list[Part] = []
    for network in shown:
        parts.append(Subtitle(network["name"]))
        if not network["views"]:
            parts.append(Paragraph(network["absent"]))
            parts.append(Paragraph(blank(f"version, training data and hash of {network['name']}, before the first reader")))
            continue
        parts.append(Table("", ["View", "What it is", "Members and rule", "Frozen as"], [_view(given, row) for row in network["views"]]))
        exposure = [f"{given.view(row['view'])}: {row['exposure']}" for row in network["views"]]
        parts.append(Points([*exposure, *network["notes"]]))
    parts.append(Points([
        "A network answers every image once, from the same pictures that were imported; an answer outside the study's classes, or none, counts as"
        " no answer. A picture that cannot be decoded is refused when it is imported, so that there is no faulty input.",
    ]))
    parts += _seen(given)
    parts.append(Subtitle("What only its makers know"))
    parts.append(Points([
        given.told("network.description", "architecture and version of the network in words, and who made it"),
        given.told("network.training_data", "on which pictures it was trained, where they come from, and how they differ from the study's"),
        given.told("network.external_testing", "earlier evidence of how well it works, published or not"),
        given.told("network.availability", "where network and code can be had, and under which conditions"),
    ]))  # fmt: skip
    return parts


def _view(given: Given, row: dict) -> list[str]:
    return [given.view(row["view"]), row["what"], row["rule"], row["frozen"]]


def _seen(given: Given) -> list[Part]:
    """What readers see of a network, where they do."""
    assistance, control = given["assistance"], given["surveys"]["control"]
    if control is None:
        return []
    title = Subtitle("The output that readers see")
    if assistance is None:
        return [title, Paragraph("It is not frozen yet, and nobody can begin before it is."
            f" {blank('freeze the output, then write this protocol again')}")]
    lines = [
        f"Readers see {_listed(assistance['shows'])} of {assistance['network']}, copied for every image and frozen on"
        f" {assistance['frozen_on']}; SHA-256 {assistance['sha256']}.",
        "Everybody sees the same, whatever becomes of the network. From the first answer on it cannot be exchanged.",
        "The server hands the output of an image out only after the reader's own answer to it is saved; that answer is then closed.",
        f"It abstains from {assistance['abstains']} of {assistance['images']} images; readers are told so there.",
    ]
    return [title, Points(lines)]


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
