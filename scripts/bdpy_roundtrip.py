#!/usr/bin/env python3
"""Can bdpy use our files, and can we use bdpy's? Checked on the golden study.

  scripts/bdpy_roundtrip.py target/release/bhscore [--keep DIR]

One line per check; exit status 1 if any fails. Runs in the environment of
scripts/requirements-oracle.txt, which it makes itself.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault('TQDM_DISABLE', '1')
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'oracle'))

import environment

environment.enter()

import h5py
import hdf5storage
import numpy as np
from bdpy.dataform import Features, load_array, save_array

import run_reference as reference

GOLDEN = os.path.join(HERE, '..', 'tests', 'golden')
NET = 'synth/ringnet'
TOLERANCE = 1e-5          # of the root mean square: both sides store float32 (6e-8) and sum up to 40 products
# layer, subject, ROI: one C x H x W and one flat layer, equal and unequal numbers of repetitions
ITEMS = [(layer, sub, roi) for layer in ('conv1', 'fc6') for sub in ('sub-01', 'sub-02') for roi in ('V1', 'HVC')]
failures = 0


def check(name, good, detail=''):
    global failures
    failures += not good
    print('%-5s %s%s' % ('ok' if good else 'FAIL', name, ': ' + detail if detail else ''), flush=True)


def check_close(name, ours, theirs, tolerance=TOLERANCE):
    if ours.shape != theirs.shape:
        return check(name, False, 'shape %s, bdpy has %s' % (ours.shape, theirs.shape))
    scale = float(np.sqrt(np.mean(np.asarray(theirs, np.float64) ** 2)))
    worst = float(np.abs(np.asarray(ours, np.float64) - theirs).max()) / scale
    check(name, worst <= tolerance, 'largest difference %.1e of the root mean square' % worst)


# ---------------------------------------------------------------- studies

def fresh_study(root):
    shutil.copytree(os.path.join(GOLDEN, 'study'), root)
    return reference.Study(root)


def run(bhscore, root, command, *options, items=()):
    """One command on a study; the items' names become filters."""
    words = [bhscore, '-C', root, '-q', command, '--net', NET] + list(options)
    for flag, values in zip(('--layer', '--subject', '--roi'), zip(*items)):
        for value in sorted(set(values)):
            words += [flag, value]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        check('%s ends with status 0' % command, False, 'status %d\n%s' % (done.returncode, done.stderr.strip()))
    return done.returncode == 0


def leaf(root, kind, layer, sub, roi):
    split = 'ImageNetTraining' if kind == 'feature_decoders' else 'ImageNetTest'
    return os.path.join(root, 'data', kind, split, NET, layer, sub, roi)


def mean_responses(study, sub, roi):
    """Responses averaged over the presentations of each test image, images in name order."""
    brain = study.brain('test', sub)
    names = np.array(brain.get_label('stimulus_name'))
    shown = np.unique(names)
    return reference.mean_by_label(brain.select('ROI_%s = 1' % roi), names, shown), list(shown)


def decoded(root, layer, sub, roi, names):
    folder = leaf(root, 'decoded_features', layer, sub, roi)
    return np.concatenate([load_array(os.path.join(folder, n + '.mat'), key='feat') for n in names])


def bdpy_predicts(study, model_dir, sub, roi, chunk_axis=None):
    x, names = mean_responses(study, sub, roi)
    with reference.quiet():
        return reference.predict_from_store(x, model_dir, chunk_axis), names


# ---------------------------------------------------------------- the checks

def ours_in_bdpy(bhscore, root):
    """(a) decoders and predictions of bhscore, predictions by bdpy with the same decoders."""
    study = fresh_study(root)
    if not (run(bhscore, root, 'decode-train') and run(bhscore, root, 'decode-predict')):
        return None
    for layer, sub, roi in ITEMS:
        model = os.path.join(leaf(root, 'feature_decoders', layer, sub, roi), 'model')
        theirs, names = bdpy_predicts(study, model, sub, roi)
        check_close('bdpy predicts with our decoder %s/%s/%s' % (layer, sub, roi),
                    decoded(root, layer, sub, roi, names), theirs)
    shutil.copytree(os.path.join(GOLDEN, 'expected', 'data', 'encoding_accuracy'),
                    os.path.join(root, 'data', 'encoding_accuracy'))
    run(bhscore, root, 'compute')
    done = subprocess.run([sys.executable, os.path.join(HERE, 'compare_runs'), os.path.join(GOLDEN, 'expected'),
                           root, '--preset', 'small', '--what', 'decode,bh'], capture_output=True, text=True)
    check('all arrays and scores agree with the golden results', done.returncode == 0,
          done.stdout.strip().splitlines()[-1] if done.returncode == 0 else '\n' + done.stdout + done.stderr)
    return study


