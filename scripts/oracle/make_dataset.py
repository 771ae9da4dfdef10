#!/usr/bin/env python3
"""Synthetic Brain-Hierarchy study in the on-disk layout of the BHscore pipeline.

What is simulated
-----------------
* Every image has a latent description at as many levels as there are ROIs.  A
  level is a vector over positions on a ring; neighbouring levels are partly
  correlated.
* ROI number r is driven by level r.  Voxels have receptive fields on the ring
  whose centres move smoothly with the voxel number; measurement noise is
  smooth across neighbouring voxels, plus a white part, a drift within each run
  and an offset per session.
* A unit has a depth (a real number between the first and the last level), a
  receptive field centre and width on the ring, and mixes the levels close to
  its depth.  `--hierarchy` says how depth follows layer order:
     forward   layer order follows the ROI order        (score clearly > 0)
     reversed  layer order runs against the ROI order   (score clearly < 0)
     shuffled  depths are dealt to units at random       (score near 0)
  The fMRI files do not depend on this choice (nor on `--layers`): with the same
  seed the three studies share their brain data.

Only numpy, h5py, scipy and bdpy are needed.
"""

import argparse
import json
import os
import sys

import h5py
import numpy as np
import scipy.io as sio

from bdpy import BData
from bdpy.dataform import save_array

DEFAULT_VOXELS = 'V1=40,V2=40,V3=40,V4=40,HVC=40'
DEFAULT_LAYERS = ['conv1:4x5x5', 'conv2:48', 'conv3:40', 'fc4:40', 'fc5:32', 'fc6:24']


# ---------------------------------------------------------------- arguments

def parse_layer(text):
    """'name:60' -> ('name', (60,));  'name:4x5x5' -> ('name', (4, 5, 5)).

    The shape is what follows the LAST colon, so names may contain colons.
    """
    name, _, dims = text.rpartition(':')
    if not name:
        raise argparse.ArgumentTypeError('layer must look like name:units or name:CxHxW')
    return name, tuple(int(d) for d in dims.lower().split('x'))


def parse_voxels(text):
    out = []
    for part in text.split(','):
        roi, n = part.split('=')
        out.append((roi, int(n)))
    return out


def parse_unit(text):
    layer, _, idx = text.rpartition(':')
    return layer, int(idx)


def parse_voxel(text):
    roi, idx, value = text.split(':')
    return roi, int(idx), float(value)


def get_args(argv=None):
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--out', required=True)
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--n-train-images', type=int, default=60)
    p.add_argument('--reps-train', type=int, default=2)
    p.add_argument('--n-test-images', type=int, default=50)
    p.add_argument('--reps-test', type=int, default=3)
    p.add_argument('--voxels', type=parse_voxels, default=parse_voxels(DEFAULT_VOXELS),
                   help='voxels per ROI; the order given is the hierarchy order. '
                        'Several subjects may differ: separate their lists with "/"')
    p.add_argument('--voxels-per-subject', nargs='*', default=None,
                   help='one voxel list per subject (overrides --voxels)')
    p.add_argument('--subjects', default='2',
                   help='a number (sub-01, sub-02, ...) or a comma list of names')
    p.add_argument('--layers', nargs='+', type=parse_layer,
                   default=[parse_layer(x) for x in DEFAULT_LAYERS])
    p.add_argument('--net', default='synth/ringnet', help='framework/name')
    p.add_argument('--net-label', default=None, help='key in settings.json (default: name)')
    p.add_argument('--mat-format', choices=['v7.3', 'v5', 'mixed'], default='v7.3',
                   help='mixed: layers take v7.3, v5 and compressed v5 in turn')
    p.add_argument('--hierarchy', choices=['forward', 'reversed', 'shuffled'], default='forward')
    # difficulty
    p.add_argument('--snr', type=float, default=0.55, help='voxel signal sd / noise sd')
    p.add_argument('--level-corr', type=float, default=0.65,
                   help='correlation between neighbouring latent levels')
    p.add_argument('--level-width', type=float, default=1.2,
                   help='how many levels a unit pools (sd, in levels)')
    p.add_argument('--depth-jitter', type=float, default=1.2,
                   help='sd of unit depth around the depth of its layer (levels)')
    p.add_argument('--unit-noise', type=float, default=0.6,
                   help='mean share of unit variance that no latent explains (units differ by up to 0.4)')
    p.add_argument('--positions', type=int, default=12, help='ring positions per level')
    # stress options
    p.add_argument('--drop-reps-train', type=int, default=0,
                   help='presentations removed at random (an image keeps at least one)')
    p.add_argument('--drop-reps-test', type=int, default=0)
    p.add_argument('--drop-subjects', nargs='*', default=None,
                   help='the subjects that lose presentations (default: all)')
    p.add_argument('--n-feat', type=int, default=None,
                   help='inputs kept per target, written to settings.json (default: leave it at 500)')
    p.add_argument('--const-unit', nargs='*', type=parse_unit, default=[],
                   help='LAYER:FLAT_INDEX, zero for every image')
    p.add_argument('--test-const-unit', nargs='*', type=parse_unit, default=[],
                   help='LAYER:FLAT_INDEX, zero for every TEST image only')
    p.add_argument('--const-voxel', nargs='*', type=parse_voxel, default=[],
                   help='ROI:INDEX:VALUE, that voxel holds VALUE in every sample')
    p.add_argument('--extra-voxels', type=int, default=0,
                   help='voxels that belong to no ROI')
    p.add_argument('--interleave', action='store_true',
                   help='scatter the ROI columns over the dataset')
    p.add_argument('--stim-code', choices=['index', 'id'], default='index',
                   help='number stored for stimulus_name: the image number, or '
                        'synset.image such as 1518878.010042')
    return p.parse_args(argv)


