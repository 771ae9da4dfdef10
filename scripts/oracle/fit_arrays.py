"""Times one fit of a Python package on arrays, in a process of its own.

  fit_arrays.py fastl2lir X.npy Y.npy ALPHA N_FEAT OUT.npy
  fit_arrays.py ridge-per-unit X.npy Y.npy ALPHA SELECTED.npy OUT.npy     one fit per row of SELECTED
  fit_arrays.py ridge X.npy Y.npy ALPHA DTYPE OUT.npy                      all voxels
  fit_arrays.py himalaya X.npy Y.npy ALPHA DTYPE OUT.npy                   all voxels

X: presentations × voxels and Y: presentations × units, float32. All fit the model of FastL2LiR,
whose bias is penalised like a weight: the others get a column of ones and no intercept. Writes the
weights (voxels × units) and prints the seconds of the fit alone.
"""

import json
import sys
import time
import warnings

import numpy as np


def with_ones(x):
    return np.hstack([x, np.ones((len(x), 1), x.dtype)])


def fastl2lir(x, y, alpha, n_feat):
    from fastl2lir import FastL2LiR
    model = FastL2LiR()
    start = time.perf_counter()
    model.fit(x, y, alpha=alpha, n_feat=int(n_feat))
    return time.perf_counter() - start, model.W


def ridge(x, y, alpha, dtype):
    from sklearn.linear_model import Ridge
    x, y = x.astype(dtype), y.astype(dtype)
    start = time.perf_counter()
    model = Ridge(alpha=alpha, fit_intercept=False).fit(with_ones(x), y)
    return time.perf_counter() - start, model.coef_.T[:-1]


def ridge_per_unit(x, y, alpha, selected):
    from sklearn.linear_model import Ridge
    selected = np.load(selected).astype(np.int64)
    weights = np.zeros((x.shape[1], len(selected)))
    start = time.perf_counter()
    for unit, voxels in enumerate(selected):
        model = Ridge(alpha=alpha, fit_intercept=False).fit(with_ones(x[:, voxels]), y[:, unit])
        weights[voxels, unit] = model.coef_[:-1]
    return time.perf_counter() - start, weights


def himalaya(x, y, alpha, dtype):
    from himalaya.ridge import Ridge
    x, y = x.astype(dtype), y.astype(dtype)
    start = time.perf_counter()
    model = Ridge(alpha=alpha, fit_intercept=False).fit(with_ones(x), y)
    return time.perf_counter() - start, np.asarray(model.coef_)[:-1]


FITS = {'fastl2lir': fastl2lir, 'ridge': ridge, 'ridge-per-unit': ridge_per_unit, 'himalaya': himalaya}


def main():
    name, x, y, alpha, option, out = sys.argv[1:]
    warnings.simplefilter('ignore')
    seconds, weights = FITS[name](np.load(x), np.load(y), float(alpha), option)
    np.save(out, weights)
    print(json.dumps({'seconds_fit': seconds}))


if __name__ == '__main__':
    main()
