"""Study trees on disk (or packed in one HDF5 file) and how far two arrays are apart."""

import json
import os

import h5py
import numpy as np
import scipy.io as sio

MODEL = ('x_mean', 'x_norm', 'y_mean', 'y_norm', 'W', 'b')
FOLDERS = {
    'decode': {'model': 'feature_decoders/ImageNetTraining', 'predicted': 'decoded_features/ImageNetTest',
               'accuracy': ['decoding_accuracy/ImageNetTest']},
    'encode': {'model': 'feature_encoders/ImageNetTraining',
               'predicted': 'encoded_fmri/ImageNetTest/encoded_brain',
               'accuracy': ['encoding_accuracy/ImageNetTest', 'encoded_fmri/ImageNetTest/profile_correlation']},
}
FOREIGN = []          # files that bdpy itself could not read


# ---------------------------------------------------------------- reading

def read_plain_hdf5(path, key):
    """Own reader, for files that lack what bdpy wants."""
    with h5py.File(path, 'r') as f:
        node = f[key]
        if not isinstance(node, h5py.Group):
            return node[()].transpose()
        index, shape = node['index'][()], node['shape'][()]
        if index.dtype == object:
            index = [np.ravel(f[r][()]) for r in index.ravel()]
        shape = ([int(np.ravel(f[r][()])[0]) for r in shape.ravel()] if shape.dtype == object
                 else [int(v) for v in shape.ravel()])
        out = np.full(shape, float(np.ravel(node['background'][()])[0]))
        out[tuple(np.asarray(i).ravel() for i in index)] = np.ravel(node['value'][()])
        return out


def read_array(path, key):
    """The variable `key` of a .mat file, v5 or v7.3, dense or sparse."""
    with open(path, 'rb') as f:
        head = f.read(128)
    if head[:10] == b'MATLAB 5.0':
        if key != 'feat':
            FOREIGN.append(path)               # bdpy reads only features from v5 files
        return sio.loadmat(path)[key]
    try:
        from bdpy.dataform import load_array
        return load_array(path, key=key)
    except Exception:
        FOREIGN.append(path)
        return read_plain_hdf5(path, key)


class Tree:
    """A study folder, its `data/` folder, or a folder with `expected.h5`."""

    def __init__(self, root):
        root = os.path.abspath(root)
        if os.path.basename(root) == 'data' and not os.path.isdir(os.path.join(root, 'data')):
            root = os.path.dirname(root)
        self.root = root
        packed = os.path.join(root, 'expected.h5')
        self.h5 = h5py.File(packed, 'r') if os.path.exists(packed) else None

    def _json(self, *parts):
        path = os.path.join(self.root, *parts)
        if not os.path.exists(path):
            return None
        with open(path) as f:
            return json.load(f)

    def settings(self):
        return self._json('settings.json')

    def reported_scores(self, net_dir, rule):
        """The halves of the score that `results/bhscore.json` has; empty without that file."""
        for network in (self._json('results', 'bhscore.json') or {}).get('networks', []):
            if network['net'] == net_dir:
                return {k: network[k][rule] for k in ('decoding', 'encoding') if network.get(k) is not None}
        return {}

    def image_names(self):
        return [n.decode() for n in self.h5['image_names'][()]] if self.h5 and 'image_names' in self.h5 else None

    def n_test_images(self, net_dir):
        names = self.image_names()
        if names:
            return len(names)
        for folder, _, files in os.walk(os.path.join(self.root, 'data', 'features', 'ImageNetTest', net_dir)):
            if any(f.endswith('.mat') for f in files):
                return sum(f.endswith('.mat') for f in files)
        return None

    def get(self, kind, label, net, layer, sub, roi, what, names=None):
        """(array or None, list of missing files)."""
        if self.h5 is not None:
            k = '/'.join([kind, label, layer, sub, roi, what])
            if k in self.h5:
                return self.h5[k][()], []
        leaf = os.path.join(net, layer, sub, roi)
        data, folders = os.path.join(self.root, 'data'), FOLDERS[kind]
        if what in MODEL:
            path = os.path.join(data, folders['model'], leaf, 'model', what + '.mat')
            return (read_array(path, what), []) if os.path.exists(path) else (None, [path])
        if what.startswith('accuracy'):
            for f in folders['accuracy']:
                path = os.path.join(data, f, leaf, 'accuracy.mat')
                if os.path.exists(path):
                    return read_array(path, 'accuracy'), []
            return None, [path]
        return self._predicted(os.path.join(data, folders['predicted'], leaf), names)

    @staticmethod
    def _predicted(folder, names):
        if names is None:
            names = sorted(n[:-4] for n in os.listdir(folder) if n.endswith('.mat')) if os.path.isdir(folder) else []
        paths = [os.path.join(folder, n + '.mat') for n in names]
        missing = [p for p in paths if not os.path.exists(p)]
        if missing or not paths:
            return None, missing or [folder]
        return np.concatenate([read_array(p, 'feat') for p in paths]), []


