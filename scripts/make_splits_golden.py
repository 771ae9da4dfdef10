#!/usr/bin/env python3
"""Splits of scikit-learn, for the test of src/stats/splits.rs: writes tests/golden/vectors/splits.json.

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
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit


def case(kind, classes, of, share, seed):
    splitter = (ShuffleSplit if kind == 'plain' else StratifiedShuffleSplit)(
        n_splits=3, random_state=seed, **{of + '_size': share})
    splits = [[part.tolist() for part in split] for split in splitter.split(np.zeros(len(classes)), classes)]
    return {'kind': kind, 'classes': classes, 'of': of, 'share': share, 'seed': seed, 'splits': splits}


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
    path = os.path.join(HERE, '..', 'tests', 'golden', 'vectors', 'splits.json')
    with open(path, 'w') as f:
        f.write('[\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]\n')


if __name__ == '__main__':
    main()
