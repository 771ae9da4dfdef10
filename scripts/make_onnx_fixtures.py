#!/usr/bin/env python3
"""Small networks in the ONNX dialects of PyTorch's exporters, for the tests: writes tests/onnx/.

  scripts/make_onnx_fixtures.py
  scripts/make_spelling_fixture.py     # the first empties the folder

Every file is run in onnxruntime and compared with PyTorch, tensor by tensor, before its names go to
tests/onnx/README.md and fixtures.json. Needs the packages of scripts/requirements-export.txt;
the bytes of the files depend on their versions, the answers do not.
"""

import ast
import json
import os
import re
import shutil
import tempfile

import numpy as np
import onnx
import onnx_export
from onnx_export import Failed, Tap, nn, torch

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'onnx')
IMAGE = (3, 16, 16)
N_IMAGES, SEED = 2, 7
MAX_BYTES = 60_000
STEPS = 3
OUTPUT = 'scores'


# ---------------------------------------------------------------- networks

class Cnn(nn.Module):
    """Three layers with batch norm and rectifications in place."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(inplace=True))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(192, 10))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(image))


class Block(nn.Module):
    """A residual block whose rectification is one module called twice."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + x)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.layer1 = nn.Sequential(Block(6), Block(6))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(6, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.fc(self.avgpool(self.layer1(self.conv1(image))).flatten(1))


class Area(nn.Module):
    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.conv_input = nn.Conv2d(inputs, width, 3, stride=2, padding=1)
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(2, width)
        self.output = nn.ReLU(inplace=True)

    def forward(self, below: torch.Tensor | None, previous: torch.Tensor) -> torch.Tensor:
        x = previous if below is None else previous + self.conv_input(below)
        return self.output(self.norm(self.conv(x)))


class Recurrent(nn.Module):
    """Two areas that update at once: V2 has seen nothing in its first step, whatever the image."""

    def __init__(self):
        super().__init__()
        self.V1, self.V2 = Area(3, 4), Area(4, 6)
        self.decoder = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        n = image.shape[0]
        v1 = self.V1(image, image.new_zeros(n, 4, 8, 8))
        v2 = self.V2(None, image.new_zeros(n, 6, 4, 4))
        for _ in range(1, STEPS):
            v1, v2 = self.V1(image, v1), self.V2(v1, v2)
        return self.decoder(v2)


class Shuffle(nn.Module):
    """Takes every second channel first, by reshaping."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, channels, height, width = x.shape
        return x.view(n, 2, channels // 2, height, width).transpose(1, 2).reshape(n, channels, height, width)


class Tokens(nn.Module):
    """`(n, C, H, W)` to `(n, H W + 1, C)`: a learned token, then one per place."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Parameter(torch.randn(1, 1, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = x.flatten(2).transpose(1, 2)
        return torch.cat([self.first.expand(x.shape[0], -1, -1), places], dim=1)


