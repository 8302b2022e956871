"""The paper's changes to one picture as an engineer would write them with OpenCV: bytes, tables, one warp each.

Yardstick of classifier_speed.py; OpenCV is no requirement of ours.
"""

import cv2
import numpy as np

cv2.setNumThreads(1)
STEPS = np.arange(256, dtype=np.float32)


def table(values) -> np.ndarray:
    return np.clip(values, 0, 255).astype(np.uint8)


def blur_or_noise(image, r):
    which = r.integers(4)
    if which == 0:
        level = np.outer(np.arange(5) == 2, np.ones(5))
        line = (level, level.T, np.eye(5), np.eye(5)[::-1])[r.integers(4)]
        return cv2.filter2D(image, -1, (line / 5).astype(np.float32))
    if which == 1:
        return cv2.medianBlur(image, 3)
    if which == 2:
        return cv2.GaussianBlur(image, (5, 5), r.uniform(0.5, 1.5))
    noise = np.empty(image.shape, np.float32)
    cv2.randn(noise, 0, float(np.sqrt(r.uniform(5, 30))))
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def distort(image, r, side):
    which = r.integers(3)
    x, y = np.meshgrid(*(np.arange(side, dtype=np.float32),) * 2)
    if which == 0:
        lens = np.array([[side, 0, side / 2], [0, side, side / 2], [0, 0, 1]], np.float32)
        bend = np.array([r.uniform(-1, 1)] * 2 + [0, 0, 0], np.float32)
        x, y = cv2.initUndistortRectifyMap(lens, bend, None, lens, (side, side), cv2.CV_32FC1)
    elif which == 1:
        widths = r.uniform(0, 2, (2, 5)) + 1e-3
        knots = np.pad(np.cumsum(widths, 1) / widths.sum(1, keepdims=True), ((0, 0), (1, 0))) * side
        along = [np.interp(np.arange(side), np.linspace(0, side, 6), k).astype(np.float32) for k in knots]
        x, y = np.meshgrid(*along)
    else:
        wave = [(0.006 * side * np.sin(np.linspace(-5, 5, side) + r.uniform(0, 6.28))).astype(np.float32) for _ in "xy"]
        x, y = x + wave[0][:, None], y + wave[1]
    return cv2.remap(image, x, y, cv2.INTER_LINEAR)


def light_and_colour(image, r):
    if r.random() < 0.7:
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        lab[..., 0] = cv2.createCLAHE(4.0, (8, 8)).apply(lab[..., 0])
        image = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    if r.random() < 0.5:
        planes = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
        tables = [((STEPS + r.uniform(-10, 10)) % 180).astype(np.uint8),
                  table(STEPS + r.uniform(-20, 20)), table(STEPS + r.uniform(-10, 10))]  # fmt: skip
        image = cv2.cvtColor(cv2.merge([cv2.LUT(p, t) for p, t in zip(planes, tables)]), cv2.COLOR_HSV2RGB)
    return image


def chain(path: str, side: int, r) -> np.ndarray:
    image = cv2.resize(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB), (side, side))
    image = cv2.transpose(image) if r.random() < 0.5 else image
    for axis in (0, 1):
        image = cv2.flip(image, axis) if r.random() < 0.5 else image
    if r.random() < 0.75:
        image = cv2.LUT(image, table(STEPS + 255 * r.uniform(-0.2, 0.2)))
    if r.random() < 0.75:
        image = cv2.LUT(image, table(STEPS * (1 + r.uniform(-0.2, 0.2))))
    image = blur_or_noise(image, r) if r.random() < 0.7 else image
    image = distort(image, r, side) if r.random() < 0.7 else image
    image = light_and_colour(image, r)
    if r.random() < 0.85:
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), r.uniform(-15, 15), 1 + r.uniform(-0.1, 0.1))
        turn[:, 2] += r.uniform(-0.1, 0.1, 2) * side
        image = cv2.warpAffine(image, turn, (side, side))
    if r.random() < 0.7:
        (y, x), half = r.integers(side, size=2), round(0.375 * side / 2)
        image[max(0, y - half) : y + half, max(0, x - half) : x + half] = 0
    return np.ascontiguousarray((image.astype(np.float32) / 255).transpose(2, 0, 1))
