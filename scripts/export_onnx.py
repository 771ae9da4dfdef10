#!/usr/bin/env python3
"""Writes a PyTorch network as an ONNX file for `bhscore extract`, with layers as named outputs.

  scripts/export_onnx.py alexnet --list
  scripts/export_onnx.py alexnet --pretrained --out models/alexnet.onnx --layers features.0,features.4
  scripts/export_onnx.py resnet18 --weights resnet18.pth --out models/resnet18.onnx \\
      --settings settings.json --net pytorch/resnet18
  scripts/export_onnx.py my_nets:build --weights mine.safetensors --out models/mine.onnx --input 3x128x128

MODEL is a name of torchvision.models, or MODULE:FUNCTION, a function without arguments that
returns the network; MODULE is imported with the current folder on the path.

Layers are those of --layers, else what the network's entry in the settings asks for
(`extract.tensors`), else all modules without children. An output is called as the module, e.g.
`features.0`; the network's own output comes last, as `output` if it is no layer's. A module that
runs several times in one pass gives its last result; `NAME-t0`, `NAME-t1` ... are the single steps.

The file is compared with PyTorch on two images, together and each alone: exit status 2 if any
output differs by more than 1e-4 of the layer's largest value. Needs the packages of
scripts/requirements-export.txt. CORnet has a script of its own, scripts/export_cornet.py.
"""

import argparse
import importlib
import json
import os
import sys

import onnx_export
from onnx_export import Failed

DEFAULT_INPUT = '3x224x224'
# The weights of the papers; where torchvision does not have them, its current ones.
PRETRAINED = ('IMAGENET1K_V1', 'DEFAULT')


def image_shape(text: str) -> tuple[int, ...]:
    parts = text.split('x')
    if len(parts) != 3 or not all(p.isdigit() and int(p) > 0 for p in parts):
        raise argparse.ArgumentTypeError('`%s` is not CHANNELSxHEIGHTxWIDTH, e.g. %s' % (text, DEFAULT_INPUT))
    return tuple(int(p) for p in parts)


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError('`%s` is not a number of images' % text)
    return int(text)


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('model', help='name of torchvision.models, or MODULE:FUNCTION')
    p.add_argument('--out', help='the ONNX file to write')
    p.add_argument('--list', action='store_true', help='print modules with the shapes of their outputs, and stop')
    p.add_argument('--layers', help='module names, separated by commas')
    p.add_argument('--settings', default='settings.json', help='where --net is described (default: settings.json)')
    p.add_argument('--net', help='network of the settings, by name or folder: its layers are exported')
    p.add_argument('--all-steps', action='store_true', help='modules that run several times: also every step, NAME-t0 ...')
    weights = p.add_mutually_exclusive_group()
    weights.add_argument('--weights', metavar='FILE', help='.pth or .safetensors with the state dictionary')
    weights.add_argument('--pretrained', action='store_true', help='download the weights of torchvision')
    weights.add_argument('--seed', type=int, default=0, help='of random weights, used if none are given (default: 0)')
    p.add_argument('--input', type=image_shape, default=DEFAULT_INPUT, metavar='CxHxW',
                   help='shape of one image (default: %s)' % DEFAULT_INPUT)
    p.add_argument('--fixed-batch', type=positive, metavar='N', help='always N images at once (default: any number)')
    p.add_argument('--exporter', choices=list(onnx_export.OPSET), default='torchscript',
                   help='of PyTorch (default: torchscript)')
    opt = p.parse_args()
    if not opt.out and not opt.list:
        p.error('--out FILE.onnx is missing')
    return opt


# ---------------------------------------------------------------- the network

def torchvision_network(name: str, pretrained: bool):
    try:
        from torchvision import models
    except ImportError as e:
        raise Failed('Python package `torchvision` is missing; run `pip install -r scripts/requirements-export.txt`') from e
    names = models.list_models(module=models)
    if name not in names:
        raise Failed('torchvision has no network `%s`; nearest: %s; your own is MODULE:FUNCTION'
                     % (name, onnx_export.nearest(name, names)))
    known = models.get_model_weights(name)
    chosen = next((known[w] for w in PRETRAINED if w in known.__members__), None) if pretrained else None
    # Untrained Inceptions would draw their weights one by one, slowly.
    extra = {'init_weights': False} if name in ('googlenet', 'inception_v3') and not pretrained else {}
    try:
        net = models.get_model(name, weights=chosen, **extra)
    except OSError as e:
        raise Failed('could not download the weights of `%s` (%s); download them elsewhere and give --weights' % (name, e)) from e
    if chosen:
        print('weights\t%s' % chosen.url)
    return net


