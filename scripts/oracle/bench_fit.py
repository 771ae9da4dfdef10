"""The parts `fit` and `peers` of scripts/bench_reference: decoders of one layer, from arrays."""

import os
import tempfile

import numpy as np

import make_dataset
from bench_common import ALPHA, N_SELECTED, cell, package_version, python, run, weight_difference

N_IMAGES, N_REPEATS = 1200, 5
GRID = 24                     # the visual field is GRID x GRID latent positions
# scikit-learn fits unit by unit; this many are timed for the time of all.
UNITS_ONE_BY_ONE = 50


# ---------------------------------------------------------------- data

def fields(rng, n, width):
    """n Gaussian receptive fields, rows over the latent positions; row order follows the map."""
    side = int(np.ceil(np.sqrt(n)))
    y, x = np.divmod(np.arange(n), side)
    centre = np.stack([y, x], axis=1) * (GRID - 1) / (side - 1) + rng.normal(scale=0.3, size=(n, 2))
    where = np.stack(np.meshgrid(np.arange(GRID), np.arange(GRID), indexing='ij'), axis=-1).reshape(-1, 2)
    squared = ((centre[:, None, :] - where[None, :, :]) ** 2).sum(axis=2)
    return np.exp(-0.5 * squared / (width * rng.uniform(0.7, 1.4, size=(n, 1))) ** 2)


def standardise(a):
    return (a - a.mean(axis=0)) / a.std(axis=0, ddof=1)


