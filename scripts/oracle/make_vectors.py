#!/usr/bin/env python3
"""Small JSON cases for unit tests: ridge fit, score, random numbers.

  make_vectors.py --vectors DIR [--seed N]
"""

import argparse
import hashlib
import json
import os
import sys
import warnings

os.environ.setdefault('TQDM_DISABLE', '1')
import numpy as np
from fastl2lir import FastL2LiR

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bh_oracle as bh

warnings.simplefilter('ignore')
np.seterr(all='ignore')


def dump(path, obj):
    with open(path, 'w') as f:
        json.dump(bh.no_nan(obj), f, separators=(',', ':'), allow_nan=False)
        f.write('\n')


# ---------------------------------------------------------------- fit

def fit_vectors(seed=0):
    r = np.random.default_rng(2021 + seed)
    cases = []

    def add(name, x, y, note, **par):
        dt = np.dtype(par.get('dtype', np.float64))
        m = FastL2LiR()
        m.fit(x.copy(), y.copy(), **par)
        p = dict(par)
        p['dtype'] = dt.name
        w = np.asarray(m.W)
        cases.append({'name': name, 'note': note, 'parameters': p,
                      'x_shape': x.shape, 'y_shape': y.shape, 'w_shape': w.shape, 'b_shape': np.shape(m.b),
                      'x': x.ravel(), 'y': y.ravel(), 'W': w.ravel(), 'b': np.ravel(m.b)})

    n, p = 36, 14
    x = np.round(r.normal(size=(n, p)), 4)
    y = np.round(x[:, :4] @ r.normal(size=(4, 4)) + r.normal(size=(n, 4)), 4)
    add('select', x, y, 'plain case: 6 of 14 inputs per target', alpha=100, n_feat=6)
    add('select_alpha1', x, y, 'weak penalty', alpha=1, n_feat=6)
    add('offset', x, y + 5, 'targets not centred: the penalised bias shows', alpha=100, n_feat=6)
    add('all_inputs', x, y, 'n_feat equals the number of inputs: no selection', alpha=100, n_feat=p)
    add('n_feat_zero', x, y, 'n_feat 0 means all inputs', alpha=100, n_feat=0)
    add('more_than_inputs', x, y, 'n_feat above the number of inputs: no selection', alpha=100, n_feat=500)
    add('few_samples', x[:9], y[:9], 'fewer samples than inputs, no selection (dual form in the reference)',
        alpha=100, n_feat=500)
    add('few_samples_select', x[:9], y[:9], 'fewer samples than inputs, with selection', alpha=100, n_feat=6)
    yc = np.round(np.repeat(y[:, :1], 12, axis=1) * r.normal(size=12) + r.normal(size=(n, 12)), 4).reshape(n, 2, 3, 2)
    add('conv', x, yc, 'targets 2x3x2; arrays are listed in C order', alpha=100, n_feat=6)
    add('float32', x.astype('f4'), y.astype('f4'), 'as the encoder is fitted', alpha=100, n_feat=6, dtype=np.float32)
    for i in range(p):                       # a pair of equal inputs that no target splits
        j = (i + 5) % p
        xd = x.copy()
        xd[:, j] = xd[:, i]
        rank = np.argsort(np.argsort(-np.abs(np.corrcoef(xd.T, y.T)[:p, p:]), axis=0, kind='stable'), axis=0)
        if ((rank[i] < 6) == (rank[j] < 6)).all() and (rank[i] < 6).any():
            add('duplicate_input', xd, y, 'inputs %d and %d are equal; each target keeps both or neither' % (i, j),
                alpha=100, n_feat=6)
            break
    xc = x.copy()
    xc[:, 5] = 1e-5 * x[:, 5]
    add('near_constant_input', xc, y, 'input 5 has variance < 1e-8: never selected', alpha=100, n_feat=6)
    xn = x.copy()
    xn[:, 5] = np.nan
    add('nan_input', xn, y, 'a NaN input is selected first and spoils every target', alpha=100, n_feat=6)
    yn = y.copy()
    yn[:, 1] = np.nan
    add('nan_target', x, yn, 'only that target is NaN; which 6 of its weights are NaN (rest 0) is not defined',
        alpha=100, n_feat=6)
    return {'about': 'FastL2LiR.fit of PyFastL2LiR 0.11: W (inputs x targets) and b. null is NaN. '
                     'Arrays are flat, C order.', 'cases': cases}


# ---------------------------------------------------------------- score

