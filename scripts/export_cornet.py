#!/usr/bin/env python3
"""Writes CORnet-Z, -R, -RT or -S as an ONNX file for `bhscore extract`: every area, every step.

  scripts/export_cornet.py Z --weights cornet_z-5c427c9c.pth --out models/cornet_z.onnx
  scripts/export_cornet.py RT --weights cornet_rt-933c001c.pth --times 5 --out models/cornet_rt.onnx

The networks are defined here from their published description (Kubilius et al. 2018, 2019), with
module names under which the published weight files load. Outputs: `V1.output-t0`,
`V1.output-t1` ... for every step of an area, `V1.output` for its last; likewise V2, V4, IT, the first
convolutions (`V1.conv` of Z, `V1.conv1` of S, `V1.conv_input` and `V1.conv1` of R and RT),
`decoder.avgpool` and, last, `decoder.linear`. The size of a batch is free.

In R and RT an area that is not yet reached gets zeros, so that its first steps are the same
for every image: use the plain names, the last steps.

The file is compared with PyTorch on two images, as by scripts/export_onnx.py. Needs the packages
of scripts/requirements-export.txt.
"""

import argparse
import sys
from collections import OrderedDict

import onnx_export
from onnx_export import nn, torch

IMAGE = (3, 224, 224)
AREAS = ('V1', 'V2', 'V4', 'IT')
WIDTHS = (64, 128, 256, 512)
N_CLASSES = 1000
N_GROUPS = 32
# Steps of the areas of S, and how much wider its bottlenecks are inside.
STEPS_OF_S, BOTTLENECK = {'V2': 2, 'V4': 4, 'IT': 2}, 4
N_PARAMETERS = {'Z': 2_071_656, 'R': 5_208_936, 'RT': 5_208_936, 'S': 53_416_616}
FOLDERS = {'Z': 'CORnet_Z', 'R': 'CORnet_R', 'RT': 'CORnet_RT', 'S': 'CORnet_S'}
FIRST_CONVOLUTIONS = {'Z': ['V1.conv'], 'R': ['V1.conv_input', 'V1.conv1'], 'RT': ['V1.conv_input', 'V1.conv1'],
                      'S': ['V1.conv1']}


# ---------------------------------------------------------------- the networks

def decoder() -> nn.Sequential:
    return nn.Sequential(OrderedDict(avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
                                     linear=nn.Linear(WIDTHS[-1], N_CLASSES)))


def area_z(inputs: int, width: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(inputs, width, kernel, stride, kernel // 2), nonlin=nn.ReLU(),
        pool=nn.MaxPool2d(3, 2, padding=1), output=nn.Identity()))


class Z(nn.Sequential):
    """Feed-forward: convolution, rectification and pooling per area."""

    def __init__(self):
        super().__init__(OrderedDict(
            V1=area_z(IMAGE[0], WIDTHS[0], 7, 2), V2=area_z(WIDTHS[0], WIDTHS[1], 3, 1),
            V4=area_z(WIDTHS[1], WIDTHS[2], 3, 1), IT=area_z(WIDTHS[2], WIDTHS[3], 3, 1), decoder=decoder()))