# ---------------------------------------------------------------- images

def image_names(rng, n):
    """n distinct names such as n01518878_10042, in sorted (text) order."""
    names = set()
    synsets = ['n%08d' % s for s in rng.choice(np.arange(1440764, 13133613),
                                               size=max(4, (2 * n) // 3), replace=False)]
    while len(names) < n:
        digits = int(rng.integers(2, 6))            # 2..5 digits, so that text order
        num = int(rng.integers(10 ** (digits - 1), 10 ** digits))   # != number order
        names.add('%s_%d' % (synsets[int(rng.integers(len(synsets)))], num))
    return sorted(names)


def ring_rf(centre, width, n_pos):
    d = np.abs(np.arange(n_pos)[None, :] - np.asarray(centre)[:, None])
    d = np.minimum(d, n_pos - d)
    return np.exp(-0.5 * (d / np.asarray(width)[:, None]) ** 2)


def latents(rng, n_img, n_levels, n_pos, corr):
    z = np.empty((n_levels, n_img, n_pos))
    z[0] = rng.normal(size=(n_img, n_pos))
    for lv in range(1, n_levels):
        carried = z[lv - 1][:, rng.permutation(n_pos)]     # re-mapped, not just copied
        z[lv] = corr * carried + np.sqrt(1 - corr ** 2) * rng.normal(size=(n_img, n_pos))
    return z


# ---------------------------------------------------------------- units

def layer_depths(layers, n_levels, hierarchy, rng, jitter):
    n_layers = len(layers)
    base = [0.0 if n_layers == 1 else k * (n_levels - 1) / (n_layers - 1)
            for k in range(n_layers)]
    if hierarchy == 'reversed':
        base = base[::-1]
    per_layer = []
    for d, (_, shape) in zip(base, layers):
        n = int(np.prod(shape))
        per_layer.append(np.clip(d + jitter * rng.normal(size=n), 0, n_levels - 1))
    if hierarchy == 'shuffled':
        pool = rng.permutation(np.concatenate(per_layer))
        cuts = np.cumsum([len(d) for d in per_layer])[:-1]
        per_layer = np.split(pool, cuts)
    return base, per_layer


def layer_activity(rng, z, depth, shape, args):
    """(n_img, *shape) float32 activity of one layer."""
    n_levels, n_img, n_pos = z.shape
    n = int(np.prod(shape))
    if len(shape) == 3:
        # positions of a map follow its rows and columns; channels differ in width
        c, h, w = shape
        grid = np.arange(h * w) * n_pos / (h * w)
        centre = np.tile(grid, c) + rng.normal(scale=0.5, size=n)
        width = np.repeat(rng.uniform(0.7, 1.8, size=c), h * w)
    else:
        centre = rng.uniform(0, n_pos, size=n)
        width = rng.uniform(0.7, 1.8, size=n)
    rf = ring_rf(centre % n_pos, width, n_pos) * (1 + 0.35 * rng.normal(size=(n, n_pos)))
    lev = np.exp(-0.5 * ((np.arange(n_levels)[None, :] - depth[:, None]) / args.level_width) ** 2)
    lev /= np.linalg.norm(lev, axis=1, keepdims=True)

    drive = np.zeros((n_img, n))
    for lv in range(n_levels):
        drive += (z[lv] @ rf.T) * lev[None, :, lv]
    drive /= drive.std(axis=0, keepdims=True)
    q = np.clip(args.unit_noise + rng.uniform(-0.4, 0.4, size=n), 0.05, 0.98)
    drive = np.sqrt(1 - q) * drive + np.sqrt(q) * rng.normal(size=drive.shape)

    gain = np.exp(rng.normal(scale=0.8, size=n))
    if len(shape) == 3:
        act = np.maximum(drive + rng.uniform(0.2, 1.2, size=n), 0) * gain   # rectified maps
    else:
        act = (drive + rng.normal(scale=2.0, size=n)) * gain                # signed, offset
    return act.astype(np.float32).reshape((n_img,) + tuple(shape))


# ---------------------------------------------------------------- voxels

def smooth_cols(a, sd):
    k = np.exp(-0.5 * (np.arange(-4, 5) / sd) ** 2)
    k /= np.linalg.norm(k)
    pad = np.pad(a, ((0, 0), (4, 4)), mode='reflect') if a.shape[1] > 4 else a
    if a.shape[1] <= 4:
        return a
    return sum(k[i] * pad[:, i:i + a.shape[1]] for i in range(9))


def roi_tuning(rng, n_vox, level, n_pos):
    centre = (np.arange(n_vox) * n_pos / max(n_vox, 1) + rng.normal(scale=0.3, size=n_vox)) % n_pos
    width = rng.uniform(0.8, 1.4, size=n_vox) * (1 + 0.1 * level)
    gain = np.exp(rng.normal(scale=0.4, size=n_vox)) * (rng.uniform(size=n_vox) > 0.25)
    return ring_rf(centre, width, n_pos), gain


def roi_samples(rng, z_level, order, run_of, session_of, tuning, snr):
    rf, gain = tuning
    sig = z_level @ rf.T
    sig /= sig.std(axis=0, keepdims=True)
    sig = sig * gain[None, :]
    n, v = len(order), rf.shape[0]
    noise = 0.8 * smooth_cols(rng.normal(size=(n, v)), 1.5) + 0.6 * rng.normal(size=(n, v))
    for run in np.unique(run_of):
        rows = np.flatnonzero(run_of == run)
        ramp = np.linspace(-1, 1, len(rows))[:, None] if len(rows) > 1 else np.zeros((1, 1))
        noise[rows] += 0.15 * ramp * rng.normal(size=(1, v))
    for ses in np.unique(session_of):
        noise[session_of == ses] += 0.1 * rng.normal(size=(1, v))
    return snr * sig[order] + noise


def presentation_order(rng, n_img, reps, drop):
    order = np.concatenate([rng.permutation(n_img) for _ in range(reps)])
    if drop:
        keep = np.ones(len(order), bool)
        left = np.full(n_img, reps)
        for i in rng.permutation(len(order)):
            if drop == 0:
                break
            if left[order[i]] > 1:
                keep[i] = False
                left[order[i]] -= 1
                drop -= 1
        order = order[keep]
    return order


def write_bdata(path, blocks, order, names, run_of, session_of, args, layout):
    """One fMRI file.  `blocks`: list of (roi, samples x voxels); layout: column owner."""
    n_vox = len(layout)
    x = np.empty((len(order), n_vox))
    for roi, dat in blocks:
        x[:, layout == roi] = dat
    bd = BData()
    bd.add(x, 'VoxelData')
    bd.add_metadata('ROI_VC', np.ones(n_vox), '1 = ROI_VC', where='VoxelData')
    for roi, _ in blocks:
        if roi == '-':
            continue
        bd.add_metadata('ROI_' + roi, np.where(layout == roi, 1.0, np.nan),
                        '1 = ROI_' + roi, where='VoxelData')
    bd.add_metadata('voxel_x', np.arange(n_vox, dtype=float), 'Voxel x coordinate', where='VoxelData')
    bd.add(session_of.astype(float), 'Session')
    bd.add(run_of.astype(float), 'Run')
    bd.add((order + 1).astype(float), 'image_index')
    if args.stim_code == 'index':
        code = {i: float(i + 1) for i in range(len(names))}
    else:
        code = {i: float('%d.%06d' % (int(nm[1:9]), int(nm[10:]))) for i, nm in enumerate(names)}
    bd.add(np.array([code[i] for i in order]), 'stimulus_name')
    bd.add_vmap('stimulus_name', {code[i]: names[i] for i in range(len(names)) if i in set(order)})
    bd.save(path)
    # bdpy stores the call stack with the source of every script: replace it
    with h5py.File(path, 'r+') as f:
        for k in ('callstack', 'callstack_code'):
            if k in f['header']:
                del f['header'][k]
                f['header'].create_dataset(k, data=[b'make_dataset.py'])
    # rewrite without the hole that the deletion leaves
    tmp = path + '.tmp'
    with h5py.File(path, 'r') as src, h5py.File(tmp, 'w') as dst:
        for k in src:
            src.copy(k, dst)
    os.replace(tmp, path)


# ---------------------------------------------------------------- main

def main(argv=None):
    args = get_args(argv)
    out = args.out
    subjects = (['sub-%02d' % (i + 1) for i in range(int(args.subjects))]
                if args.subjects.isdigit() else args.subjects.split(','))
    vox = ([parse_voxels(v) for v in args.voxels_per_subject]
           if args.voxels_per_subject else [args.voxels] * len(subjects))
    if len(vox) != len(subjects):
        sys.exit('--voxels-per-subject needs one list per subject')
    rois = [r for r, _ in vox[0]]
    n_levels = len(rois)

    # independent random streams, so that one choice does not shift another
    def stream(*key):
        return np.random.default_rng([args.seed] + list(key))

    n_tr, n_te = args.n_train_images, args.n_test_images
    names = {'train': image_names(stream(1, 0), n_tr), 'test': image_names(stream(1, 1), n_te)}
    if set(names['train']) & set(names['test']):
        sys.exit('image name clash, choose another seed')
    z_all = latents(stream(2), n_tr + n_te, n_levels, args.positions, args.level_corr)
    z = {'train': z_all[:, :n_tr], 'test': z_all[:, n_tr:]}

    # ---- features
    base, depths = layer_depths(args.layers, n_levels, args.hierarchy, stream(3), args.depth_jitter)
    fmt_cycle = {'v7.3': ['v7.3'], 'v5': ['v5'], 'mixed': ['v7.3', 'v5', 'v5-compressed']}[args.mat_format]
    split_dir = {'train': 'ImageNetTraining', 'test': 'ImageNetTest'}
    layer_meta = []
    for k, (name, shape) in enumerate(args.layers):
        act = layer_activity(stream(4, k), z_all, depths[k], shape, args)
        flat = act.reshape(act.shape[0], -1)
        dead = (flat[:n_tr] == flat[:1]).all(axis=0)
        if dead.any():
            sys.exit('layer %s came out with a silent unit, choose another seed' % name)
        for lay, idx in args.const_unit:
            if lay == name:
                flat[:, idx] = 0
        for lay, idx in args.test_const_unit:
            if lay == name:
                flat[n_tr:, idx] = 0
        fmt = fmt_cycle[k % len(fmt_cycle)]
        for split, rows in (('train', act[:n_tr]), ('test', act[n_tr:])):
            d = os.path.join(out, 'data', 'features', split_dir[split], args.net, name)
            os.makedirs(d, exist_ok=True)
            for nm, a in zip(names[split], rows):
                path, a = os.path.join(d, nm + '.mat'), a[np.newaxis]
                if fmt == 'v7.3':
                    save_array(path, a, key='feat', dtype=np.float32, sparse=False)
                else:
                    sio.savemat(path, {'feat': a}, do_compression=(fmt == 'v5-compressed'))
        layer_meta.append({'name': name, 'shape': list(shape), 'format': fmt,
                           'nominal_depth': base[k], 'mean_unit_depth': float(np.mean(depths[k]))})

    # ---- fMRI
    fmri = os.path.join(out, 'data', 'fmri')
    os.makedirs(fmri, exist_ok=True)
    n_samples = {}
    for s, sub in enumerate(subjects):
        counts = vox[s] + ([('-', args.extra_voxels)] if args.extra_voxels else [])
        layout = np.concatenate([np.repeat(r, n) for r, n in counts])
        if args.interleave:
            layout = stream(5, s).permutation(layout)
        tuning = {}
        for lv, (roi, n) in enumerate(vox[s]):
            tuning[roi] = roi_tuning(stream(6, s, lv), n, lv, args.positions)
        scale_rng = stream(7, s)
        scale = {r: np.exp(scale_rng.normal(scale=0.5, size=n)) for r, n in counts}
        shift = {r: scale_rng.normal(scale=0.5, size=n) for r, n in counts}
        for t, split in enumerate(('train', 'test')):
            rng = stream(8, s, t)
            reps = args.reps_train if split == 'train' else args.reps_test
            drop = args.drop_reps_train if split == 'train' else args.drop_reps_test
            if args.drop_subjects is not None and sub not in args.drop_subjects:
                drop = 0
            n_img = n_tr if split == 'train' else n_te
            order = presentation_order(rng, n_img, reps, drop)
            run_of = np.arange(len(order)) // 25 + 1
            session_of = (run_of - 1) // 3 + 1
            blocks = []
            for lv, (roi, n) in enumerate(vox[s]):
                dat = roi_samples(rng, z[split][lv], order, run_of, session_of, tuning[roi], args.snr)
                dat = dat * scale[roi] + shift[roi]
                for r, i, value in args.const_voxel:
                    if r == roi:
                        dat[:, i] = value
                blocks.append((roi, dat))
            if args.extra_voxels:
                blocks.append(('-', rng.normal(size=(len(order), args.extra_voxels))))
            tag = 'Training' if split == 'train' else 'Test'
            write_bdata(os.path.join(fmri, '%s_perceptionNaturalImage%s_VC_v2.h5' % (sub, tag)),
                        blocks, order, names[split], run_of, session_of, args, layout)
            n_samples['%s/%s' % (sub, split)] = len(order)

    # ---- settings
    label = args.net_label or args.net.split('/')[-1]
    layers = [n for n, _ in args.layers]
    settings = {'subjects': subjects, 'rois': rois, 'dnns': {label: {'dir': args.net, 'layers': layers}}}
    if args.n_feat is not None:
        settings['decoding'] = {'n_voxels': args.n_feat}
        settings['encoding'] = {'n_units': args.n_feat}
    with open(os.path.join(out, 'settings.json'), 'w') as f:
        json.dump(settings, f, indent=2)
        f.write('\n')
    with open(os.path.join(out, 'dataset.json'), 'w') as f:
        json.dump({
            'seed': args.seed, 'hierarchy': args.hierarchy, 'net': args.net, 'layers': layer_meta,
            'subjects': subjects, 'rois': rois,
            'voxels': {s: dict(v) for s, v in zip(subjects, vox)},
            'extra_voxels': args.extra_voxels, 'interleaved': args.interleave,
            'n_train_images': n_tr, 'n_test_images': n_te,
            'reps_train': args.reps_train, 'reps_test': args.reps_test, 'n_samples': n_samples,
            'snr': args.snr, 'level_corr': args.level_corr, 'level_width': args.level_width,
            'depth_jitter': args.depth_jitter, 'unit_noise': args.unit_noise, 'positions': args.positions,
            'const_unit': args.const_unit, 'test_const_unit': args.test_const_unit,
            'const_voxel': args.const_voxel, 'stim_code': args.stim_code,
        }, f, indent=1)
        f.write('\n')


if __name__ == '__main__':
    main()
