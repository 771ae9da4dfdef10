"""The original's training and test scripts for decoding, on a part of a study, timed.

  original_stages.py train|predict --study DIR --out DIR [--layer L]... [--subject S]... [--roi R]...

What the original does: all fMRI tables are loaded first; layers are the outermost loop, and
bdpy's `Features` keeps the layer it has loaded, so a layer's files (one .mat per image, read by up
to 64 processes) are read once per layer and stage; every item is then computed by itself: bdpy's
`ModelTraining` or `ModelTest` on `FastL2LiR`, and the files are stored one by one.

Prints one line of JSON: seconds per table, per layer and per item; the rest of the process is its
start.
"""

import argparse
import json
import shutil
import tempfile
import time

import run_reference as reference
from bench_common import ALPHA, N_SELECTED


def timed(seconds, key, work):
    start = time.perf_counter()
    with reference.quiet():
        work()
    seconds[key] = time.perf_counter() - start


def run(opt, scratch):
    study = reference.Study(opt.study)
    network = next(iter(study.dnns.values()))
    split = 'train' if opt.stage == 'train' else 'test'
    seconds = {'tables': {}, 'layers': {}, 'items': {}}
    subjects = opt.subject or study.subjects
    for subject in subjects:
        timed(seconds['tables'], subject, lambda s=subject: study.brain(split, s))
    features = study.features(split, network['dir'])
    parameters = argparse.Namespace(n_feat_dec=N_SELECTED, alpha_dec=ALPHA, engine='reference')
    for layer in opt.layer or network['layers']:
        timed(seconds['layers'], layer, lambda: features.get_features(layer))
        for subject in subjects:
            for roi in opt.roi or study.rois:
                leaf = (network['dir'], layer, subject, roi)
                work = ((lambda: reference.decode_train(study, opt.out, leaf, features, parameters, scratch))
                        if opt.stage == 'train' else
                        (lambda: reference.decode_predict(study, opt.out, leaf, features)))
                timed(seconds['items'], '/'.join(leaf[1:]), work)
    return seconds


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('stage', choices=['train', 'predict'])
    p.add_argument('--study', required=True)
    p.add_argument('--out', required=True)
    for name in ('layer', 'subject', 'roi'):
        p.add_argument('--' + name, action='append')
    opt = p.parse_args()
    scratch = tempfile.mkdtemp()
    try:
        print(json.dumps(run(opt, scratch)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    main()