def train_with_bdpy(study, layer, sub, roi, variant):
    """A decoder by bdpy's ModelTraining; returns its folder and the axis of its chunks."""
    model = os.path.join(leaf(study.root, 'feature_decoders', layer, sub, roi), 'model')
    brain = study.brain('train', sub)
    features = study.features('train', NET)
    rows = np.array([features.labels.index(n) for n in brain.get_label('stimulus_name')])
    chunk_axis = 1 if variant == 'chunked' else None
    with reference.quiet(), tempfile.TemporaryDirectory() as locks:
        reference.fit_and_store(brain.select('ROI_%s = 1' % roi), features.get_features(layer), 20, 100, None,
                                ('Y_sort', rows), model, 'roundtrip-%s-%s-%s' % (layer, sub, roi), locks, 'reference',
                                chunk_axis)
    if variant == 'dense':
        path = os.path.join(model, 'W.mat')
        weights = load_array(path, key='W')
        os.remove(path)
        save_array(path, weights, key='W', dtype=np.float32, sparse=False)
    return model, chunk_axis


def bdpys_in_ours(bhscore, root, variant):
    """(b) decoders of bdpy, predictions by bhscore and by bdpy."""
    study = fresh_study(root)
    items = [i for i in ITEMS if variant != 'chunked' or i[0] == 'conv1']
    models = {i: train_with_bdpy(study, *i, variant) for i in items}
    for item, (model, _) in models.items():
        wanted = 'W/00000000.mat' if variant == 'chunked' else 'W.mat'
        if not os.path.exists(os.path.join(model, wanted)):
            return check('bdpy wrote %s for %s' % (wanted, '/'.join(item)), False)
    if not run(bhscore, root, 'decode-predict', items=items):
        return None
    for (layer, sub, roi), (model, chunk_axis) in models.items():
        theirs, names = bdpy_predicts(study, model, sub, roi, chunk_axis)
        check_close("we predict with bdpy's %s decoder %s/%s/%s" % (variant, layer, sub, roi),
                    decoded(root, layer, sub, roi, names), theirs)
    return None


def readers(root, study):
    """(c) what others read from our files: shape and type."""
    layer, sub, roi = ITEMS[0]
    shape = (1, 3, 4, 5)
    n_voxels = study.brain('train', sub).select('ROI_%s = 1' % roi).shape[1]
    model = os.path.join(leaf(root, 'feature_decoders', layer, sub, roi), 'model')
    folder = leaf(root, 'decoded_features', layer, sub, roi)
    name = sorted(n for n in os.listdir(folder) if n.endswith('.mat'))[0]
    wanted = [(os.path.join(model, 'W.mat'), 'W', (n_voxels,) + shape[1:]),
              (os.path.join(model, 'b.mat'), 'b', shape), (os.path.join(model, 'y_mean.mat'), 'y_mean', shape),
              (os.path.join(model, 'x_norm.mat'), 'x_norm', (1, n_voxels)),
              (os.path.join(folder, name), 'feat', shape),
              (os.path.join(leaf(root, 'decoding_accuracy', layer, sub, roi), 'accuracy.mat'), 'accuracy', shape)]
    for path, key, expected in wanted:
        got = load_array(path, key=key)
        check('bdpy.load_array reads %s' % key, got.shape == expected and got.dtype.kind == 'f',
              '%s %s' % (got.shape, got.dtype))
        with h5py.File(path, 'r') as f:
            if isinstance(f[key], h5py.Group):
                continue                        # the sparse form is bdpy's own
            check('h5py reads %s' % key, f[key].shape == expected[::-1] and f[key].dtype == np.float32,
                  '%s %s, axes reversed as in every MATLAB file' % (f[key].shape, f[key].dtype))
        got = hdf5storage.loadmat(path)[key]
        check('hdf5storage.loadmat reads %s' % key, got.shape == expected and got.dtype == np.float32,
              '%s %s' % (got.shape, got.dtype))
    features = Features(os.path.join(root, 'data', 'decoded_features', 'ImageNetTest', NET))
    check('bdpy.Features lists our layers', sorted(features.layers) == sorted(study.dnns['ringnet']['layers']),
          ', '.join(sorted(features.layers)))
    octave(os.path.join(folder, name), shape)


def octave(path, shape):
    program = shutil.which('octave-cli') or shutil.which('octave')
    if program is None:
        print('skip  Octave reads feat: it is not installed')
        return
    code = "s = load('%s'); printf('%%d ', size(s.feat)); printf('%%s', class(s.feat));" % path
    text = subprocess.run([program, '--quiet', '--eval', code], capture_output=True, text=True).stdout
    # Octave makes every HDF5 array without its own marks double, those of hdf5storage too
    check('Octave reads feat', text.split() in ([str(n) for n in shape] + [c] for c in ('single', 'double')), text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bhscore', help='path of the binary')
    parser.add_argument('--keep', help='leave the studies in this new folder')
    opt = parser.parse_args()
    bhscore = os.path.abspath(opt.bhscore)
    root = opt.keep or tempfile.mkdtemp()
    try:
        study = ours_in_bdpy(bhscore, os.path.join(root, 'ours'))
        if study is not None:
            readers(study.root, study)
        for variant in ('sparse', 'dense', 'chunked'):
            bdpys_in_ours(bhscore, os.path.join(root, variant), variant)
    finally:
        if not opt.keep:
            shutil.rmtree(root, ignore_errors=True)
    print('%s' % ('all checks passed' if not failures else '%d checks FAILED' % failures))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
