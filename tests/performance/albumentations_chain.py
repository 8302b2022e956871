"""The founding study's augmentation as its code builds it, with the library it uses, for one picture at a time.

Yardstick of classifier_speed.py; albumentations (2.x, whose arguments are newer than those of the released code) and OpenCV
are no requirements of ours.
"""

import albumentations as A
import cv2
import numpy as np

cv2.setNumThreads(1)


def chain(side: int):
    """A function from a file's path to the normalised array (C, H, W) that a network is given."""
    blurs = [A.MotionBlur(blur_limit=(5, 5)), A.MedianBlur(blur_limit=(5, 5)), A.GaussianBlur(blur_limit=(5, 5)),
             A.GaussNoise(std_range=(5**0.5 / 255, 30**0.5 / 255))]  # fmt: skip
    bends = [A.OpticalDistortion(distort_limit=1.0), A.GridDistortion(num_steps=5, distort_limit=1.0),
             A.ElasticTransform(alpha=3)]  # fmt: skip
    changes = A.Compose([
        A.Transpose(p=0.5), A.VerticalFlip(p=0.5), A.HorizontalFlip(p=0.5),
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0, p=0.75),
        A.RandomBrightnessContrast(brightness_limit=0, contrast_limit=0.2, p=0.75),
        A.OneOf(blurs, p=0.7), A.OneOf(bends, p=0.7), A.CLAHE(clip_limit=4.0, p=0.7),
        A.HueSaturationValue(hue_shift_limit=10, sat_shift_limit=20, val_shift_limit=10, p=0.5),
        A.Affine(translate_percent=(-0.1, 0.1), scale=(0.9, 1.1), rotate=(-15, 15), border_mode=0, p=0.85),
        A.Resize(side, side),
        A.CoarseDropout(num_holes_range=(1, 1), hole_height_range=(0.375, 0.375), hole_width_range=(0.375, 0.375), p=0.7),
        A.Normalize(),
    ])  # fmt: skip

    def changed(path: str) -> np.ndarray:
        image = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
        return np.ascontiguousarray(changes(image=image)["image"].transpose(2, 0, 1))

    return changed