class Reshaping(nn.Module):
    """Shapes computed in the graph: Shape, Gather, Concat and Reshape on int64."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, stride=4)
        self.shuffle = Shuffle()
        self.tokens = Tokens(8)
        self.linear = nn.Linear(8, 6)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.linear(self.tokens(self.shuffle(self.conv(image))))[:, 0]


def seeded(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(SEED)
    net = kind()
    onnx_export.randomise_norms(net, SEED)
    return net.eval()


# ---------------------------------------------------------------- which tensor is which module's

def named_scope(name: str, modules: set[str]) -> str:
    """Module path in a node's name of the TorchScript exporter, without its last part, the operation.

    A part is a module's full path or only the last piece of it, and from the second call on has
    the number of the call at its end: `/layer1/layer1.0/relu_1/Relu` is in `layer1.0.relu`.
    """
    path = ''
    for part in name.strip('/').split('/')[:-1]:
        piece = part.removeprefix(path + '.')
        candidates = [piece, re.sub(r'_[0-9]+$', '', piece)]
        path = next((c for c in ('%s.%s' % (path, c) if path else c for c in candidates) if c in modules), path)
    return path


def node_scope(node: onnx.NodeProto, modules: set[str]) -> str:
    """Path of the module a node belongs to: from the metadata of the dynamo exporter, else from its name."""
    for entry in node.metadata_props:
        if entry.key == 'pkg.torch.onnx.name_scopes':
            # The network itself, its modules from the outside to the inside, the operation.
            return ast.literal_eval(entry.value)[-2]
    return named_scope(node.name, modules)


def tensors_by_module(path: str, net: nn.Module, layers: list[str]) -> dict[str, str]:
    """Tensor of each layer that the file still has: the last output of each run of nodes inside the module.

    Runs are calls: the K-th is `LAYER-tK`, and the last one `LAYER` if the file has as many as PyTorch.
    """
    modules = {name for name, _ in net.named_modules()}
    scopes = [(node_scope(n, modules), n.output[0]) for n in onnx.load(path).graph.node if n.op_type != 'Constant']
    found = {}
    for layer in layers:
        module, mark, step = layer.rpartition('-t')
        if not mark:
            module = layer
        calls, inside = [], False
        for scope, output in scopes:
            was, inside = inside, scope == module or scope.startswith(module + '.')
            if inside and was:
                calls[-1] = output
            elif inside:
                calls.append(output)
        n_calls = max(1, sum(other.startswith(module + '-t') for other in layers))
        if mark and int(step) < len(calls):
            found[layer] = calls[int(step)]
        elif not mark and len(calls) == n_calls:
            found[layer] = calls[-1]
    return found


def with_outputs(path: str, names: list[str], folder: str) -> str:
    """A copy of the file in which these tensors are outputs."""
    model = onnx.load(path)
    have = {o.name for o in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in have)
    copy = os.path.join(folder, 'with-outputs.onnx')
    onnx.save(model, copy)
    return copy


# ---------------------------------------------------------------- the files

def save_expected(name: str, net: nn.Module, taps: list[Tap], images: torch.Tensor) -> dict[str, np.ndarray]:
    folder = os.path.join(FOLDER, 'expected', name)
    os.makedirs(folder)
    expected = onnx_export.activations(net, taps, images)
    for layer, values in expected.items():
        np.save(os.path.join(folder, layer + '.npy'), values)
    return expected


def check(path: str, tensors: dict[str, str], expected: dict[str, np.ndarray], images: torch.Tensor, batch: int | None) -> float:
    """Largest relative difference of any tensor from PyTorch, image by image or as many as the file wants."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        engine = onnx_export.session(with_outputs(path, list(tensors.values()), folder))
        name = engine.get_inputs()[0].name
        for rows in (slice(0, 1), slice(1, 2), slice(0, 2)):
            if batch and rows.stop - rows.start != batch:
                continue
            answers = engine.run(list(tensors.values()), {name: images[rows].numpy()})
            for layer, answer in zip(tensors, answers, strict=True):
                worst = max(worst, onnx_export.difference(answer, expected[layer][rows]))
    if not worst <= onnx_export.TOLERANCE:
        raise Failed('`%s` differs from PyTorch by %.1e; its names do not mean what they say' % (path, worst))
    return worst


def export_plain(net: nn.Module, path: str, dynamo: bool, **options) -> None:
    """As in PyTorch's tutorial: one output."""
    image = torch.zeros(N_IMAGES, *IMAGE)
    if dynamo:
        options |= {'dynamic_shapes': ({0: torch.export.Dim('batch')},), 'external_data': False}
    else:
        options |= {'dynamic_axes': {'image': {0: 'batch'}, OUTPUT: {0: 'batch'}}, 'opset_version': 17}
    with onnx_export.quiet():
        torch.onnx.export(net, (image,), path, dynamo=dynamo, input_names=['image'], output_names=[OUTPUT], **options)
    onnx_export.rename(path, {})


