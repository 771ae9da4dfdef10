"""The part `study` of scripts/bench_reference: whole stages on a study of the published design."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

import environment
from bench_common import HERE, cell, python, run, weight_difference

LAYERS = ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'fc8']
# Arguments of make_dataset.py. ROIs have 750 to 1,000 voxels in the published data, and one more.
PUBLISHED = dict(layers=LAYERS, units=1000, subjects=3, images=1200, repeats=5, test_repeats=24,
                 voxels='V1=1000,V2=900,V3=800,V4=750,HVC=2000')
SMALL = dict(layers=LAYERS[:3], units=200, subjects=2, images=300, repeats=5, test_repeats=4,
             voxels='V1=600,HVC=750')
NET = 'caffe/AlexNet'


# ---------------------------------------------------------------- the study

def make_study(design, folder):
    """Makes the study once (about 1 GB in full size); dataset.json is written last."""
    if os.path.exists(os.path.join(folder, 'dataset.json')):
        return folder
    print('making the study in %s (kept there)' % folder, file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    words = ['--out', folder, '--seed', 3, '--net', NET, '--n-train-images', design['images'],
             '--reps-train', design['repeats'], '--reps-test', design['test_repeats'], '--subjects', design['subjects'],
             '--voxels', design['voxels'], '--layers'] + ['%s:%s' % (l, design['units']) for l in design['layers']]
    subprocess.run(python('make_dataset.py', *[str(w) for w in words]), check=True, stdout=subprocess.DEVNULL)
    return folder


def warm(folder):
    """Reads everything once, so that all programs find the files in memory."""
    for base, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(base, name), 'rb') as f:
                while f.read(1 << 22):
                    pass


def fresh(study, folder):
    """An empty study on the same inputs."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, 'data'))
    shutil.copy(os.path.join(study, 'settings.json'), folder)
    for name in ('fmri', 'features'):
        os.symlink(os.path.join(os.path.abspath(study), 'data', name), os.path.join(folder, 'data', name))
    return folder