class RecurrentArea(nn.Module):
    """`output = relu(norm1(conv1(relu(norm_input(conv_input(x))) + previous output)))`."""

    def __init__(self, inputs: int, width: int, kernel: int, stride: int):
        super().__init__()
        self.width, self.stride = width, stride
        self.conv_input = nn.Conv2d(inputs, width, kernel, stride, kernel // 2)
        self.norm_input = nn.GroupNorm(N_GROUPS, width)
        self.nonlin_input = nn.ReLU()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(N_GROUPS, width)
        self.nonlin1 = nn.ReLU()
        self.output = nn.Identity()

    def forward(self, below: torch.Tensor | None, previous: torch.Tensor) -> torch.Tensor:
        """`below` is absent where nothing has arrived yet; `previous` is then zero."""
        x = previous
        if below is not None:
            x = x + self.nonlin_input(self.norm_input(self.conv_input(below)))
        return self.output(self.nonlin1(self.norm1(self.conv1(x))))


class Recurrent(nn.Module):
    """R and RT: the same areas, unrolled in two ways.

    Within a step, areas of R are computed one after the other, each from what the one below has
    just become; those of RT all at once from the previous step. In the first step of both only V1
    sees something.
    """

    def __init__(self, times: int, at_once: bool):
        super().__init__()
        self.times, self.at_once = times, at_once
        self.V1 = RecurrentArea(IMAGE[0], WIDTHS[0], 7, 4)
        self.V2 = RecurrentArea(WIDTHS[0], WIDTHS[1], 3, 2)
        self.V4 = RecurrentArea(WIDTHS[1], WIDTHS[2], 3, 2)
        self.IT = RecurrentArea(WIDTHS[2], WIDTHS[3], 3, 2)
        self.decoder = decoder()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        # A variable of the graph, unlike `len(image)`, which would be fixed in the file.
        n_images, (height, width) = image.shape[0], IMAGE[1:]
        now = {}
        for name in AREAS:
            area = getattr(self, name)
            height, width = -(-height // area.stride), -(-width // area.stride)
            now[name] = area(image if name == 'V1' else None, image.new_zeros(n_images, area.width, height, width))
        for _ in range(1, self.times):
            before = dict(now)
            for name, lower in zip(AREAS, (None, *AREAS), strict=False):
                source = before if self.at_once else now
                now[name] = getattr(self, name)(image if lower is None else source[lower], before[name])
        return self.decoder(now['IT'])


class AreaS(nn.Module):
    """A bottleneck with a skip, repeated: shared convolutions, norms of each step's own."""

    def __init__(self, inputs: int, width: int, times: int):
        super().__init__()
        inside = width * BOTTLENECK
        self.times = times
        self.conv_input = nn.Conv2d(inputs, width, 1, bias=False)
        self.skip = nn.Conv2d(width, width, 1, stride=2, bias=False)
        self.norm_skip = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, inside, 1, bias=False)
        self.nonlin1 = nn.ReLU()
        self.conv2 = nn.Conv2d(inside, inside, 3, stride=2, padding=1, bias=False)
        self.nonlin2 = nn.ReLU()
        self.conv3 = nn.Conv2d(inside, width, 1, bias=False)
        self.nonlin3 = nn.ReLU()
        self.output = nn.Identity()
        for step in range(times):
            self.add_module('norm1_%d' % step, nn.BatchNorm2d(inside))
            self.add_module('norm2_%d' % step, nn.BatchNorm2d(inside))
            self.add_module('norm3_%d' % step, nn.BatchNorm2d(width))

    def forward(self, below: torch.Tensor) -> torch.Tensor:
        x = self.conv_input(below)
        for step in range(self.times):
            norms = [getattr(self, 'norm%d_%d' % (i, step)) for i in (1, 2, 3)]
            # Only the first step halves the map.
            self.conv2.stride = (2, 2) if step == 0 else (1, 1)
            around = self.norm_skip(self.skip(x)) if step == 0 else x
            x = self.nonlin1(norms[0](self.conv1(x)))
            x = self.nonlin2(norms[1](self.conv2(x)))
            x = self.output(self.nonlin3(norms[2](self.conv3(x)) + around))
        return x


class S(nn.Sequential):
    """A plain V1 of two convolutions, then three recurrent areas."""

    def __init__(self):
        v1 = nn.Sequential(OrderedDict(
            conv1=nn.Conv2d(IMAGE[0], WIDTHS[0], 7, 2, 3, bias=False), norm1=nn.BatchNorm2d(WIDTHS[0]), nonlin1=nn.ReLU(),
            pool=nn.MaxPool2d(3, 2, padding=1),
            conv2=nn.Conv2d(WIDTHS[0], WIDTHS[0], 3, padding=1, bias=False), norm2=nn.BatchNorm2d(WIDTHS[0]),
            nonlin2=nn.ReLU(), output=nn.Identity()))
        areas = {name: AreaS(below, width, STEPS_OF_S[name])
                 for name, below, width in zip(AREAS[1:], WIDTHS, WIDTHS[1:], strict=False)}
        super().__init__(OrderedDict(V1=v1, **areas, decoder=decoder()))


def build(kind: str, times: int = 5) -> nn.Module:
    """One of the four, with the published number of parameters."""
    net = {'Z': Z, 'S': S}[kind]() if kind in ('Z', 'S') else Recurrent(times, at_once=kind == 'RT')
    n = onnx_export.n_parameters(net)
    assert n == N_PARAMETERS[kind], 'CORnet-%s has %d parameters, not %d' % (kind, n, N_PARAMETERS[kind])
    return net.eval()


def layers(kind: str) -> list[str]:
    return [*FIRST_CONVOLUTIONS[kind], *('%s.output' % area for area in AREAS), 'decoder.avgpool', 'decoder.linear']


# ---------------------------------------------------------------- the script

def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('model', choices=list(N_PARAMETERS), type=lambda text: text.upper())
    p.add_argument('--out', required=True, help='the ONNX file to write')
    weights = p.add_mutually_exclusive_group()
    weights.add_argument('--weights', metavar='FILE', help='.pth or .safetensors with the state dictionary')
    weights.add_argument('--seed', type=int, default=0, help='of random weights, used if none are given (default: 0)')
    p.add_argument('--times', type=int, default=5, help='steps of R and RT (default: 5)')
    p.add_argument('--layers', help='other modules, separated by commas; every step of each becomes an output')
    p.add_argument('--exporter', choices=list(onnx_export.OPSET), default='torchscript',
                   help='of PyTorch (default: torchscript)')
    opt = p.parse_args()
    if opt.times < 1:
        p.error('--times takes 1 or more')
    return opt


def main() -> int:
    opt = arguments()
    torch.manual_seed(opt.seed)
    net = build(opt.model, opt.times)
    if opt.weights:
        onnx_export.load_weights(net, opt.weights)
    else:
        onnx_export.randomise_norms(net, opt.seed)
        print('warning: random weights of seed %d; give --weights' % opt.seed, file=sys.stderr)
    wanted = opt.layers.split(',') if opt.layers else layers(opt.model)
    taps = onnx_export.choose(net, wanted, IMAGE, all_steps=True, name_single_steps=True)
    onnx_export.write_and_check(net, taps, opt.out, IMAGE, exporter=opt.exporter)
    print('next\tbhscore extract --net pytorch/%s --model %s' % (FOLDERS[opt.model], opt.out))
    return 0


if __name__ == '__main__':
    onnx_export.main_of(main)