class Fixtures:
    def __init__(self):
        self.images = onnx_export.random_images(N_IMAGES, IMAGE, SEED)
        self.entries = []

    def path(self, name: str) -> str:
        return os.path.join(FOLDER, name + '.onnx')

    def add(self, name: str, net: str, what: str, expected: dict[str, np.ndarray], tensors: dict[str, str],
            batch: int | None = None) -> None:
        worst = check(self.path(name), tensors, expected, self.images, batch)
        size = sum(os.path.getsize(os.path.join(FOLDER, f)) for f in os.listdir(FOLDER) if f.startswith(name + '.onnx'))
        if size > MAX_BYTES:
            raise Failed('`%s` has %d bytes, more than %d; make the network smaller' % (name, size, MAX_BYTES))
        print('%s\t%d bytes\t%d tensors\t%.1e' % (name, size, len(tensors), worst))
        self.entries.append({'file': name + '.onnx', 'network': net, 'what': what, 'batch': batch, 'tensors': tensors})

    def add_named(self, name: str, network: str, net: nn.Module, taps: list[Tap], what: str, expected, batch=None) -> None:
        onnx_export.export(net, taps, self.path(name), IMAGE, batch)
        self.add(name, network, what, expected, {t.name: t.name for t in taps}, batch)

    def add_plain(self, name: str, network: str, net: nn.Module, what: str, expected, dynamo: bool = False, **options) -> None:
        export_plain(net, self.path(name), dynamo, **options)
        self.add(name, network, what, expected, tensors_by_module(self.path(name), net, list(expected)))

    def add_external(self, name: str, network: str, what: str, expected, source: str) -> None:
        onnx.save(onnx.load(self.path(source)), self.path(name), save_as_external_data=True, location=name + '.onnx.data',
                  size_threshold=0)
        os.chmod(self.path(name) + '.data', 0o644)
        self.add(name, network, what, expected, {layer: layer for layer in expected})

    def write_tables(self) -> None:
        with open(os.path.join(FOLDER, 'fixtures.json'), 'w') as f:
            json.dump(self.entries, f, indent=1)
            f.write('\n')
        lines = [HEAD]
        for entry in self.entries:
            batch = 'batch of %d' % entry['batch'] if entry['batch'] else 'free batch'
            lines.append('\n## `%s`: %s\n\n%s Expected: `expected/%s/`.\n\n| layer | tensor |\n|---|---|\n'
                         % (entry['file'], batch, entry['what'], entry['network']))
            lines += ['| `%s` | `%s` |\n' % pair for pair in entry['tensors'].items()]
        with open(os.path.join(FOLDER, 'README.md'), 'w') as f:
            f.write(''.join(lines))


HEAD = '''# Small networks as ONNX files

Written by `scripts/make_onnx_fixtures.py`; do not edit. Random weights, images of 3 × 16 × 16, input `image`.
`spelling_*` are written by `scripts/make_spelling_fixture.py`.

- `inputs.npy`: two images, `(2, 3, 16, 16)`, float32, already preprocessed.
- `expected/NETWORK/LAYER.npy`: PyTorch's activations for both, `(2, ...)`, float32. Layers are called
  as their modules, with `-tK` for the K-th call (from 0) of one that runs several times.
- `fixtures.json`: the tables below.

The files without named outputs tell in two ways which module a node belongs to.

- TorchScript exporter: the node's name, `/features/features.0/Conv`. Each part is the full path of a
  module (children of a `Sequential`) or its last piece (other children: `/layer1/layer1.0/conv1/Conv`), the last the
  operation. Further calls of a module have a number: `/layer1/layer1.0/relu_1/Relu`.
- Dynamo exporter: the node's metadata. `pkg.torch.onnx.name_scopes` is a Python list as text,
  `['', 'features', 'features.0', 'conv2d']`: the network itself, modules by their full paths, the operation. Further
  calls look like the first, but for the operation (`relu`, `relu_1`). Nodes outside all modules have `['', 'add']`,
  those that compute sizes may have `['_empty_nn_module_stack_from_metadata_hook', 'sym_size_int_1']`.

A module's value is the output of the last of its consecutive nodes. Layers without a row have no
tensor: nothing is computed there (dropout), the exporter merged it into another node, or it does not
matter for the network's output and was removed, as the last step of `V1` in `recurrent_plain.onnx`.
'''

PRESERVE = {'do_constant_folding': False, 'training': torch.onnx.TrainingMode.PRESERVE}


