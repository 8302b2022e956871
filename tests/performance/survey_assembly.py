"""How much better, and how much faster: balanced assembly beside two simpler ways of drawing surveys.

Run `python -m tests.performance.survey_assembly`. The first way shuffles every class and deals it out; the second is a
plain hill climb that exchanges two items of a class between two surveys and recounts what changed, given the same
processor time. It comes nearer to the bound over all pairs, because it gives up the pairs within classes, which are the
ones most easily mistaken for each other. The numbers are means over seeds; compare the ratios, not the seconds.
"""

import time
from collections import Counter
from itertools import combinations

from surveys.core import assemble
from surveys.core.draw import Draw

CLASSES, ITEMS, PER_CLASS, SETS = 7, 20, 4, 6
SURVEYS = ITEMS // PER_CLASS
SEEDS = range(5)

Codes = list[list[int]]  # [set][item]: survey of the item within the set


def deal(seed: int) -> Codes:
    """Every class shuffled and dealt out, once per set."""
    draw = Draw(seed, "dealt")
    codes = []
    for _ in range(SETS):
        line: list[int] = []
        for _ in range(CLASSES):
            line += draw.shuffled(number // PER_CLASS for number in range(ITEMS))
        codes.append(line)
    return codes


def climb(codes: Codes, seed: int, seconds: float) -> Codes:
    """Exchange two items of one class in one set whenever that does not add repeats, until the time is over."""
    draw = Draw(seed, "climb")
    items = CLASSES * ITEMS
    met = [[sum(line[a] == line[b] for line in codes) for b in range(items)] for a in range(items)]
    end = time.process_time() + seconds
    while time.process_time() < end:
        line = codes[draw.below(SETS)]
        first, number = draw.below(items), draw.below(ITEMS)
        second = first // ITEMS * ITEMS + number
        x, y = line[first], line[second]
        if x == y:
            continue
        mates_x = [item for item in range(items) if line[item] == x and item != first]
        mates_y = [item for item in range(items) if line[item] == y and item != second]
        change = sum(met[second][m] - met[first][m] + 1 for m in mates_x)
        change += sum(met[first][m] - met[second][m] + 1 for m in mates_y)
        if change > 0:
            continue
        for lost, won, mates in ((first, second, mates_x), (second, first, mates_y)):
            for m in mates:
                met[lost][m] -= 1
                met[m][lost] -= 1
                met[won][m] += 1
                met[m][won] += 1
        line[first], line[second] = y, x
    return codes


def repeats(codes: Codes) -> tuple[int, int, int]:
    """Repeats within classes, repeats over all pairs, most meetings of a pair."""
    met: Counter[tuple[int, int]] = Counter()
    for line in codes:
        for survey in range(SURVEYS):
            members = [item for item, place in enumerate(line) if place == survey]
            met.update(combinations(members, 2))
    within = sum(m * (m - 1) // 2 for (a, b), m in met.items() if a // ITEMS == b // ITEMS)
    return within, sum(m * (m - 1) // 2 for m in met.values()), max(met.values())


def assembled(seed: int) -> tuple[Codes, float]:
    """The assembled surveys (one view) as codes, and the processor time they took."""
    names = [f"{c}-{i:02d}" for c in range(CLASSES) for i in range(ITEMS)]
    started = time.process_time()
    items = {name: name[0] for name in names}
    design = assemble(items, per_class=PER_CLASS, sets=SETS, seed=seed, views=("focused",))
    seconds = time.process_time() - started
    place = {(s.set, item): (s.survey - 1) % SURVEYS for s in design.surveys for item in s.items()}
    return [[place[t + 1, name] for name in names] for t in range(SETS)], seconds


def main() -> None:
    """Print the table."""
    rows: dict[str, list[tuple[int, int, int, float]]] = {"dealt at random": [], "hill climb": [], "assembled": []}
    for seed in SEEDS:
        codes, seconds = assembled(seed)
        rows["assembled"].append((*repeats(codes), seconds))
        started = time.process_time()
        dealt = deal(seed)
        rows["dealt at random"].append((*repeats(dealt), time.process_time() - started))
        rows["hill climb"].append((*repeats(climb(dealt, seed, seconds)), seconds))
    means = {name: [sum(column) / len(values) for column in zip(*values)] for name, values in rows.items()}
    best = means["assembled"]
    print(
        f"{'':<18}{'within classes':>18}{'all pairs':>12}{'most often':>12}{'time':>10}   (mean of {len(SEEDS)} seeds)"
    )
    for name, (within, every, most, seconds) in means.items():
        print(f"{name:<18}{within:>18.1f}{every:>12.1f}{most:>12.1f}{seconds:>9.2f}s")
    for name in ("dealt at random", "hill climb"):
        within, every, *_ = means[name]
        print(
            f"{name}: {within / best[0]:.2f} times the repeats within classes, {every / best[1]:.3f} times over all pairs"
        )
    print("Arithmetic permits no fewer than 4,875 repeats over all pairs, and a pair that meets 3 times.")


if __name__ == "__main__":
    main()
