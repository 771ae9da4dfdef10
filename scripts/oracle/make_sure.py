"""Rank correlations by SciPy for tests/sure.rs: soft scores and balanced scores of small tables.

    python make_sure.py > tests/golden/vectors/sure.json
"""

import json

import numpy as np
from scipy.stats import kendalltau, spearmanr


def case(seed, n_layers, n_units, n_rois):
    """Accuracies of units in layers, all positive enough to count; ties by rounding."""
    random = np.random.RandomState(seed)
    accuracy = np.round(0.35 + 0.5 * random.rand(n_layers, n_units, n_rois), 2).astype(np.float32)
    layer = np.repeat(np.arange(n_layers), n_units)
    flat = np.maximum(accuracy.reshape(-1, n_rois).astype(float), 0)
    centroid = (flat * np.arange(1, n_rois + 1)).sum(1) / flat.sum(1)
    return {
        "accuracy": accuracy.astype(float).round(2).tolist(),
        "soft_spearman": spearmanr(layer, centroid)[0],
        "soft_kendall": kendalltau(layer, centroid)[0],
    }


def tied(seed, n):
    """Two short lists with many ties."""
    random = np.random.RandomState(seed)
    groups, values = random.randint(0, 5, n), random.randint(-3, 4, n) / 2
    return {"groups": groups.tolist(), "values": values.tolist(), "kendall": kendalltau(groups, values)[0]}


print(json.dumps({
    "soft": [case(seed, *shape) for seed, shape in enumerate([(3, 8, 5), (6, 20, 5), (2, 30, 3)])],
    "tied": [tied(seed, n) for seed, n in enumerate([10, 50, 300])],
}))