def score_vectors(seed=0):
    r = np.random.default_rng(7 + seed)
    cases = []

    def block(n_layers, n_rois, n_units, strength, top):
        out = []
        for k in range(n_layers):
            n = n_units + 3 * k
            centre = k / max(n_layers - 1, 1) * (n_rois - 1)
            a = strength * np.exp(-0.5 * ((np.arange(n_rois)[:, None] - centre) / 1.5) ** 2)
            out.append(np.clip(a + 0.18 * r.normal(size=(n_rois, n)), -1, top).round(4).astype('f4'))
        return out

    def add(name, note, acc, pvals=(0.05,), n_test=50):
        acc = [np.asarray(a, 'f4') for a in acc]
        n_areas = acc[0].shape[0]
        case = {'name': name, 'note': note, 'areas': n_areas, 'n_test_images': n_test,
                'accuracy': [a for a in acc], 'results': []}
        for pv in pvals:
            for mode in ('compat', 'corrected'):
                df = bh.COMPAT_DF if mode == 'compat' else n_test - 2
                votes = [bh.unit_votes(a, pv, mode, df) for a in acc]
                table = bh.vote_table(acc, n_areas, pv, mode, df)
                mean, count, scores = bh.exact_subset_mean(table, 5, True)
                assert np.isnan(bh.spearman_table(table)) == np.isnan(bh.spearman_lists(table))
                case['results'].append({
                    'mode': mode, 'pval': pv, 'df': df,
                    'best_area_of_kept': [[int(a) if k else -1 for a, k in zip(w, kk)] for w, kk in votes],
                    'votes': table.tolist(), 'all_groups': bh.spearman_table(table),
                    'subset_mean_exact': mean, 'n_subsets': count, 'subset_scores': scores,
                    'sampled_seed0_20': bh.sampled_scores(table, 5, 20, 0)})
        cases.append(case)

    add('graded', '7 groups, 5 areas', block(7, 5, 12, 0.5, 1), pvals=(0.05, 0.001))
    add('small_n', 'same kind, 30 test images', block(6, 5, 12, 0.5, 1), n_test=30)
    nanny = block(6, 5, 12, 0.4, 1)
    for a in nanny:
        a[r.uniform(size=a.shape) < 0.15] = np.nan
    nanny[2][:, 1] = np.nan
    nanny[3][:, 2] = [np.nan, -.2, -.3, -.1, -.4]
    add('with_nan', 'NaN in some areas, one unit NaN everywhere, one unit NaN or negative', nanny)
    tie = block(5, 4, 10, 0.5, 1)
    for a in tie:
        a[:] = a.round(1)
    add('ties', 'equal accuracies: the first area wins; 5 groups, one subset', tie)
    add('high', 'accuracies up to 1: the compat test drops r above about 0.9524', block(6, 5, 12, 0.99, 1))
    edge = np.array([[0.2787, 0.2788, 0.3046, 0.3048, 0.9524, 0.9525, 0.9999, 1.0, 0.0, -0.9]], 'f4')
    add('edges', 'one unit per threshold, second area always 0.1 lower; 2 groups',
        [np.vstack([edge, edge - 0.1]), np.vstack([edge - 0.1, edge])])
    add('four_groups', 'fewer than 5 groups: no subset score', block(4, 5, 12, 0.5, 1))
    add('one_area', 'every kept unit prefers area 0: undefined',
        [np.vstack([np.full((1, 6), 0.6), np.full((1, 6), 0.1)]) for _ in range(5)])
    add('none_kept', 'nothing significant: undefined', [np.full((3, 4), 0.05) for _ in range(5)])
    return {'about': 'accuracy[group] is areas x units, float32 (null is NaN). For the decoding score groups are '
                     'layers and areas ROIs; for the encoding score groups are ROIs and areas layers. '
                     '-1 in best_area_of_kept: unit not kept. null score: undefined. subset keys list group numbers.',
            'cases': cases}


def rng_vectors():
    out = {'about': 'NumPy legacy generator (MT19937, RandomState), seed 0',
           'mt19937_seed0_first_uint32': [int(v) for v in np.random.RandomState(0).randint(0, 2 ** 32, 12, dtype=np.uint32)],
           'choice_without_replacement': [], 'layer_draws': []}
    for n, k in ((7, 3), (30, 20), (1001, 1000), (1200, 1000), (1563, 1000), (2000, 1000), (3107, 1000), (70000, 1000)):
        idx = np.random.RandomState(0).choice(np.arange(n), size=k, replace=False)
        e = {'n': n, 'size': k, 'first': idx[:12], 'last': idx[-5:],
             'sha256_of_comma_joined': hashlib.sha256(','.join(map(str, idx)).encode()).hexdigest()}
        if n in (30, 1200):
            e['all'] = idx
        out['choice_without_replacement'].append(e)
    for n_layers in (6, 8, 21, 152):
        rs = np.random.RandomState(0)
        out['layer_draws'].append({'n_layers': n_layers, 'picked': 3, 'first_20_sorted': [
            np.sort(rs.choice(np.arange(1, n_layers - 1), size=3, replace=False)) for _ in range(20)]})
    return out


def write(folder, seed=0):
    """The three files; `seed` shifts the seeds of the fit and score cases."""
    os.makedirs(folder, exist_ok=True)
    dump(os.path.join(folder, 'fit_vectors.json'), fit_vectors(seed))
    dump(os.path.join(folder, 'score_vectors.json'), score_vectors(seed))
    dump(os.path.join(folder, 'rng_vectors.json'), rng_vectors())


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--vectors', required=True)
    a.add_argument('--seed', type=int, default=0, help='shifts the seeds of fit and score vectors')
    opt = a.parse_args()
    write(opt.vectors, opt.seed)


if __name__ == '__main__':
    main()
