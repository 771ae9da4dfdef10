#!/usr/bin/env python3
"""What scikit-learn and SciPy make of small studies, for tests/brainscore.rs: writes tests/brainscore/*.npz.

Runs in the environment of scripts/requirements-brainscore.txt, which it makes itself. Every array is computed with
the textbook call of the named class; nothing of bhscore is used.
"""

import os
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'oracle'))

import brainscore

brainscore.enter()

import numpy as np
import scipy.stats
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedShuffleSplit

ALPHAS = [0.01, 0.1, 0.5, 1.0, *np.linspace(1e1, 1e2, 4, endpoint=False),
          *(a for e in range(2, 6) for a in np.linspace(10 ** e, 10 ** (e + 1), 18, endpoint=False)),
          *np.linspace(1e6, 1e7, 19)]

FOLDER = os.path.join(HERE, '..', 'tests', 'brainscore')

# images, units, sites, decay of the units' spectrum: more units than images or fewer, more sites than either.
SHAPES = {
    'long': (150, 60, 12, 0.5),
    'wide': (90, 400, 10, 0.5),
    'steep': (90, 300, 8, 1.5),
    'sites': (80, 120, 100, 0.5),
    'reverse': (80, 40, 90, 0.5),
    'single': (80, 120, 1, 0.5),
}


def study(rng, n, p, q, decay):
    """Units in single precision, and sites that they explain in part."""
    rank = min(n, p)
    axes = rng.standard_normal((rank, p)) * (np.arange(1, rank + 1) ** -decay)[:, None]
    latent = rng.standard_normal((n, rank))
    x = (latent @ axes + rng.standard_normal(p)).astype(np.float32)
    y = latent[:, :min(rank, 30)] @ rng.standard_normal((min(rank, 30), q)) / 5 + rng.standard_normal((n, q)) + 3
    return x, y


def pls(tol):
    return PLSRegression(25, scale=False, tol=tol, max_iter=500 if tol == 1e-6 else 100000)


def neuron(x, y, x_test):
    centred = x - x.mean(0)
    centred = centred / np.linalg.norm(centred, axis=0)
    r = (y - y.mean(0)).T @ centred / np.linalg.norm(y - y.mean(0), axis=0)[:, None]
    return x_test[:, np.nanargmax(r, axis=1)]


def regressions(rng, arrays):
    for name, (n, p, q, decay) in SHAPES.items():
        x, y = study(rng, n, p, q, decay)
        train, test = next(ShuffleSplit(1, train_size=0.9, random_state=1).split(x))
        wide = x.astype(np.float64)
        fit = wide[train], y[train]
        arrays[name + '_x'], arrays[name + '_y'] = x, y
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            models = {'nipals': pls(1e-6), 'svd': pls(1e-18), 'ridge': Ridge(alpha=1),
                      'ridgecv': RidgeCV(alphas=ALPHAS), 'linear': LinearRegression()}
            predicted = {key: model.fit(*fit).predict(wide[test]) for key, model in models.items()}
        predicted['neuron'] = neuron(*fit, wide[test])
        for key, values in predicted.items():
            arrays[name + '_' + key] = values.reshape(len(test), q)
        arrays[name + '_alpha'] = np.array([models['ridgecv'].alpha_])


def pearson(a, b):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return np.array([scipy.stats.pearsonr(a[:, i], b[:, i])[0] for i in range(a.shape[1])])


def predictivity(x, y, splits):
    """The recipe of the metric `pls`, split by split and site by site."""
    table = []
    for train, test in splits:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            model = pls(1e-6).fit(x[train], y[train])
        table.append(pearson(model.predict(x[test]), y[test]))
    return np.array(table)


def ceiling(responses, stimulus, repetition):
    """Spearman-Brown corrected correlations of random halves of the repetitions."""
    unique = np.unique(repetition)
    table = []
    for one, other in ShuffleSplit(10, train_size=0.5, random_state=1).split(unique):
        half = []
        for chosen in (unique[one], unique[other]):
            rows = np.isin(repetition, chosen)
            half.append(np.array([np.nanmean(responses[rows & (stimulus == s)], axis=0) for s in np.unique(stimulus)]))
        r = pearson(*half)
        table.append(2 * r / (1 + r))
    return np.array(table)


