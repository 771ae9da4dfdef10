#!/usr/bin/env python3
"""Run the reference method on a study tree, through the PyPI packages bdpy and fastl2lir.

Writes the pipeline's own output trees under --out (default: the study itself):

  data/feature_decoders/ImageNetTraining/<net>/<layer>/<sub>/<roi>/model/{W,b,x_mean,x_norm,y_mean,y_norm}.mat
  data/decoded_features/ImageNetTest/<net>/<layer>/<sub>/<roi>/<image>.mat            (feat)
  data/decoding_accuracy/ImageNetTest/<net>/<layer>/<sub>/<roi>/accuracy.mat          (accuracy)
  data/feature_encoders/ImageNetTraining/<net>/<layer>/<sub>/<roi>/model/...
  data/encoded_fmri/ImageNetTest/encoded_brain/<net>/<layer>/<sub>/<roi>/<image>.mat  (feat)
  data/encoded_fmri/ImageNetTest/profile_correlation/<net>/<layer>/<sub>/<roi>/accuracy.mat
  data/encoding_accuracy/ImageNetTest/<net>/<layer>/<sub>/<roi>/accuracy.mat          (copy, where the notebook looks)

plus reference.json (every accuracy, every score, wall times) and, with --pack, one
HDF5 file that holds all arrays.  With --corrected it also runs a plain float64
computation of what the method means (corrected.py) and stores its results next to
the compat ones.  `compat` follows the published pipeline, defects included.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from itertools import product

os.environ.setdefault('TQDM_DISABLE', '1')

import h5py
import numpy as np
import scipy
from threadpoolctl import threadpool_limits

import bdpy
import fastl2lir
import hdf5storage
from bdpy.dataform import Features, load_array, save_array
from bdpy.distcomp import DistComp
from bdpy.ml import ModelTest, ModelTraining
from bdpy.util import get_refdata
from fastl2lir import FastL2LiR

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bh_oracle as bh
from corrected import corrected_pair, ridge_selected

PARAMS = ('x_mean', 'x_norm', 'y_mean', 'y_norm')
SPLIT = {'train': ('ImageNetTraining', 'Training'), 'test': ('ImageNetTest', 'Test')}


class Clock:
    def __init__(self):
        self.seconds = {}
        self._t = time.perf_counter()

    def lap(self, name):
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._t
        self._t = now


@contextlib.contextmanager
def quiet():
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with np.errstate(all='ignore'):
            yield


class Study:
    def __init__(self, root):
        self.root = root
        with open(os.path.join(root, 'settings.json')) as f:
            s = json.load(f)
        self.subjects, self.rois, self.dnns = s['subjects'], s['rois'], s['dnns']
        self._brain = {}

    def brain(self, split, sub):
        if (split, sub) not in self._brain:
            name = '%s_perceptionNaturalImage%s_VC_v2.h5' % (sub, SPLIT[split][1])
            self._brain[split, sub] = bdpy.BData(os.path.join(self.root, 'data', 'fmri', name))
        return self._brain[split, sub]

    def features(self, split, net):
        return Features(os.path.join(self.root, 'data', 'features', SPLIT[split][0], net))


def column_stats(a):
    """Mean and sample sd over the first axis, kept as a leading axis of length 1."""
    return np.mean(a, axis=0)[np.newaxis], np.std(a, axis=0, ddof=1)[np.newaxis]


def profile_correlation(pred, true):
    """Pearson r of every column, one np.corrcoef call per column as the pipeline does."""
    return np.array([np.corrcoef(pred[:, j], true[:, j])[0, 1] for j in range(true.shape[1])])


def selection_gap(x, y, n_feat):
    """Smallest gap in |r| at the selection boundary (float64), over the targets."""
    if n_feat >= x.shape[1]:
        return None
    x = x.astype(np.float64) - x.mean(axis=0)
    y = y.reshape(len(y), -1).astype(np.float64)
    y = y - y.mean(axis=0)
    with np.errstate(all='ignore'):
        r = np.abs((x / np.linalg.norm(x, axis=0)).T @ (y / np.linalg.norm(y, axis=0)))
    r = r[:, ~np.isnan(r).any(axis=0)]
    if not r.size:
        return None
    r = np.sort(r, axis=0)[::-1]
    return float((r[n_feat - 1] - r[n_feat]).min())


def fit_and_store(x, y, n_feat, alpha, fit_dtype, sort, model_dir, run_id, scratch, engine,
                  chunk_axis=None):
    """Store the four normalisation files, then train through bdpy."""
    os.makedirs(model_dir, exist_ok=True)
    if engine == 'float64':
        x, y = x.astype(np.float64), y.astype(np.float64)
    norm = dict(zip(('x_mean', 'x_norm'), column_stats(x)))
    norm.update(zip(('y_mean', 'y_norm'), column_stats(y)))
    for k in PARAMS:
        save_array(os.path.join(model_dir, k + '.mat'), norm[k], key=k, dtype=np.float32, sparse=False)
    if engine == 'float64':
        # same model, every step in float64 and with another solver order: shows how far a
        # careful independent implementation may be from the reference
        x, y = (x - norm['x_mean']) / norm['x_norm'], (y - norm['y_mean']) / norm['y_norm']
        x, y = (x[sort[1]], y) if sort[0] == 'X_sort' else (x, y[sort[1]])
        shape = y.shape[1:]
        w, b = ridge_selected(x, y.reshape(len(y), -1), n_feat, alpha,
                              np.ones(x.shape[1], bool), np.ones(int(np.prod(shape)), bool))
        save_array(os.path.join(model_dir, 'W.mat'), w.reshape((-1,) + shape), key='W', dtype=np.float32, sparse=True)
        save_array(os.path.join(model_dir, 'b.mat'), b.reshape((1,) + shape), key='b', dtype=np.float32)
        return
    tr = ModelTraining(FastL2LiR(), x, y)
    tr.id = run_id
    tr.model_parameters = {'alpha': alpha, 'n_feat': n_feat}
    if fit_dtype is not None:
        tr.model_parameters['dtype'] = fit_dtype
    tr.X_normalize = {'mean': norm['x_mean'], 'std': norm['x_norm']}
    tr.Y_normalize = {'mean': norm['y_mean'], 'std': norm['y_norm']}
    setattr(tr, sort[0], {'index': sort[1]})
    tr.dtype = np.float32
    tr.chunk_axis = chunk_axis
    tr.save_format = 'bdmodel'
    tr.save_path = model_dir
    tr.distcomp = DistComp(backend='sqlite3', db_path=os.path.join(scratch, 'locks.db'))
    tr.run()


def predict_from_store(x, model_dir, chunk_axis=None):
    """Normalise with the STORED (float32) parameters, predict, undo the target scaling."""
    p = {k: load_array(os.path.join(model_dir, k + '.mat'), key=k) for k in PARAMS}
    te = ModelTest(FastL2LiR(), (x - p['x_mean']) / p['x_norm'])
    te.model_format = 'bdmodel'
    te.model_path = model_dir
    te.dtype = np.float32
    te.chunk_axis = chunk_axis
    return te.run() * p['y_norm'] + p['y_mean']


def store_rows(folder, names, rows):
    os.makedirs(folder, exist_ok=True)
    for nm, row in zip(names, rows):
        save_array(os.path.join(folder, nm + '.mat'), row[np.newaxis], key='feat',
                   dtype=np.float32, sparse=False)


def store_accuracy(folder, acc):
    os.makedirs(folder, exist_ok=True)
    save_array(os.path.join(folder, 'accuracy.mat'), acc, key='accuracy', dtype=np.float32, sparse=False)


def mean_by_label(x, labels, order):
    labels = np.array(labels)
    return np.vstack([np.mean(x[labels == k, :], axis=0) for k in order])


def decode_train(study, out, leaf, feats, opt, scratch, clock=None):
    """The decoders of one item (`leaf`: net, layer, subject, ROI), trained and stored; its arrays."""
    net, layer, sub, roi = leaf
    clock = clock or Clock()
    leaf = os.path.join(*leaf)
    model_dir = os.path.join(out, 'data', 'feature_decoders', 'ImageNetTraining', leaf, 'model')
    bd = study.brain('train', sub)
    x = bd.select('ROI_%s = 1' % roi)
    idx = bd.select('image_index').flatten()
    y = feats.get_features(layer)
    rows = np.array([np.where(np.array(feats.index) == i) for i in idx]).flatten()
    clock.lap('train_prepare')
    fit_and_store(x, y, opt.n_feat_dec, opt.alpha_dec, None, ('Y_sort', rows), model_dir,
                  'dec-%s' % leaf.replace('/', '-'), scratch, opt.engine)
    clock.lap('train_fit')
    return x, y, rows


def decode_predict(study, out, leaf, feats, clock=None):
    """Decoded features and decoding accuracy of one item, stored."""
    net, layer, sub, roi = leaf
    clock = clock or Clock()
    leaf = os.path.join(*leaf)
    bd = study.brain('test', sub)
    xt, idx_t = bd.select('ROI_%s = 1' % roi), bd.select('image_index').flatten()
    yt = feats.get_features(layer)
    shown = np.unique(idx_t)
    xt = mean_by_label(xt, idx_t, shown)
    clock.lap('test_prepare')
    pred = predict_from_store(xt, os.path.join(out, 'data', 'feature_decoders', 'ImageNetTraining', leaf, 'model'))
    clock.lap('test_predict')
    true = get_refdata(yt.reshape(len(yt), -1), np.array(feats.index), shown)
    acc = profile_correlation(pred.reshape(len(pred), -1), true).reshape((1,) + pred.shape[1:])
    clock.lap('test_accuracy')
    # the pipeline names file i after the i-th feature label, not after image `shown[i]`
    store_rows(os.path.join(out, 'data', 'decoded_features', 'ImageNetTest', leaf),
               [feats.labels[i] for i in range(len(shown))], pred)
    store_accuracy(os.path.join(out, 'data', 'decoding_accuracy', 'ImageNetTest', leaf), acc)
    clock.lap('test_save')
    return pred, acc


def decode_one(study, out, net, layer, sub, roi, feats, opt, scratch):
    clock = Clock()
    leaf = (net, layer, sub, roi)
    x, y, rows = decode_train(study, out, leaf, feats['train'], opt, scratch, clock)
    pred, acc = decode_predict(study, out, leaf, feats['test'], clock)
    with np.errstate(all='ignore'):
        gap = selection_gap((x - x.mean(0)) / x.std(0, ddof=1), y[rows], opt.n_feat_dec)
    return acc.astype(np.float32), {
        'n_inputs': x.shape[1], 'n_selected': min(opt.n_feat_dec, x.shape[1]),
        'n_targets': int(np.prod(pred.shape[1:])), 'n_train_samples': x.shape[0],
        'selection_gap_min': gap, 'seconds': clock.seconds}


def encode_one(study, out, net, layer, sub, roi, feats, opt, scratch):
    clock = Clock()
    leaf = os.path.join(net, layer, sub, roi)
    model_dir = os.path.join(out, 'data', 'feature_encoders', 'ImageNetTraining', leaf, 'model')

    def unit_matrix(f):
        a = f.get_features(layer).astype(np.float32)
        return a.reshape((a.shape[0], np.prod(a.shape[1:])), order='F')

    x = unit_matrix(feats['train'])
    bd = study.brain('train', sub)
    y = bd.select('ROI_%s = 1' % roi).astype(np.float32)
    shown = bd.get_label('stimulus_name')
    rows = np.array([np.where(np.array(feats['train'].labels) == s) for s in shown]).flatten()
    clock.lap('train_prepare')
    fit_and_store(x, y, opt.n_feat_enc, opt.alpha_enc, np.float32, ('X_sort', rows), model_dir,
                  'enc-%s' % leaf.replace('/', '-'), scratch, opt.engine)
    clock.lap('train_fit')

    xt = unit_matrix(feats['test'])
    names = np.unique(feats['test'].labels)
    bd = study.brain('test', sub)
    yt, shown_t = bd.select('ROI_%s = 1' % roi).astype(np.float32), bd.get_label('stimulus_name')
    present = np.unique(shown_t)
    yt = mean_by_label(yt, shown_t, present)
    clock.lap('test_prepare')
    pred = predict_from_store(xt, model_dir)
    clock.lap('test_predict')
    true = get_refdata(yt, np.array(present), names)
    acc = profile_correlation(pred, true)[np.newaxis]
    clock.lap('test_accuracy')
    base = os.path.join(out, 'data', 'encoded_fmri', 'ImageNetTest')
    store_rows(os.path.join(base, 'encoded_brain', leaf), names, pred)
    store_accuracy(os.path.join(base, 'profile_correlation', leaf), acc)
    store_accuracy(os.path.join(out, 'data', 'encoding_accuracy', 'ImageNetTest', leaf), acc)
    clock.lap('test_save')
    with np.errstate(all='ignore'):
        gap = selection_gap(((x - x.mean(0)) / x.std(0, ddof=1))[rows], y, opt.n_feat_enc)
    return acc.astype(np.float32), {
        'n_inputs': x.shape[1], 'n_selected': min(opt.n_feat_enc, x.shape[1]),
        'n_targets': y.shape[1], 'n_train_samples': y.shape[0],
        'selection_gap_min': gap, 'seconds': clock.seconds}


# ---------------------------------------------------------------- packing

def pack(path, out, study, nets, what, corrected):
    """All output arrays of the trees in one HDF5 file, numpy axis order."""
    with h5py.File(path, 'w') as f:
        f.attrs['axis_order'] = 'numpy (row major), as bdpy.dataform.load_array returns them'
        for label, net in nets.items():
            for layer, sub, roi in product(net['layers'], study.subjects, study.rois):
                leaf = os.path.join(net['dir'], layer, sub, roi)
                for kind, model, rows, acc in (
                        ('decode', 'feature_decoders/ImageNetTraining', 'decoded_features/ImageNetTest',
                         'decoding_accuracy/ImageNetTest'),
                        ('encode', 'feature_encoders/ImageNetTraining', 'encoded_fmri/ImageNetTest/encoded_brain',
                         'encoding_accuracy/ImageNetTest')):
                    if kind not in what:
                        continue
                    g = f.create_group('/'.join([kind, label, layer, sub, roi]))
                    mdir = os.path.join(out, 'data', model, leaf, 'model')
                    for k in ('W', 'b') + PARAMS:
                        a = load_array(os.path.join(mdir, k + '.mat'), key=k).astype(np.float32)
                        g.create_dataset(k, data=a, **({'compression': 'gzip', 'shuffle': True} if k == 'W' else {}))
                    rdir = os.path.join(out, 'data', rows, leaf)
                    names = sorted(n[:-4] for n in os.listdir(rdir))
                    g.create_dataset('predicted', data=np.concatenate(
                        [load_array(os.path.join(rdir, n + '.mat'), key='feat') for n in names]))
                    g.create_dataset('accuracy', data=load_array(
                        os.path.join(out, 'data', acc, leaf, 'accuracy.mat'), key='accuracy'))
                    if corrected:
                        g.create_dataset('accuracy_corrected', data=corrected[label][kind][layer][sub][roi])
                    if 'image_names' not in f:
                        f.create_dataset('image_names', data=[n.encode() for n in names])


# ---------------------------------------------------------------- main

def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--study', required=True)
    p.add_argument('--out', default=None, help='where the output trees go (default: the study)')
    p.add_argument('--what', default='decode,encode,bh')
    p.add_argument('--nets', nargs='*', default=None, help='keys of settings.json (default: all)')
    p.add_argument('--n-feat-dec', type=int, default=500)
    p.add_argument('--n-feat-enc', type=int, default=500)
    p.add_argument('--alpha-dec', type=float, default=100)
    p.add_argument('--alpha-enc', type=float, default=100)
    p.add_argument('--pval', type=float, default=0.05)
    p.add_argument('--n-layers', type=int, default=5, help='layers per random subset')
    p.add_argument('--voxel-limit', type=int, nargs='+', default=[1000],
                   help='voxels kept per subject and ROI in the encoding score; the first is '
                        'the one averaged with the decoding score')
    p.add_argument('--threads', type=int, default=None, help='BLAS threads outside the unit loop')
    p.add_argument('--engine', choices=['reference', 'float64'], default='reference',
                   help='float64: replace only the fit by a plain float64 one, to see how much '
                        'rounding matters (not for NaN cases)')
    p.add_argument('--corrected', action='store_true')
    p.add_argument('--no-timing', action='store_true', help='leave wall times out: the same input gives the same file')
    p.add_argument('--pack', default=None, help='also write all arrays into this HDF5 file')
    p.add_argument('--json', default=None, help='default: <out>/reference.json')
    opt = p.parse_args(argv)
    what = set(opt.what.split(','))
    out = opt.out or opt.study
    study = Study(opt.study)
    nets = {k: v for k, v in study.dnns.items() if opt.nets is None or k in opt.nets}
    scratch = tempfile.mkdtemp()
    os.makedirs(out, exist_ok=True)

    report = {
        'format': 1,
        'versions': {'numpy': np.__version__, 'scipy': scipy.__version__, 'h5py': h5py.__version__,
                     'hdf5storage': hdf5storage.__version__, 'bdpy': _version('bdpy'),
                     'fastl2lir': _version('fastl2lir')},
        'parameters': {'alpha_dec': opt.alpha_dec, 'alpha_enc': opt.alpha_enc,
                       'n_feat_dec': opt.n_feat_dec, 'n_feat_enc': opt.n_feat_enc, 'pval': opt.pval,
                       'subset_layers': opt.n_layers, 'voxel_limits': opt.voxel_limit,
                       'compat_df': bh.COMPAT_DF},
        'subjects': study.subjects, 'rois': study.rois, 'nets': {},
    }
    corrected = {}
    jobs = [(k, fn) for k, fn in (('decode', decode_one), ('encode', encode_one)) if k in what]
    for label, net in nets.items():
        entry = {'dir': net['dir'], 'layers': net['layers']}
        feats = {s: study.features(s, net['dir']) for s in ('train', 'test')}
        n_test = len(feats['test'].labels)
        entry['n_test_images'] = n_test
        acc = {k: {} for k, _ in jobs}
        load_seconds = {}
        for layer in net['layers']:
            t0 = time.perf_counter()
            shapes = [feats[s].get_features(layer).shape for s in feats]
            load_seconds[layer] = {'seconds': time.perf_counter() - t0,
                                   'files': sum(s[0] for s in shapes), 'unit_shape': list(shapes[0][1:])}
            for kind, fn in jobs:
                entry.setdefault(kind, {})[layer] = {}
                acc[kind][layer] = {}
                for sub in study.subjects:
                    entry[kind][layer][sub], acc[kind][layer][sub] = {}, {}
                    for roi in study.rois:
                        limiter = (threadpool_limits(opt.threads, user_api='blas')
                                   if opt.threads else contextlib.nullcontext())
                        with quiet(), limiter:
                            a, info = fn(study, out, net['dir'], layer, sub, roi, feats, opt, scratch)
                        flat = a.ravel()
                        info['accuracy_mean'] = float(np.nanmean(flat)) if np.isfinite(flat).any() else None
                        info['accuracy_nan'] = int(np.isnan(flat).sum())
                        info['accuracy'] = flat
                        entry[kind][layer][sub][roi] = info
                        acc[kind][layer][sub][roi] = a
            if opt.corrected:
                c = corrected.setdefault(label, {'decode': {}, 'encode': {}})
                for k in c:
                    c[k][layer] = {s: {} for s in study.subjects}
                for sub, roi in product(study.subjects, study.rois):
                    d, e = corrected_pair(study, net['dir'], layer, sub, roi, feats, opt)
                    c['decode'][layer][sub][roi], c['encode'][layer][sub][roi] = d, e
        entry['feature_loading'] = load_seconds
        for kind, _ in jobs:
            totals, units = {}, 0
            for layer, sub, roi in product(net['layers'], study.subjects, study.rois):
                info = entry[kind][layer][sub][roi]
                units += info['n_targets']
                for k, v in info['seconds'].items():
                    totals[k] = totals.get(k, 0) + v
            entry[kind + '_timing'] = {'seconds': totals, 'targets': units,
                                       'seconds_per_target': {k: v / units for k, v in totals.items()}}
        if 'bh' in what:
            for kind, folder in (('decode', 'decoding_accuracy'), ('encode', 'encoding_accuracy')):
                if kind in acc:
                    continue
                tree = os.path.join(out, 'data', folder, 'ImageNetTest', net['dir'])
                if os.path.isdir(tree):
                    acc[kind] = {l: {s: {r: load_array(os.path.join(tree, l, s, r, 'accuracy.mat'), key='accuracy')
                                         for r in study.rois} for s in study.subjects} for l in net['layers']}
            t0 = time.perf_counter()
            common = dict(layers=net['layers'], subjects=study.subjects, rois=study.rois,
                          pval=opt.pval, n_pick=opt.n_layers, limits=opt.voxel_limit)
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                entry['bh'] = {'compat': bh.score_report(acc.get('decode'), acc.get('encode'), **common),
                               # same accuracies, right test statistic and df, NaN left out
                               'compat_accuracy_corrected_test': bh.score_report(
                                   acc.get('decode'), acc.get('encode'), mode='corrected',
                                   df=n_test - 2, **common)}
                if opt.corrected:
                    entry['bh']['corrected'] = bh.score_report(
                        corrected[label]['decode'], corrected[label]['encode'],
                        mode='corrected', df=n_test - 2, **common)
            entry['bh_seconds'] = time.perf_counter() - t0
        if opt.corrected:
            entry['corrected_accuracy'] = {k: {l: {s: {r: {'mean': float(np.nanmean(v)) if np.isfinite(v).any() else None,
                                                           'nan': int(np.isnan(v).sum()), 'accuracy': np.round(v, 12)}
                                                       for r, v in rr.items()} for s, rr in ss.items()}
                                               for l, ss in corrected[label][k].items()} for k in corrected[label]}
        report['nets'][label] = entry
    shutil.rmtree(scratch, ignore_errors=True)
    if opt.no_timing:
        report = without_timing(report)
    with open(opt.json or os.path.join(out, 'reference.json'), 'w') as f:
        json.dump(bh.no_nan(report), f, indent=None, separators=(',', ':'), allow_nan=False)
        f.write('\n')
    if opt.pack:
        pack(opt.pack, out, study, nets, what, corrected)
    for label, e in report['nets'].items():
        for kind, _ in jobs:
            vals = [e[kind][l][s][r]['accuracy_mean'] for l in e[kind] for s in e[kind][l] for r in e[kind][l][s]]
            vals = [v for v in vals if v is not None]
            print('%s %s: mean profile correlation %.3f' % (label, kind, np.mean(vals)))
        for mode, rep in e.get('bh', {}).items():
            d, en = rep.get('decoding'), rep.get('encoding')
            print('%s [%s] decoding: subset mean %s, all layers %s; encoding %s; average %s' % (
                label, mode, d and _f(d['subset_mean_exact']), d and _f(d['all_layers']),
                en and ', '.join('%s %s' % (k, _f(v['score'])) for k, v in en.items()),
                rep.get('average') and _f(rep['average']['subset_mean_exact'])))


def without_timing(node):
    """A copy of a report without its wall times."""
    if not isinstance(node, dict):
        return node
    return {k: without_timing(v) for k, v in node.items()
            if k not in ('seconds', 'bh_seconds', 'decode_timing', 'encode_timing', 'feature_loading')}


def _f(v):
    return 'undefined' if v is None or v != v else '%.6f' % v


def _version(name):
    from importlib.metadata import version
    return version(name)


if __name__ == '__main__':
    main()