# ---------------------------------------------------------------- figures

class Figure:
    """Largest differences of one quantity over all items."""

    def __init__(self, name, tol_abs, tol_rel):
        self.name, self.tol_abs, self.tol_rel = name, tol_abs, tol_rel
        self.arrays = self.missing = self.shape = self.nan = 0
        self.abs = self.rel = 0.0
        self.where = self.nan_where = ''

    def add(self, ref, cand, where, columns=None):
        """columns: mask over flattened targets to compare (None: all)."""
        self.arrays += 1
        if ref.shape != cand.shape:
            self.shape += 1
            self.where = 'shape %s, reference %s: %s' % (cand.shape, ref.shape, where)
            if ref.size != cand.size:
                return
            cand = cand.reshape(ref.shape)
        r = np.asarray(ref, np.float64).reshape(ref.shape[0], -1)
        c = np.asarray(cand, np.float64).reshape(ref.shape[0], -1)
        if columns is not None:
            r, c = r[:, columns], c[:, columns]
        bad = np.isnan(r) != np.isnan(c)
        if bad.any() and not self.nan:
            self.nan_where = where
        self.nan += int(bad.sum())
        ok = np.isfinite(r) & np.isfinite(c)
        if not ok.any():
            return
        with np.errstate(all='ignore'):
            diff = np.where(ok, np.abs(r - c), 0)
        if self.name.endswith('W'):
            scale = np.sqrt(np.mean(np.where(ok, r, 0) ** 2, axis=0, keepdims=True))
            scale = np.where(scale > 0, scale, np.inf)
        else:
            scale = max(np.sqrt(np.mean(r[ok] ** 2)), 1e-300)
        rel = float((diff / scale).max())
        if rel > self.rel or not self.where:
            self.where = where
        self.abs, self.rel = max(self.abs, float(diff.max())), max(self.rel, rel)

    def ok(self, allow_missing=False):
        return not ((self.missing and not allow_missing) or self.shape or self.nan) and (
            self.abs <= self.tol_abs or self.rel <= self.tol_rel)

    def line(self, allow_missing=False):
        return '%-18s %6d %7d %6d %6d  %10.3g %10.3g  %s  %s' % (
            self.name, self.arrays, self.missing, self.shape, self.nan, self.abs, self.rel,
            'ok  ' if self.ok(allow_missing) else 'FAIL',
            ('NaN: ' + self.nan_where) if self.nan else self.where)


def selection_check(ref, cand):
    """Masks over targets: same non-zero inputs; NaN in the reference; NaN in the candidate."""
    r, c = (np.asarray(w).reshape(w.shape[0], -1) for w in (ref, cand))
    return ((r != 0) == (c != 0)).all(axis=0), np.isnan(r).any(axis=0), np.isnan(c).any(axis=0)