def summary(table):
    per_split = np.nanmedian(table, axis=1)
    return np.array([per_split.mean(), per_split.std() / np.sqrt(len(per_split))])


def metric(rng, arrays):
    """A study with repetitions from the recordings to the ceiled score; one site is constant, one response missing."""
    n, p, q, repetitions = 120, 300, 9, 7
    x, signal = study(rng, n, p, q, 0.5)
    stimulus = np.tile(np.arange(n), repetitions)
    repetition = np.repeat(np.arange(repetitions), n)
    responses = signal[stimulus] + 1.5 * rng.standard_normal((len(stimulus), q))
    responses[:, 4] = 2.0
    responses[5, 2] = np.nan
    classes = np.arange(n) % 6
    mean = np.array([np.nanmean(responses[stimulus == s], axis=0) for s in range(n)])
    wide = x.astype(np.float64)
    stratified = StratifiedShuffleSplit(10, train_size=0.9, random_state=1).split(x, classes)
    table = predictivity(wide, mean, stratified)
    halves = ceiling(responses, stimulus, repetition)
    r, c = summary(table), summary(halves)
    arrays |= {
        'x': x, 'responses': responses, 'stimulus': stimulus, 'repetition': repetition, 'classes': classes,
        'table': table, 'halves': halves, 'score': r, 'ceiling': c,
        'ceiled': np.array([r[0] ** 2 / c[0], r[1] * 2 * r[0] / c[0]]),
        'groups': (groups := np.arange(n) // 9),
        'grouped': predictivity(wide, mean, GroupKFold(5).split(x, groups=groups)),
    }


def components(rng, arrays):
    n, p = 60, 500
    images, others = (rng.standard_normal((m, 30)) @ rng.standard_normal((30, p)) + rng.standard_normal((m, p))
                      for m in (n, 20))
    images, others = images.astype(np.float32), (images[:20] * 0.3 + others).astype(np.float32)
    pca = PCA(n - 1, svd_solver='full').fit(images.astype(np.float64))
    arrays |= {'images': images, 'others': others, 'scores': pca.transform(others.astype(np.float64)),
               'variances': pca.explained_variance_}


def similarity(rng, arrays):
    n = 40
    x = rng.standard_normal((n, 70)).astype(np.float32)
    subjects = [x[:, :30] + (1 + i) * rng.standard_normal((n, 30)) for i in range(3)]
    upper = np.triu_indices(n, 1)
    rdms = [1 - np.corrcoef(a) for a in (x.astype(np.float64), *subjects)]
    rho = lambda a, b, rows=slice(None): scipy.stats.spearmanr(
        a[rows][:, rows][np.triu_indices(len(a[rows]), 1)], b[rows][:, rows][np.triu_indices(len(a[rows]), 1)])[0]
    tests = [test for _, test in ShuffleSplit(10, test_size=0.9, random_state=1).split(x)]
    mean = lambda chosen: np.mean(chosen, axis=0)
    arrays |= {
        'x': x, 'subjects': np.array(subjects), 'rdm': rdms[0],
        'per_subject': np.array([rho(rdms[0], other) for other in rdms[1:]]),
        'cross_validated': np.array([rho(rdms[0], rdms[1], test) for test in tests]),
        'upper': np.array([rho(one, mean(rdms[1:])) for one in rdms[1:]]),
        'lower': np.array([rho(rdms[i], mean([r for j, r in enumerate(rdms) if j not in (0, i)])) for i in (1, 2, 3)]),
    }


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for number, make in enumerate((regressions, metric, components, similarity)):
        arrays = {}
        make(np.random.default_rng(number), arrays)
        np.savez_compressed(os.path.join(FOLDER, make.__name__ + '.npz'), **arrays)


if __name__ == '__main__':
    main()
