#!/usr/bin/env python3
"""Makes tests/golden/voxels/: encoding accuracies with more than 1,000 voxels in a ROI.

  scripts/make_golden_voxels.py [--out tests/golden/voxels]

Proves the choice of voxels: with NumPy's legacy generator seeded with 0 for every file, as in the
original.  It runs in the environment of scripts/requirements-oracle.txt, which it makes itself.
Only accuracies are made, from random numbers; the scores are those of scripts/oracle/bh_oracle.py,
which was checked against the original.
"""

import argparse
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'oracle'))

import environment

environment.enter()

import bh_oracle
import numpy as np
from scipy import io

SEED = 20240229
NET = 'synth/voxelnet'
N_TEST = 50
LAYERS = ['conv1', 'conv2', 'conv3', 'conv4', 'fc5', 'fc6', 'fc7']
ROIS = ['V1', 'V4', 'HVC']
# More than the limit in two files, exactly the limit in one (all voxels are kept)
N_VOXELS = {'sub-01': [1400, 60, 1000], 'sub-02': [70, 1203, 50]}
LIMITS = [1000, 40]


def accuracies(random):
    """acc[layer][subject][roi]: voxels prefer a layer near their ROI's, the later ones of a file a
    deeper one, so that the first 1,000 voxels of a file and any other choice give other scores."""
    acc = {layer: {sub: {} for sub in N_VOXELS} for layer in LAYERS}
    for sub, sizes in N_VOXELS.items():
        for place, (roi, n) in enumerate(zip(ROIS, sizes)):
            drift = np.linspace(-1.5, 1.5, n)
            target = np.clip(3 * place + drift + random.normal(0, 1.2, n), 0, len(LAYERS) - 1)
            best = random.uniform(0.1, 0.99, n)
            for index, layer in enumerate(LAYERS):
                r = best - 0.08 * abs(index - target) + random.normal(0, 0.02, n)
                r = r.astype(np.float32)
                r[random.uniform(size=n) < 0.01] = np.nan
                acc[layer][sub][roi] = r
            for layer in LAYERS:
                acc[layer][sub][roi][n // 2] = np.nan
    return acc


def exact(pooled, mode):
    """Mean over the subsets of five layers, the best layer sought in each."""
    scores = []
    for subset in bh_oracle.subsets(len(LAYERS)):
        rows = [group[list(subset)] for group in pooled]
        scores.append(bh_oracle.spearman_table(bh_oracle.vote_table(rows, len(subset), mode=mode)))
    return {'mean': float(np.mean(scores)), 'sd': float(np.std(scores)), 'min': min(scores), 'max': max(scores),
            'n': len(scores)}


def expected(acc):
    out = {}
    for limit in LIMITS + [None]:
        pooled = bh_oracle.pool_encoding(acc, LAYERS, list(N_VOXELS), ROIS, limit or 10 ** 9)
        for mode, rule in (('compat', 'published'), ('corrected', 'textbook')):
            margins = bh_oracle.vote_margins(pooled, mode=mode)
            if min(margins.values()) < 1e-7:
                raise SystemExit('%s: a vote could flip (%s): choose another SEED' % (rule, margins))
            table = bh_oracle.vote_table(pooled, len(LAYERS), mode=mode)
            score = bh_oracle.spearman_table(table)
            assert abs(score - bh_oracle.spearman_lists(table)) < 1e-12
            out.setdefault(str(limit or 'all'), {})[rule] = {
                'score': score, 'votes_roi_by_layer': table.tolist(), 'exact': exact(pooled, mode)}
        out[str(limit or 'all')]['n_items'] = sum(group.shape[1] for group in pooled)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', default=os.path.join(HERE, '..', 'tests', 'golden', 'voxels'))
    out = os.path.abspath(parser.parse_args().out)
    shutil.rmtree(out, ignore_errors=True)
    acc = accuracies(np.random.RandomState(SEED))
    for layer in LAYERS:
        for sub in N_VOXELS:
            for roi in ROIS:
                folder = os.path.join(out, 'data/encoding_accuracy/ImageNetTest', NET, layer, sub, roi)
                os.makedirs(folder)
                io.savemat(os.path.join(folder, 'accuracy.mat'), {'accuracy': acc[layer][sub][roi][np.newaxis]},
                           do_compression=True)
    settings = {'subjects': list(N_VOXELS), 'rois': ROIS, 'dnns': {'VoxelNet': {'dir': NET, 'layers': LAYERS}},
                'score': {'n_test': N_TEST}}
    for name, value in (('settings.json', settings), ('expected.json', expected(acc))):
        with open(os.path.join(out, name), 'w') as f:
            json.dump(value, f, indent=1)
            f.write('\n')


if __name__ == '__main__':
    main()
