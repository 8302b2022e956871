"""KID, FID, precision and recall beside those of torch-fidelity (Apache-2.0), which is not among the requirements.

    pip install --no-deps --target FOLDER torch-fidelity
    PYTHONPATH=FOLDER python -m tests.performance.metrics_agreement

Feature vectors are drawn, since it is the formulas that are compared, not networks: 281 real and 400 generated ones of 64 numbers. KID
there takes subsets of 1000 unless told, more than a small study has; one subset of all pictures is the full-sample estimate.
"""

from __future__ import annotations

import json
import sys


def compared(seed: int = 0) -> dict:
    """By measure: theirs, ours."""
    import numpy as np
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    from generative.core.judging import metrics

    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(281, 64)), rng.normal(size=(400, 64)) * 1.1 + 0.05
    a, b = torch.from_numpy(real), torch.from_numpy(fake)
    kid = kid_features_to_metric(
        a, b[: len(a)], kid_subsets=1, kid_subset_size=len(a), kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1, rng_seed=seed, verbose=False,
    )  # fmt: skip
    fid = fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), False)
    overlap = prc_features_to_metric(b.float(), a.float(), prc_neighborhood=5, prc_batch_size=1000, verbose=False)  # the generated ones come first
    ours = metrics.support(real, fake, k=5)
    return {
        "KID, 281 of each": (kid["kernel_inception_distance_mean"], metrics.kid(real, fake[: len(real)])),
        "FID": (fid["frechet_inception_distance"], metrics.fid_legacy(real, fake)),
        "precision": (overlap["precision"], ours.precision),
        "recall": (overlap["recall"], ours.recall),
    }


def main() -> int:
    try:
        found = compared()
    except ImportError as error:
        print(f"torch-fidelity is needed ({error}); the head of this file says how to have it.", file=sys.stderr)
        return 2
    print(json.dumps({name: {"theirs": float(theirs), "ours": float(ours)} for name, (theirs, ours) in found.items()}, indent=1))
    return 0 if all(abs(theirs - ours) < 1e-6 for theirs, ours in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