def own_network(name: str):
    module, _, function = name.partition(':')
    sys.path.insert(0, os.getcwd())
    try:
        build = getattr(importlib.import_module(module), function)
    except ImportError as e:
        raise Failed('cannot import `%s` (%s); run this in the folder of %s.py' % (module, e, module)) from e
    except AttributeError as e:
        raise Failed('`%s` has no `%s`; give MODULE:FUNCTION' % (module, function)) from e
    net = build()
    if not isinstance(net, onnx_export.nn.Module):
        raise Failed('`%s` returns %s, not a network; return a `torch.nn.Module`' % (name, type(net).__name__))
    return net


def network(opt: argparse.Namespace):
    onnx_export.torch.manual_seed(opt.seed)
    if ':' in opt.model:
        if opt.pretrained:
            raise Failed('--pretrained is for torchvision; load weights in your function or give --weights')
        net = own_network(opt.model)
    else:
        net = torchvision_network(opt.model, opt.pretrained)
    if opt.weights:
        onnx_export.load_weights(net, opt.weights)
    elif not opt.pretrained and ':' not in opt.model:
        onnx_export.randomise_norms(net, opt.seed)
        if not opt.list:
            print('warning: random weights of seed %d; give --weights or --pretrained' % opt.seed, file=sys.stderr)
    return net.eval()


# ---------------------------------------------------------------- the settings

def settings_entry(path: str, net: str) -> tuple[str, dict]:
    """Name and entry of a network, looked up by name or by folder."""
    try:
        with open(path) as f:
            networks = json.load(f).get('dnns', {})
    except (OSError, ValueError) as e:
        raise Failed('cannot read `%s` (%s); give --settings' % (path, e)) from e
    for name, entry in networks.items():
        if net in (name, entry.get('dir')):
            return name, entry
    names = [n for name, entry in networks.items() for n in (name, entry.get('dir', name))]
    raise Failed('`%s` has no network `%s`; nearest: %s' % (path, net, onnx_export.nearest(net, names)))


def wanted_layers(opt: argparse.Namespace) -> list[str]:
    if opt.layers:
        return [n.strip() for n in opt.layers.split(',') if n.strip()]
    if not opt.net:
        return []
    name, entry = settings_entry(opt.settings, opt.net)
    tensors = entry.get('extract', {}).get('tensors', {})
    if not tensors:
        raise Failed('network `%s` of `%s` has no `extract.tensors`; give --layers' % (name, opt.settings))
    return list(dict.fromkeys(tensors.values()))


def print_next(opt: argparse.Namespace, taps: list[onnx_export.Tap]) -> None:
    """What to write into the settings, and the next command."""
    name = os.path.splitext(os.path.basename(opt.out))[0]
    if opt.net:
        print('next\tbhscore extract --net %s --model %s' % (opt.net, opt.out))
        return
    layers = [t.name for t in taps if t.module]
    entry = {'dir': 'pytorch/%s' % name, 'layers': layers, 'extract': {'model': opt.out, 'preprocess': 'pytorch'}}
    print('settings\t"%s": %s' % (name, json.dumps(entry)))
    print('next\tbhscore extract --net pytorch/%s --model %s' % (name, opt.out))


def main() -> int:
    opt = arguments()
    net = network(opt)
    if opt.list:
        onnx_export.print_layers(net, opt.input)
        return 0
    taps = onnx_export.choose(net, wanted_layers(opt), opt.input, opt.all_steps, batch=opt.fixed_batch)
    onnx_export.write_and_check(net, taps, opt.out, opt.input, opt.fixed_batch, opt.exporter)
    print_next(opt, taps)
    return 0


if __name__ == '__main__':
    onnx_export.main_of(main)