def cnn_fixtures(fixtures: Fixtures) -> None:
    net = seeded(Cnn)
    leaves = [t.name for t in onnx_export.choose(net, [], IMAGE)]
    taps = onnx_export.choose(net, ['features', *leaves], IMAGE)
    expected = save_expected('cnn', net, taps, fixtures.images)
    fixtures.add_named('named', 'cnn', net, taps, 'TorchScript exporter, every module an output.', expected)
    fixtures.add_plain('plain', 'cnn', net, 'TorchScript exporter, no constant folding, one output.', expected, **PRESERVE)
    # Folded, the tensor of the convolution is that of the norm.
    folded = expected | {'features.0': expected['features.1']}
    fixtures.add_plain(
        'folded', 'cnn', net, 'TorchScript exporter with its defaults, one output. **The norm is merged into the convolution**: '
        'the tensor of `features.0` has the values of `features.1`, which has no tensor.', folded)
    fixtures.add_plain('dynamo', 'cnn', net, 'Dynamo exporter, not optimised, one output.', expected, dynamo=True, optimize=False)
    fixtures.add_plain(
        'dynamo_optimised', 'cnn', net, 'Dynamo exporter with its defaults, one output. The norm is merged into the convolution; '
        'the node belongs to the norm, and `features.0` has no tensor.', expected, dynamo=True)
    for batch in (1, 2):
        fixtures.add_named('batch%d' % batch, 'cnn', net, taps, 'TorchScript exporter, every module an output.', expected, batch)
    fixtures.add_external('external', 'cnn', 'As `named.onnx`, the weights in `external.onnx.data`.', expected, 'named')


def residual_fixtures(fixtures: Fixtures) -> None:
    net = seeded(Residual)
    layers = ['conv1', 'layer1.0.conv1', 'layer1.0.relu', 'layer1.0', 'layer1', 'avgpool', 'fc']
    taps = onnx_export.choose(net, layers, IMAGE, all_steps=True)
    expected = save_expected('residual', net, taps, fixtures.images)
    what = 'Residual blocks whose ReLU is called twice; %s exporter, one output.'
    fixtures.add_plain('residual_plain', 'residual', net, what % 'TorchScript', expected, **PRESERVE)
    fixtures.add_plain('residual_dynamo', 'residual', net, what % 'dynamo', expected, dynamo=True, optimize=False)


def recurrent_fixtures(fixtures: Fixtures) -> None:
    net = seeded(Recurrent)
    taps = onnx_export.choose(net, ['V1.conv_input', 'V1.output', 'V2.output', 'decoder.0', 'decoder.2'], IMAGE, all_steps=True)
    expected = save_expected('recurrent', net, taps, fixtures.images)
    first = expected['V2.output-t0']
    assert np.array_equal(first[0], first[1]) and not np.array_equal(expected['V2.output'][0], expected['V2.output'][1])
    fixtures.add_named('recurrent', 'recurrent', net, taps, 'Two areas, three steps; `V2.output-t0` is the same for all images, '
                       'the plain names are the last steps.', expected)
    fixtures.add_plain('recurrent_plain', 'recurrent', net, 'TorchScript exporter, one output. `V1.output` has two '
                       'steps left, and the convolution of the image, the same in every step, is computed once.',
                       expected, **PRESERVE)
    fixtures.add_plain('recurrent_dynamo', 'recurrent', net, 'Dynamo exporter with its defaults, one output; otherwise as '
                       '`recurrent_plain.onnx`.', expected, dynamo=True)


def main() -> int:
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    fixtures = Fixtures()
    np.save(os.path.join(FOLDER, 'inputs.npy'), fixtures.images.numpy())
    cnn_fixtures(fixtures)
    residual_fixtures(fixtures)
    recurrent_fixtures(fixtures)

    net = seeded(Reshaping)
    taps = onnx_export.choose(net, [], IMAGE)
    expected = save_expected('reshaping', net, taps, fixtures.images)
    fixtures.add_named('reshaping', 'reshaping', net, taps, 'Shapes computed in the graph on int64 tensors; `tokens` and `linear` '
                       'are `(n, 17, ...)`.', expected)
    fixtures.write_tables()
    return 0


if __name__ == '__main__':
    onnx_export.main_of(main)
