#!/usr/bin/env python3
"""Makes tests/golden/: a small study, what the reference method gives on it, and vectors.

  scripts/make_golden.py [--out tests/golden]

It runs in the environment of scripts/requirements-oracle.txt, which it makes itself.

The study is synthetic; nothing comes from a real participant, image or network. Running
this again gives the same numbers on the same versions; the files differ in the date that
the MATLAB formats carry in their header.  `tests/golden/select` is not touched.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'oracle'))

import environment

environment.enter()

import make_dataset
import make_formats
import make_vectors
import run_reference

SEED = 20210917
N_SELECTED = 20           # inputs per target; the study is too small for the published 500
DATASET = [
    '--seed', str(SEED), '--hierarchy', 'forward', '--mat-format', 'mixed', '--net', 'synth/ringnet',
    '--subjects', '2', '--n-train-images', '60', '--reps-train', '2',
    '--n-test-images', '40', '--reps-test', '3',
    '--voxels-per-subject', 'V1=36,V2=34,V3=31,V4=30,HVC=40', 'V1=33,V2=35,V3=30,V4=32,HVC=38',
    '--layers', 'conv1:3x4x5', 'conv2:40', 'conv3:36', 'fc4:32', 'fc5:28', 'fc6:20',
    '--extra-voxels', '6', '--interleave',
    '--drop-subjects', 'sub-02', '--drop-reps-train', '7', '--drop-reps-test', '4',
    '--n-feat', str(N_SELECTED),
]
ACCURACIES = ('decoding_accuracy', 'encoding_accuracy')
# one model folder for C x H x W and one for a flat layer, as bdpy lays them out
SAMPLE_MODELS = ('feature_decoders/ImageNetTraining/synth/ringnet/conv1/sub-01/V1',
                 'feature_decoders/ImageNetTraining/synth/ringnet/fc6/sub-02/HVC')
SAMPLE_FEATURES = 'decoded_features/ImageNetTest/synth/ringnet/conv1/sub-01/V1'


def keep(full, out):
    """Copy the parts of the reference's output tree that tests read as files."""
    parts = list(SAMPLE_MODELS) + [SAMPLE_FEATURES]
    parts += [os.path.join(a, 'ImageNetTest') for a in ACCURACIES]
    for part in parts:
        shutil.copytree(os.path.join(full, 'data', part), os.path.join(out, 'data', part),
                        ignore=shutil.ignore_patterns('info.yaml', '*.db'))


def check_margins(report):
    """A later rounding difference must not be able to flip a vote or a selection."""
    with open(report) as f:
        net = json.load(f)['nets']['ringnet']
    for mode, scores in net['bh'].items():
        margins = [scores['decoding']['margins']] + [e['margins'] for e in scores['encoding'].values()]
        for m in margins:
            for name, value in m.items():
                if value is not None and value < 2e-6:
                    raise SystemExit('%s: %s is %.1e: choose another SEED' % (mode, name, value))
    for kind in ('decode', 'encode'):
        gaps = [roi['selection_gap_min'] for layer in net[kind].values()
                for sub in layer.values() for roi in sub.values()]
        smallest = min(g for g in gaps if g is not None)
        print('%s: smallest gap in |r| at the selection boundary %.1e' % (kind, smallest))
        if smallest < 1e-7:
            raise SystemExit('too small, choose another SEED')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', default=os.path.join(HERE, '..', 'tests', 'golden'))
    out = os.path.abspath(parser.parse_args().out)
    for part in ('study', 'expected', 'vectors', 'formats'):
        shutil.rmtree(os.path.join(out, part), ignore_errors=True)
    study, expected = os.path.join(out, 'study'), os.path.join(out, 'expected')

    make_dataset.main(['--out', study] + DATASET)
    os.makedirs(expected)
    with tempfile.TemporaryDirectory() as full:
        run_reference.main([
            '--study', study, '--out', full, '--corrected', '--no-timing',
            '--pack', os.path.join(expected, 'expected.h5'), '--json', os.path.join(expected, 'reference.json'),
            '--n-feat-dec', str(N_SELECTED), '--n-feat-enc', str(N_SELECTED), '--voxel-limit', '1000', '25'])
        keep(full, expected)
    check_margins(os.path.join(expected, 'reference.json'))
    shutil.copy(os.path.join(study, 'settings.json'), expected)
    make_vectors.write(os.path.join(out, 'vectors'), SEED)
    make_formats.write_formats(os.path.join(out, 'formats'))

    size = sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(out) for f in fs)
    print('%s: %.1f MB' % (out, size / 1e6))


if __name__ == '__main__':
    main()
