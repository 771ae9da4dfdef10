#!/usr/bin/env python3
"""Writes tests/golden/vectors/relate.json: what SciPy gives for `bhscore relate` on data/*.csv.

  python scripts/make_relate_golden.py

Needs NumPy and SciPy (scripts/requirements-oracle.txt). A partial correlation is the Pearson
correlation of what least squares leaves of both sides (a constant and the controls taken out), its p
that of t = r sqrt(df / (1 - r^2)) with df = n - 2 - number of controls. Resamples and permutations
are those of numpy.random.RandomState(0).
"""

import csv
import json
import os

import numpy as np
import scipy
from scipy import stats

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
SCORES = ['decoding', 'encoding', 'average']
RESAMPLES = 500


def read(name):
    with open(os.path.join(ROOT, 'data', name)) as file:
        return {row['network']: row for row in csv.DictReader(file)}


def residuals(y, controls):
    design = np.column_stack([np.ones(len(y))] + controls)
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]


def partial(x, y, controls):
    r = np.corrcoef(residuals(x, controls), residuals(y, controls))[0, 1]
    freedom = len(x) - 2 - len(controls)
    return r, 2 * stats.t.sf(abs(r) * np.sqrt(freedom / (1 - r * r)), freedom)


def interval(statistic, columns):
    random = np.random.RandomState(0)
    n = len(columns[0])
    values = []
    for _ in range(RESAMPLES):
        rows = random.randint(0, n, n)
        values.append(statistic(*[column[rows] for column in columns]))
    return list(np.percentile(values, [2.5, 97.5]))


def pair(x, y, log_layers):
    line = stats.theilslopes(y, x, 0.95)
    functions = {
        'pearson': (lambda a, b, c: stats.pearsonr(a, b)),
        'spearman': (lambda a, b, c: stats.spearmanr(a, b)),
        'partial': (lambda a, b, c: partial(a, b, [c])),
    }
    result = {'n': len(x)}
    for name, function in functions.items():
        r, p = function(x, y, log_layers)
        bounds = interval(lambda *columns: function(*columns)[0], [x, y, log_layers])
        result[name] = {'r': r, 'p': p, 'interval': bounds}
    result['theil_sen'] = {'slope': line[0], 'intercept': line[1], 'low': line[2], 'high': line[3]}
    return result


def grouped(values, labels):
    names = sorted(set(labels))
    split = lambda values: [values[labels == name] for name in names]
    h, p = stats.kruskal(*split(values))
    random = np.random.RandomState(0)
    hits = sum(stats.kruskal(*split(values[random.permutation(len(values))]))[0] >= h * (1 - 1e-9)
               for _ in range(RESAMPLES))
    means = {name: part.mean() for name, part in zip(names, split(values))}
    return {'h': h, 'p': p, 'permutation_p': (1 + hits) / (1 + RESAMPLES), 'means': means}


def main():
    scores, top1 = read('published_bhscores.csv'), read('imagenet_top1.csv')
    # In the order of the table of top-1 accuracies, the first on the command line.
    names = [name for name in top1 if name in scores]
    column = lambda table, name: np.array([float(table[network][name]) for network in names])
    x, log_layers = column(top1, 'imagenet_top1'), np.log(column(scores, 'n_layers'))
    labels = np.array([top1[network]['family'] for network in names])
    result = {'made_with': {'numpy': np.__version__, 'scipy': scipy.__version__},
              'resamples': RESAMPLES, 'pairs': {}, 'groups': {}}
    for score in SCORES:
        result['pairs'][score] = pair(x, column(scores, score), log_layers)
        result['groups'][score] = grouped(column(scores, score), labels)
    for name in ['pearson', 'spearman', 'partial']:
        p = [result['pairs'][score][name]['p'] for score in SCORES]
        for score, adjusted in zip(SCORES, stats.false_discovery_control(p)):
            result['pairs'][score][name]['p_adjusted'] = adjusted
    # Small cases with ties and with two controls.
    random = np.random.RandomState(1)
    x, y, a, b = random.randint(0, 6, (4, 14)).astype(float)
    r, p = partial(x, y, [a, b])
    result['ties'] = {'x': list(x), 'y': list(y), 'controls': [list(a), list(b)], 'partial': {'r': r, 'p': p},
                      'theil_sen': list(stats.theilslopes(y, x, 0.95)[:]),
                      'spearman': list(stats.spearmanr(x, y)),
                      'kruskal': list(stats.kruskal(y[:4], y[4:9], y[9:]))}
    p = random.random_sample(11) ** 3
    result['adjusted'] = {'p': list(p), 'adjusted': list(stats.false_discovery_control(p))}
    path = os.path.join(ROOT, 'tests', 'golden', 'vectors', 'relate.json')
    with open(path, 'w') as file:
        json.dump(result, file, indent=1)
        file.write('\n')


if __name__ == '__main__':
    main()