def ring_arrays(rng, shown, n_voxels, n_units):
    """The golden studies' second ROI and a layer around its level, at full size."""
    options = make_dataset.get_args(['--out', 'unused'])
    n_levels = 5
    level = 1
    latent = make_dataset.latents(rng, N_IMAGES, n_levels, options.positions, options.level_corr)
    depth = np.clip(level + options.depth_jitter * rng.normal(size=n_units), 0, n_levels - 1)
    unit = make_dataset.layer_activity(rng, latent, depth, (n_units,), options)
    tuning = make_dataset.roi_tuning(rng, n_voxels, level, options.positions)
    run_of = np.arange(len(shown)) // 25 + 1
    x = make_dataset.roi_samples(rng, latent[level], shown, run_of, (run_of - 1) // 3 + 1, tuning, options.snr)
    return x, unit


def make_arrays(kind, n_voxels, n_units, seed=1):
    """Standardised x (presentations x voxels) and y (presentations x units), float32."""
    rng = np.random.default_rng(seed)
    shown = np.concatenate([rng.permutation(N_IMAGES) for _ in range(N_REPEATS)])
    if kind == 'retinotopic':
        x, unit = ring_arrays(rng, shown, n_voxels, n_units)
    elif kind == 'map':
        latent = rng.normal(size=(N_IMAGES, GRID * GRID))
        response = latent @ fields(rng, n_voxels, 2.0).T
        unit = latent @ fields(rng, n_units, 1.5).T
        response /= response.std(axis=0)
        unit = unit / unit.std(axis=0) + 0.7 * rng.normal(size=unit.shape)
        x = response[shown] + 1.5 * rng.normal(size=(len(shown), n_voxels))
    else:
        x = rng.normal(size=(len(shown), n_voxels))
        unit = rng.normal(size=(N_IMAGES, n_units))
    return standardise(x).astype(np.float32), standardise(unit).astype(np.float32)[shown]


class Case:
    """Arrays of one case in a temporary folder, and the programs that fit them."""

    def __init__(self, opt, kind, n_voxels, n_units):
        self.opt, self.kind, self.n_voxels, self.n_units = opt, kind, n_voxels, n_units
        self.folder = tempfile.TemporaryDirectory(dir=opt.scratch)
        for name, array in zip(('x', 'y'), make_arrays(kind, n_voxels, n_units)):
            np.save(self.path(name + '.npy'), array)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def ours(self, n_selected):
        return run([self.opt.bhscore, 'ridge', 'fit', '--x', self.path('x.npy'), '--y', self.path('y.npy'), '--alpha', ALPHA,
                    '--n-feat', n_selected, '--out', self.path('model'), '--json'], last_line=True)

    def package(self, name, option):
        return run(python('fit_arrays.py', name, self.path('x.npy'), self.path('y.npy'), ALPHA, option,
                          self.path(name + '.npy')), last_line=True)

    def selected(self):
        return np.load(self.path('model/selected.npy')).astype(np.int64)

    def difference(self, name):
        theirs = np.load(self.path(name + '.npy'))
        ours = np.load(self.path('model/W.npy'))
        return weight_difference(ours[:, :theirs.shape[1]], theirs)


# ---------------------------------------------------------------- fit

FIT_HEADER = ('| data | voxels | units | fit: reference, s | fit: bhscore, s | ratio | process: reference, s '
              '| process: bhscore, s | ratio | peak: reference, MB | peak: bhscore, MB | W difference | other voxels |\n'
              + '|---' * 13 + '|')


def fit_row(case, rounds):
    times = {'reference': [], 'bhscore': []}
    programs = {'reference': lambda: case.package('fastl2lir', N_SELECTED), 'bhscore': lambda: case.ours(N_SELECTED)}
    for i in range(rounds):
        for name in list(programs)[::1 if i % 2 == 0 else -1]:
            times[name].append(programs[name]())
    columns = [case.kind, '%d' % case.n_voxels, '%d' % case.n_units]
    for part in ('seconds_fit', 'seconds'):
        theirs, ours = ([t[part] for t in times[n]] for n in ('reference', 'bhscore'))
        columns += [cell(theirs), cell(ours), '%.1f' % (np.median(theirs) / np.median(ours))]
    columns += ['%.0f' % max(t['peak_megabytes'] for t in times[n]) for n in ('reference', 'bhscore')]
    difference, other = case.difference('fastl2lir')
    return '| %s |' % ' | '.join(columns + ['%.1e' % difference, '%d' % other])


def bench_fit(opt, say):
    rounds = ('One run each.' if opt.rounds == 1 else
              'Median (smallest–largest) of %d runs; one run for more than 1,000 units.' % opt.rounds)
    say('## Decoders of one layer\n\n'
        '%d images × %d presentations, %d voxels selected per unit, penalty %d; `FastL2LiR().fit` with its default '
        'threads and `bhscore ridge fit` on the same arrays, in turns. %s '
        '"Process" includes start and files. "W difference" is relative to the largest '
        'weight, over units with the same voxels; "other voxels" counts the rest.\n'
        % (N_IMAGES, N_REPEATS, N_SELECTED, ALPHA, rounds))
    say(FIT_HEADER)
    for n_units in opt.units:
        for kind in opt.data:
            for n_voxels in opt.voxels:
                with Case(opt, kind, n_voxels, n_units) as case:
                    say(fit_row(case, opt.rounds if n_units <= 1000 else 1))
    say('')


# ---------------------------------------------------------------- peers

def peer_row(case, what, name, n_units, taken):
    """`n_units`: how many were timed; the time of the fit is scaled to all."""
    scale = case.n_units / n_units
    difference = '' if name == 'bhscore' else '%.1e' % case.difference(taken['name'])[0]
    return (scale * taken['seconds_fit'], '| %s | %s | %d | %.3g | %%.1f | %.0f | %s |'
            % (what, name, n_units, scale * taken['seconds_fit'], taken['peak_megabytes'], difference))


def peer_rows(case, what, ours, peers):
    """`peers`: (name in the table, package, option, units timed)."""
    base, text = peer_row(case, what, 'bhscore', case.n_units, ours)
    yield text % 1
    for title, name, option, n_units in peers:
        seconds, text = peer_row(case, what, title, n_units, dict(case.package(name, option), name=name))
        yield text % (seconds / base)


def bench_peers(opt, say):
    n_voxels, n_units = opt.voxels[-1 if opt.quick else len(opt.voxels) // 2], min(opt.units)
    n_timed = min(UNITS_ONE_BY_ONE, n_units)
    has_himalaya = package_version('himalaya') is not None
    say('## Other packages\n\n'
        'Retinotopic data, %d voxels, %d units; seconds of the fit alone, one run each. scikit-learn has no selection per '
        'unit: it gets the %d voxels that `bhscore` selected and fits unit by unit, %d units timed and scaled to all '
        '(the time of selecting is not in it). himalaya has no selection at all, so it is in the second part only, where '
        'every unit uses all voxels and one factorisation serves all units. Both get a column of ones, so that all '
        'fit the same model. `bhscore` and fastl2lir compute in double precision, scikit-learn unit by unit in that of the '
        'arrays, float32. W difference: from ours, relative to the largest weight.\n' % (n_voxels, n_units, N_SELECTED, n_timed))
    say('| voxels per unit | program | units timed | fit, s | times bhscore | peak, MB | W difference |\n' + '|---' * 7 + '|')
    with Case(opt, 'retinotopic', n_voxels, n_units) as case:
        ours = case.ours(N_SELECTED)
        np.save(case.path('selected.npy'), case.selected()[:n_timed])
        for row in peer_rows(case, '%d' % N_SELECTED, ours, [
                ('fastl2lir', 'fastl2lir', N_SELECTED, n_units),
                ('scikit-learn Ridge, float32', 'ridge-per-unit', case.path('selected.npy'), n_timed)]):
            say(row)
        every = [('fastl2lir', 'fastl2lir', n_voxels, n_units)]
        for title, name in [('scikit-learn Ridge', 'ridge')] + [('himalaya Ridge', 'himalaya')] * has_himalaya:
            every += [('%s, %s' % (title, dtype), name, dtype, n_units) for dtype in ('float32', 'float64')]
        for row in peer_rows(case, 'all', case.ours(0), every):
            say(row)
    say('' if has_himalaya else '\nhimalaya is not installed here.\n')