class Shape:
    """Names of the study's parts, and which of them the reference computes."""

    def __init__(self, study, full):
        with open(os.path.join(study, 'settings.json')) as f:
            settings = json.load(f)
        self.subjects, self.rois = settings['subjects'], settings['rois']
        self.layers = settings['dnns'][NET.split('/')[-1]]['layers']
        self.n_items = len(self.subjects) * len(self.rois) * len(self.layers)
        n = len(self.layers)
        self.some_layers = self.layers if full or n < 3 else [self.layers[n // 4], self.layers[3 * n // 4]]
        self.some_subjects = self.subjects if full else self.subjects[:1]

    def some_items(self):
        return [(l, s, r) for l in self.some_layers for s in self.some_subjects for r in self.rois]


# ---------------------------------------------------------------- the reference, scaled

def scaled(measured, shape):
    """Seconds of a stage of the reference on the whole study, from a run on a part of it.

    Start of the process, tables and layers by their numbers, items by ROI. All of it measured
    when the part is the whole.
    """
    tables, layers, items = (measured[k] for k in ('tables', 'layers', 'items'))
    start = measured['seconds'] - sum(sum(part.values()) for part in (tables, layers, items))
    mean = lambda values: sum(values) / len(values)      # noqa: E731
    per_roi = {roi: mean([s for item, s in items.items() if item.split('/')[-1] == roi]) for roi in shape.rois}
    parts = {'start': start, 'tables': len(shape.subjects) * mean(list(tables.values())),
             'features': len(shape.layers) * mean(list(layers.values())),
             'items': len(shape.subjects) * len(shape.layers) * sum(per_roi.values())}
    return sum(parts.values()), parts, per_roi


def run_reference(stage, study, out, shape):
    words = python('original_stages.py', stage, '--study', study, '--out', out)
    for option, values in (('--layer', shape.some_layers), ('--subject', shape.some_subjects)):
        words += [word for value in values for word in (option, value)]
    return run(words, last_line=True)


# ---------------------------------------------------------------- comparison

def compare(ours, theirs, shape):
    """Largest differences over the reference's items."""
    from bdpy.dataform import load_array
    worst = {'W': 0.0, 'other voxels': 0, 'decoded features': 0.0, 'accuracy': 0.0}
    for item in shape.some_items():
        def both(kind, name, key):
            path = os.path.join('data', kind, NET, *item, name)
            return [load_array(os.path.join(root, path), key=key).astype(np.float64) for root in (ours, theirs)]
        a, b = both('feature_decoders/ImageNetTraining', 'model/W.mat', 'W')
        difference, other = weight_difference(a.reshape(len(a), -1), b.reshape(len(b), -1))
        worst['W'] = max(worst['W'], difference)
        worst['other voxels'] += other
        folder = os.path.join(theirs, 'data', 'decoded_features', 'ImageNetTest', NET, *item)
        pairs = [both('decoded_features/ImageNetTest', name, 'feat') for name in sorted(os.listdir(folder))]
        a, b = (np.concatenate(side) for side in zip(*pairs))
        worst['decoded features'] = max(worst['decoded features'], float((np.abs(a - b) / b.std(axis=0)).max()))
        a, b = both('decoding_accuracy/ImageNetTest', 'accuracy.mat', 'accuracy')
        worst['accuracy'] = max(worst['accuracy'], float(np.abs(a - b).max()))
    return worst


# ---------------------------------------------------------------- the part

HEADER = ('| stage | reference, s | bhscore, s | ratio | reference: CPU s per item | bhscore: CPU s per item '
          '| peak: reference, MB | peak: bhscore, MB |\n' + '|---' * 8 + '|')


def stage_row(stage, reference, ours, shape):
    total, parts, per_roi = scaled(reference, shape)
    seconds = [run['seconds'] for run in ours]
    row = '| decode-%s | %.4g | %s | %.1f | %.3g | %.3g | %.0f | %.0f |' % (
        stage, total, cell(seconds), total / np.median(seconds),
        reference['cpu_seconds'] / len(reference['items']), np.median([r['cpu_seconds'] for r in ours]) / shape.n_items,
        reference['peak_megabytes'], max(r['peak_megabytes'] for r in ours))
    detail = '- decode-%s, the reference: %s; one item: %s' % (
        stage, ', '.join('%s %.3g s' % part for part in parts.items()),
        ', '.join('%s %.3g s' % part for part in per_roi.items()))
    return row, detail


def introduction(shape, design, opt):
    some = len(shape.some_items())
    text = ('## A whole study\n\n%d layers × %d units × %d subjects × %d ROIs (%s voxels) = %d items; %d training images × %d '
            'presentations, 50 test images × %d; feature files of MATLAB v7.3. Whole processes on fresh output folders, input '
            'files in memory. `bhscore decode-train` and `decode-predict` compute the whole study (%d run%s). The reference is '
            'what the original\'s scripts do with bdpy and fastl2lir (scripts/oracle/original_stages.py): tables loaded first, a '
            'layer\'s files read once per stage by up to 64 processes, then item by item; default threads. '
            % (len(shape.layers), design['units'], len(shape.subjects), len(shape.rois), design['voxels'].replace('=', ' '),
               shape.n_items, design['images'], design['repeats'], design['test_repeats'], opt.rounds, 's' * (opt.rounds > 1)))
    if some == shape.n_items:
        return text + 'It computed the whole study, too.\n'
    return text + ('**It computed %d of the %d items (subject %s, layers %s, all ROIs); its seconds are scaled**: start of the '
                   'process once, tables × %d subjects, features × %d layers, the mean item of each ROI × their '
                   'number. Peak memory is that of the largest process of the part that was run. `--full` runs all.\n'
                   % (some, shape.n_items, ', '.join(shape.some_subjects), ', '.join(shape.some_layers),
                      len(shape.subjects), len(shape.layers)))


def bench_study(opt, say):
    design = SMALL if opt.quick else PUBLISHED
    study = opt.study or make_study(design, os.path.join(environment.TARGET, 'bench-study-small' if opt.quick else 'bench-study'))
    warm(study)
    shape = Shape(study, opt.full)
    say(introduction(shape, design, opt))
    say(HEADER)
    details = []
    with tempfile.TemporaryDirectory(dir=opt.scratch) as folder:
        theirs, ours = fresh(study, os.path.join(folder, 'reference')), os.path.join(folder, 'bhscore')
        runs = {'train': [], 'predict': []}
        def our_run():
            fresh(study, ours)
            for stage in runs:
                runs[stage].append(run([opt.bhscore, '-C', ours, 'decode-' + stage, '--net', NET, '--quiet']))
        # Ours before and after the reference, so that a machine that slows down slows both.
        before = opt.rounds // 2
        for _ in range(before):
            our_run()
        reference = {stage: run_reference(stage, study, theirs, shape) for stage in runs}
        for _ in range(opt.rounds - before):
            our_run()
        for stage in runs:
            row, detail = stage_row(stage, reference[stage], runs[stage], shape)
            say(row)
            details.append(detail)
        worst = compare(ours, theirs, shape)
    say('')
    say('\n'.join(details))
    say('- largest differences over %d items: weights %.1e of the item\'s largest (%d units with other voxels), decoded features %.1e '
        'of their deviation over images, decoding accuracy %.1e\n'
        % (len(shape.some_items()), worst['W'], worst['other voxels'], worst['decoded features'], worst['accuracy']))
