#!/usr/bin/env python3
"""Does `bhscore extract` compute what PyTorch computes? By hand, not in CI.

  scripts/check_extract.py target/release/bhscore
  scripts/check_extract.py target/release/bhscore --nets alexnet,CORnet_RT --keep check --folder

For AlexNet, ResNet-18 and the four CORnets with random weights: exports the network, makes a study
of 8 synthetic pictures, lets the program extract the layers of the settings, and compares every
activation with PyTorch's for the same pixels. One row per layer; exit status 2 if one differs by more
than 1e-4 of its largest value, or is missing. Pixels are resized by Pillow, first the width and
then the height (the order of versions before 13), divided by 255 and standardised.

Needs the packages of scripts/requirements-export.txt.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import export_cornet
import export_onnx
import h5py
import numpy as np
import onnx_export
from onnx_export import MEAN, SD, TOLERANCE, Failed, nn, torch
from PIL import Image
from scipy import io, ndimage

SETTINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'settings.json')
SEED = 0
SHAPE = (3, 224, 224)
TORCHVISION = ('alexnet', 'resnet18')
CORNETS = {folder: kind for kind, folder in export_cornet.FOLDERS.items()}
# RT is not in the settings: its modules are those of R.
SAME_LAYERS = {'CORnet_RT': 'CORnet_R'}
ABS = '_abs'
# Name, width, height, kind: larger and smaller than the network's input, wide and tall, grey.
PICTURES = (('large.jpg', 500, 375, 'RGB'), ('tall.jpeg', 333, 500, 'RGB'), ('odd.JPEG', 301, 299, 'RGB'),
            ('grey.jpg', 400, 300, 'L'), ('wide.png', 640, 200, 'RGB'), ('small.png', 100, 90, 'RGB'),
            ('exact.png', 224, 224, 'RGB'), ('mixed.png', 180, 400, 'RGB'))


# ---------------------------------------------------------------- the study

def picture(width: int, height: int, kind: str, seed: int) -> Image.Image:
    """Smooth coloured noise with a few hard edges."""
    random = np.random.default_rng(seed)
    canvas = sum(weight * ndimage.gaussian_filter(random.normal(size=(height, width, 3)), (blur, blur, 0)) * blur
                 for blur, weight in ((1, 0.3), (4, 1), (16, 2)))
    for _ in range(6):
        x, y = random.integers(width), random.integers(height)
        canvas[y:y + random.integers(5, 80), x:x + random.integers(5, 80)] += random.normal(scale=2, size=3)
    pixels = np.clip(128 + 50 * canvas / canvas.std(), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert(kind)


def make_pictures(folder: str, pictures=PICTURES) -> list[str]:
    """Writes the pictures and returns their paths."""
    os.makedirs(folder)
    paths = []
    for seed, (name, width, height, kind) in enumerate(pictures):
        paths.append(os.path.join(folder, name))
        options = {} if name.endswith('.png') else {'quality': 90}
        picture(width, height, kind, seed).save(paths[-1], **options)
    return paths


def entry_of(net: str, settings: str) -> dict:
    """The network's entry in the settings, with folder and layers."""
    source = SAME_LAYERS.get(net, net)
    entry = dict(export_onnx.settings_entry(settings, 'pytorch/' + source)[1], dir='pytorch/' + net)
    if not entry.get('extract', {}).get('tensors'):
        raise Failed('network `%s` of `%s` has no `extract.tensors`; give --settings' % (source, settings))
    return entry


def make_study(root: str, entries: dict[str, dict], pictures=PICTURES) -> list[str]:
    """A study folder with pictures, settings and nothing else; returns the pictures' paths."""
    paths = make_pictures(os.path.join(root, 'data', 'images', 'ImageNetTest'), pictures)
    with open(os.path.join(root, 'settings.json'), 'w') as f:
        json.dump({'subjects': ['sub-01'], 'rois': ['V1', 'HVC'], 'dnns': entries}, f, indent=2)
    return paths


