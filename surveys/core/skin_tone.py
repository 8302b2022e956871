"""Skin tone measured from a picture: the individual typology angle (Chardon et al. 1991) of its skin-coloured pixels."""

from collections.abc import Mapping, Sequence

import numpy as np

LEAST_SKIN = 0.2
# Limits in degrees between the six classes, from very light to dark (Del Bino and Bernerd 2013).
CLASS_LIMITS_DEG = (55.0, 41.0, 28.0, 10.0, -30.0)
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _TO_XYZ.sum(axis=1)  # D65


def lab(image_HW3: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of sRGB pixels; uint8 (..., 3) to float (..., 3)."""
    share = np.asarray(image_HW3, dtype=float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def typology_angle_deg(image_HW3: np.ndarray) -> float | None:
    """atan((L* - 50) / b*) of the median skin-coloured pixel, in degrees: the larger, the lighter.

    Skin-coloured is what is reddish and yellowish (a* > 0, b* > 0). None where less than a fifth of the picture is.
    Lesions that cover less than half of the skin hardly move the median.
    """
    values = lab(image_HW3).reshape(-1, 3)
    skin = values[(values[:, 1] > 0) & (values[:, 2] > 0)]
    if len(skin) < LEAST_SKIN * len(values):
        return None
    lightness, _, yellow = np.median(skin, axis=0)
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def tone_class(angle_deg: float) -> int:
    """The class of an angle: 1 very light, 2 light, 3 intermediate, 4 tan, 5 brown, 6 dark."""
    return 1 + sum(angle_deg <= limit for limit in CLASS_LIMITS_DEG)


def typical_angles(tones: Sequence[str], angles_deg: Sequence[float]) -> dict[str, float]:
    """Median angle of every recorded tone: what the tone looks like through these cameras and lights."""
    return {
        tone: float(np.median([angle for other, angle in zip(tones, angles_deg, strict=True) if other == tone]))
        for tone in sorted(set(tones))
    }


def nearest_tone(angle_deg: float, typical: Mapping[str, float]) -> str:
    """The recorded tone whose pictures typically have the angle nearest to this one; of two equally near the first."""
    return min(sorted(typical), key=lambda tone: abs(typical[tone] - angle_deg))
