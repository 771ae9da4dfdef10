"""The part `encode` of scripts/bench_reference: encoders of one wide layer, where all units are inputs."""

import os
import tempfile

import environment
from bench_common import python, run, weight_difference
from bench_study import NET, fresh, make_study, warm

# Layers of CORnet: the original forms a units x units matrix, which is 161 GB for the second.
COMPARED, LARGE = '512x7x7', '64x56x56'
COMPARED_SMALL, LARGE_SMALL = '32x7x7', '128x7x7'


def design(shape, quick):
    return dict(layers=['wide'], units=shape, subjects=1, images=300 if quick else 1200, repeats=5,
                test_repeats=4 if quick else 24, voxels='V1=%d' % (200 if quick else 1000))


def n_units(shape):
    product = 1
    for side in shape.split('x'):
        product *= int(side)
    return product


def run_reference(study, out):
    """What the original does with the one item: load, fit, store, predict, accuracy."""
    return run(python('original_encoding.py', '--study', study, '--out', out))


def run_ours(opt, study, out):
    """Both stages, as one process each; the same figures as for the reference."""
    fresh(study, out)
    runs = [run([opt.bhscore, '-C', out, stage, '--net', NET, '--quiet', '--memory', '6G'])
            for stage in ('encode-train', 'encode-predict')]
    return {'seconds': sum(r['seconds'] for r in runs), 'parts': [r['seconds'] for r in runs],
            'cpu_seconds': sum(r['cpu_seconds'] for r in runs),
            'peak_megabytes': max(r['peak_megabytes'] for r in runs)}


def compare(ours, theirs):
    from bdpy.dataform import load_array
    leaf = os.path.join(NET, 'wide', 'sub-01', 'V1')
    def both(kind, name, key):
        path = os.path.join('data', kind, 'ImageNetTraining' if 'encoders' in kind else 'ImageNetTest', leaf, name)
        return [load_array(os.path.join(root, path), key=key) for root in (ours, theirs)]
    a, b = both('feature_encoders', 'model/W.mat', 'W')
    difference, other = weight_difference(a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1]))
    a, b = both('encoding_accuracy', 'accuracy.mat', 'accuracy')
    return difference, other, float(abs(a - b).max())


def study_of(shape, quick):
    name = 'bench-encode-%s%s' % (shape, '-small' if quick else '')
    folder = make_study(design(shape, quick), os.path.join(environment.TARGET, name))
    warm(folder)
    return folder


def bench_encode(opt, say):
    compared, large = (COMPARED_SMALL, LARGE_SMALL) if opt.quick else (COMPARED, LARGE)
    d = design(compared, opt.quick)
    say('## A wide layer encoded\n\nOne subject, one ROI (%s voxels), %d training images × %d presentations, 50 test images × %d; '
        'training, prediction and accuracy in whole processes, files included. The original forms a matrix of units × units; the '
        'larger layer is ours only.\n' % (d['voxels'].split('=')[1], d['images'], d['repeats'], d['test_repeats']))
    say('| layer | units | reference, s | bhscore: train + predict, s | ratio | CPU s: reference | CPU s: bhscore | peak: reference, MB '
        '| peak: bhscore, MB | W difference | other units | accuracy difference |\n' + '|---' * 12 + '|')
    with tempfile.TemporaryDirectory(dir=opt.scratch) as scratch:
        ours, theirs = os.path.join(scratch, 'bhscore'), os.path.join(scratch, 'reference')
        for shape in (compared, large):
            study = study_of(shape, opt.quick)
            mine = run_ours(opt, study, ours)
            start = '| %s | %d | ' % (shape, n_units(shape))
            parts = '%.3g + %.3g' % tuple(mine['parts'])
            if shape == compared:
                fresh(study, theirs)
                reference = run_reference(study, theirs)
                difference, other, accuracy = compare(ours, theirs)
                say(start + '%.4g | %s | %.1f | %.4g | %.3g | %.0f | %.0f | %.1e | %d | %.1e |' % (
                    reference['seconds'], parts, reference['seconds'] / mine['seconds'], reference['cpu_seconds'],
                    mine['cpu_seconds'], reference['peak_megabytes'], mine['peak_megabytes'], difference, other, accuracy))
            else:
                say(start + '– | %s | – | – | %.3g | – | %.0f | – | – | – |' % (
                    parts, mine['cpu_seconds'], mine['peak_megabytes']))
    say('')
