#!/usr/bin/env python3
"""Splits of scikit-learn, for the tests of src/stats/splits.rs: writes splits.json and group_folds.json
in tests/golden/vectors/.

Runs in the environment of scripts/requirements-oracle.txt, which it makes itself.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'oracle'))

import environment

environment.enter()

import numpy as np
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedShuffleSplit


def case(kind, classes, of, share, seed):
    splitter = (ShuffleSplit if kind == 'plain' else StratifiedShuffleSplit)(
        n_splits=3, random_state=seed, **{of + '_size': share})
    splits = [[part.tolist() for part in split] for split in splitter.split(np.zeros(len(classes)), classes)]
    return {'kind': kind, 'classes': classes, 'of': of, 'share': share, 'seed': seed, 'splits': splits}


def folds(groups, n_folds):
    splits = GroupKFold(n_folds).split(np.zeros(len(groups)), groups=groups)
    return {'groups': groups, 'folds': n_folds, 'splits': [[part.tolist() for part in split] for split in splits]}


def write(name, cases):
    path = os.path.join(HERE, '..', 'tests', 'golden', 'vectors', name)
    with open(path, 'w') as f:
        f.write('[\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]\n')


def main():
    rng = np.random.default_rng(1)
    cases = []
    for n_classes in (2, 3, 6):
        # Equal classes make ties between fractions, and the order of samples is mixed.
        for counts in ([6] * n_classes, rng.integers(4, 12, size=n_classes).tolist()):
            classes = rng.permutation(np.repeat(np.arange(n_classes) * 2, counts)).tolist()
            for of, share in (('train', 0.65), ('test', 0.35)):
                for kind in ('plain', 'stratified'):
                    cases.append(case(kind, classes, of, share, int(rng.integers(1000))))
    write('splits.json', cases)
    rng = np.random.default_rng(2)
    cases = []
    for n_groups in (2, 5, 9):
        # Equal groups make ties, and so do few samples; numbers of groups have gaps.
        for counts in ([3] * n_groups, rng.integers(1, 5, size=n_groups).tolist(), rng.integers(1, 30, size=n_groups)):
            groups = rng.permutation(np.repeat(np.arange(n_groups) * 3, counts)).tolist()
            cases += [folds(groups, n_folds) for n_folds in (2, 5) if n_folds <= n_groups]
    write('group_folds.json', cases)


if __name__ == '__main__':
    main()
