"""From a manifest to batches: files of unknown origin, auxiliary data sets, folds, the pack, augmentation, order, leaks."""