def preprocess(path: str) -> torch.Tensor:
    """The preset `pytorch`: `(1, 3, 224, 224)`."""
    with Image.open(path) as opened:
        image = opened.convert('RGB')
    _, height, width = SHAPE
    image = image.resize((width, image.height), Image.Resampling.BICUBIC).resize((width, height), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)
    return ((pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(SD)[:, None, None])[None]


# ---------------------------------------------------------------- networks

def build(net: str) -> nn.Module:
    """A network with random weights, the same in every process."""
    torch.manual_seed(SEED)
    made = export_cornet.build(CORNETS[net]) if net in CORNETS else export_onnx.torchvision_network(net, False)
    onnx_export.randomise_norms(made, SEED)
    return made.eval()


def export(net: str, made: nn.Module, entry: dict, path: str) -> list[onnx_export.Tap]:
    """As the user's scripts do it, with outputs for the layers of the settings."""
    if net in CORNETS:
        taps = onnx_export.choose(made, export_cornet.layers(CORNETS[net]), SHAPE, all_steps=True, name_single_steps=True)
    else:
        taps = onnx_export.choose(made, list(entry['extract']['tensors'].values()), SHAPE)
    onnx_export.export(made, taps, path, SHAPE)
    return taps


def expected_layers(made: nn.Module, taps: list[onnx_export.Tap], entry: dict, image: torch.Tensor) -> dict[str, np.ndarray]:
    """PyTorch's activations by the names of the settings' layers."""
    activations = onnx_export.activations(made, taps, image)
    tensors = entry['extract']['tensors']
    layers = {}
    for layer in entry['layers']:
        is_abs = layer.endswith(ABS) and layer not in tensors
        value = activations[tensors[layer.removesuffix(ABS) if is_abs else layer]]
        layers[layer] = np.abs(value) if is_abs else value
    return layers


# ---------------------------------------------------------------- what the program wrote

def read_mat(path: str) -> np.ndarray:
    """Variable `feat` of a .mat file, of version 7.3 (HDF5, axes reversed) or older."""
    try:
        return io.loadmat(path)['feat']
    except NotImplementedError:
        with h5py.File(path) as f:
            return f['feat'][()].T


def extract(bhscore: str, root: str, net: str, model: str, by_folder: bool, *options: str) -> tuple[str, str]:
    """Runs the program; returns the folder of the layers and its output."""
    features = os.path.join(root, 'data', 'features', 'ImageNetTest', 'pytorch', net)
    words = [bhscore, '-C', root, 'extract', '--net', 'pytorch/' + net, '--model', model, *options]
    if not by_folder:
        words += ['--split', 'test']
    else:
        features = os.path.join(root, 'out', net)
        words += ['--images', os.path.join(root, 'data', 'images', 'ImageNetTest'), '--out', features]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed('`%s` ended with status %d: %s; see its message' % (' '.join(words), done.returncode, done.stderr.strip()[-2000:]))
    return features, done.stdout


def layer_difference(folder: str, layer: str, expected: dict[str, np.ndarray]) -> float:
    """Largest difference over all pictures, relative to the layer's largest magnitude in each."""
    worst = 0.0
    for name, theirs in expected.items():
        path = os.path.join(folder, layer, name + '.mat')
        if not os.path.exists(path):
            raise Failed('`%s` was not written; look at the output of `bhscore extract`' % path)
        ours = read_mat(path)
        if ours.dtype != np.float32:
            raise Failed('`%s` holds %s; activations are float32' % (path, ours.dtype))
        # A 1 x C x 1 x 1 array may have lost its last axes.
        if ours.squeeze().shape != theirs.squeeze().shape or ours.shape[0] != 1:
            raise Failed('`%s` has shape %s, PyTorch has %s; is the order of axes right?' % (path, ours.shape, theirs.shape))
        worst = max(worst, onnx_export.difference(ours.reshape(theirs.shape), theirs))
    return worst


def check_net(net: str, opt: argparse.Namespace, root: str, pictures: list[str]) -> float:
    """Prints one row per layer, returns the largest difference."""
    entry = entry_of(net, opt.settings)
    made = build(net)
    model = os.path.join(root, 'models', net + '.onnx')
    taps = export(net, made, entry, model)
    folder, _ = extract(opt.bhscore, root, net, model, opt.folder)
    per_picture = {os.path.splitext(os.path.basename(p))[0]: expected_layers(made, taps, entry, preprocess(p)) for p in pictures}
    worst = 0.0
    for layer in entry['layers']:
        expected = {name: layers[layer] for name, layers in per_picture.items()}
        found = layer_difference(folder, layer, expected)
        shape = next(iter(expected.values())).shape[1:]
        print('%s\t%d\t%s\t%s\t%.1e' % (net, onnx_export.n_parameters(made), layer, 'x'.join(map(str, shape)), found), flush=True)
        worst = max(worst, found)
    if not opt.keep:
        os.remove(model)
    return worst


def run(opt: argparse.Namespace, root: str) -> float:
    pictures = make_study(root, {net: entry_of(net, opt.settings) for net in opt.nets})
    print('network\tparameters\tlayer\tshape\tlargest relative difference')
    return max(check_net(net, opt, root, pictures) for net in opt.nets)


def main() -> int:
    known = [*TORCHVISION, *CORNETS]
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('bhscore', help='the program')
    p.add_argument('--nets', default=','.join(known), help='some of %s' % ', '.join(known))
    p.add_argument('--settings', default=SETTINGS, help='where the networks and their tensors are described')
    p.add_argument('--folder', action='store_true', help='extract with --images and --out instead of the study\'s folders')
    p.add_argument('--keep', metavar='DIR', help='make the study there, a new folder, and keep it')
    opt = p.parse_args()
    opt.bhscore, opt.nets = os.path.abspath(opt.bhscore), opt.nets.split(',')
    if not set(opt.nets) <= set(known):
        p.error('--nets takes %s' % ', '.join(known))
    if not os.path.exists(opt.bhscore):
        p.error('%s does not exist; run `cargo build --release` first' % opt.bhscore)
    if opt.keep:
        worst = run(opt, os.path.abspath(opt.keep))
    else:
        with tempfile.TemporaryDirectory() as root:
            worst = run(opt, root)
    if not worst <= TOLERANCE:
        raise Failed('activations differ from PyTorch by %.1e, more than %.0e; see the table' % (worst, TOLERANCE))
    print('all within %.0e: largest %.1e' % (TOLERANCE, worst), file=sys.stderr)
    return 0


if __name__ == '__main__':
    onnx_export.main_of(main)
