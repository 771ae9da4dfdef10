#!/usr/bin/env python3
"""Writes tests/golden/vectors/statistics.json: what NumPy and SciPy give for 1,000 random cases.

  python scripts/make_statistics_golden.py

Needs NumPy and SciPy (scripts/requirements-oracle.txt). Only results are written: the data of case k
are drawn from numpy.random.RandomState(k) by `case` below, as tests/statistics.rs draws them. Every
third case has ties, every fourth is in units between 1e-30 and 1e30.
"""

import json
import os

import numpy as np
import scipy
from scipy import stats

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
CASES = 1000
GROUPS = 3


def case(number):
    random = np.random.RandomState(number)
    n = 4 + int(random.random_sample() * 37)
    slope = 4 * random.random_sample() - 2
    scale = 10.0 ** (60 * random.random_sample() - 30)
    x, noise, control = random.randn(n), random.randn(n), random.randn(n)
    groups = (random.random_sample(n) * GROUPS).astype(int)
    p = random.random_sample(n)
    y = slope * x + noise
    if number % 3 == 0:
        x, y = np.floor(2 * x) / 2, np.floor(2 * y) / 2
    if number % 4 == 0:
        x, y = x * scale, y * scale
    return x, y, control, groups, p


def residuals(y, control):
    # Centred and scaled: a column of ones beside values of 1e30 would be lost.
    y, control = (y - y.mean()) / (y.std() or 1), control - control.mean()
    return y - control * (control @ y) / (control @ control)


def results(x, y, control, groups, p):
    # A variance below 0, of a few points with many ties, leaves the interval of the slope undefined.
    np.seterr(invalid="ignore")
    n = len(x)
    pearson, spearman = stats.pearsonr(x, y), stats.spearmanr(x, y)
    line = stats.theilslopes(y, x, 0.95)
    present = [y[groups == group] for group in range(GROUPS) if (groups == group).any()]
    partial = np.corrcoef(residuals(x, control), residuals(y, control))[0, 1]
    test = stats.kruskal(*present) if len(present) > 1 else (np.nan, np.nan)
    ranks = stats.rankdata(y)
    weight = np.arange(1, n + 1)
    adjusted = stats.false_discovery_control(p)
    return [
        x.mean(), x.std(ddof=1), pearson[0], pearson[1], spearman[0], spearman[1],
        # One number that each rank and each adjusted p is in.
        weight @ ranks, weight @ adjusted,
        partial, line.slope, line.intercept, line.low_slope, line.high_slope, test[0], test[1],
    ]


def main():
    # Twelve digits: the tolerance of the comparison is above.
    rows = [[float(f'{value:.12g}') for value in results(*case(number))] for number in range(CASES)]
    rows = [[None if np.isnan(value) else value for value in row] for row in rows]
    columns = ['mean', 'sd', 'pearson', 'pearson_p', 'spearman', 'spearman_p', 'ranks', 'adjusted',
               'partial', 'slope', 'intercept', 'low', 'high', 'h', 'h_p']
    made_with = f'NumPy {np.__version__}, SciPy {scipy.__version__}'
    head = json.dumps({'made_with': made_with, 'columns': columns})
    path = os.path.join(ROOT, 'tests', 'golden', 'vectors', 'statistics.json')
    with open(path, 'w') as file:
        file.write(head[:-1] + ', "rows": [\n')
        file.write(',\n'.join(json.dumps(row, separators=(',', ':')) for row in rows) + '\n]}\n')


main()
