#!/usr/bin/env python3
"""Writes tests/golden/cornet/golden.json: what PyTorch makes of CORnet on small synthetic images.

  scripts/make_cornet_golden.py

For each of the four networks, from weights and images that both sides compute by one rule (a hash of name and place):
the loss of 20 steps of SGD with momentum, weight decay and a rate that falls once, the loss in evaluation after them,
and a sample of what areas and decoder return at each step before training. The networks are those of scripts/export_cornet.py, so the packages of
scripts/requirements-export.txt are needed. tests/train/ reads the file.
"""

import json
import os

import numpy as np

import export_cornet
from onnx_export import nn, torch

SIDE, N_IMAGES, N_CLASSES, BATCH, N_STEPS, TIMES = 32, 64, 8, 32, 20, 5
# Side of the even squares that images are made of: of finer noise all images look alike to IT, whose batch norms would
# blow up rounding (PyTorch with one and with two threads then differs by 7e-4 after two steps).
SQUARE = 8
STEP_SIZE, MOMENTUM, WEIGHT_DECAY = 5, 0.9, 1e-4
# Low enough that rounding does not grow: with rates at which the loss jumps, no two programs agree.
LR = {'Z': 0.002, 'R': 0.001, 'RT': 0.001, 'S': 0.00002}
# Values that are kept of each activation.
N_SAMPLED = 24
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'golden', 'cornet', 'golden.json')


def uniform(name: str, n: int) -> np.ndarray:
    """Single floats in [0, 1): SplitMix64 from the FNV-1a hash of a name, the upper 24 bits of each number."""
    key = 0xcbf29ce484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001b3 % 2**64
    with np.errstate(over='ignore'):
        bits = np.uint64(key) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9e3779b97f4a7c15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
        bits ^= bits >> np.uint64(31)
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def fill(net: nn.Module) -> None:
    one, two = np.float32(1), np.float32(2)
    for name, p in net.named_parameters():
        u = uniform(name, p.numel())
        if p.dim() > 1:
            # Scores near zero at first: their loss is even.
            values = (two * u - one) * np.float32(np.sqrt((0.06 if p.dim() == 2 else 6) / p[0].numel()))
        elif name.endswith('.weight'):
            values = np.float32(0.5) + u
        else:
            values = (two * u - one) * np.float32(0.125)
        p.data = torch.from_numpy(values.reshape(p.shape).copy())


def images() -> tuple[torch.Tensor, torch.Tensor]:
    labels = np.arange(N_IMAGES) % N_CLASSES
    n = SIDE // SQUARE
    x = uniform('images', N_IMAGES * 3 * n * n).reshape(N_IMAGES, 3, n, n) * np.float32(4) - np.float32(2)
    x = x.repeat(SQUARE, axis=2).repeat(SQUARE, axis=3)
    shift = np.array([[label >> channel & 1 for channel in range(3)] for label in labels], dtype=np.float32)
    return torch.from_numpy(x + shift[:, :, None, None]), torch.from_numpy(labels)


def activations(net: nn.Module, kind: str, x: torch.Tensor) -> list[dict]:
    taps, hooks = [], []
    for module in export_cornet.layers(kind):
        def note(_module, _inputs, result, module=module):
            flat = result.detach().reshape(-1)
            sampled = flat[:: max(1, flat.numel() // N_SAMPLED)][:N_SAMPLED]
            taps.append({'module': module, 'step': sum(t['module'] == module for t in taps), 'n': flat.numel(),
                         'values': sampled.tolist()})
        hooks.append(net.get_submodule(module).register_forward_hook(note))
    with torch.no_grad():
        net.eval()(x)
    for hook in hooks:
        hook.remove()
    return taps


def losses(net: nn.Module, lr: float, x: torch.Tensor, labels: torch.Tensor) -> tuple[list[float], float]:
    sgd = torch.optim.SGD(net.parameters(), lr=lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    net.train()
    found = []
    for step in range(N_STEPS):
        epoch = step * BATCH / N_IMAGES
        for group in sgd.param_groups:
            group['lr'] = lr * 0.1 ** (epoch // STEP_SIZE)
        part = slice(step * BATCH % N_IMAGES, step * BATCH % N_IMAGES + BATCH)
        loss = nn.functional.cross_entropy(net(x[part]), labels[part])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        found.append(loss.item())
    with torch.no_grad():
        evaluated = nn.functional.cross_entropy(net.eval()(x[:BATCH]), labels[:BATCH])
    return found, evaluated.item()


def main() -> None:
    export_cornet.IMAGE, export_cornet.N_CLASSES = (3, SIDE, SIDE), N_CLASSES
    x, labels = images()
    torch.set_num_threads(1)
    golden = {'torch': torch.__version__}
    for kind in export_cornet.N_PARAMETERS:
        net = {'Z': export_cornet.Z, 'S': export_cornet.S}[kind]() if kind in 'ZS' else \
            export_cornet.Recurrent(TIMES, at_once=kind == 'RT')
        fill(net)
        golden[kind] = {'activations': activations(net, kind, x[:2])}
        golden[kind]['losses'], golden[kind]['evaluated'] = losses(net, LR[kind], x, labels)
        print(kind, golden[kind]['losses'], golden[kind]['evaluated'], flush=True)
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, 'w') as file:
        json.dump(golden, file, separators=(',', ':'))
        file.write('\n')


if __name__ == '__main__':
    main()
