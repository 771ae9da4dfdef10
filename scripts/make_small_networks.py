#!/usr/bin/env python3
"""Writes tests/data/gabor.onnx and tests/data/logits.onnx, networks whose answers are known; needs numpy and onnx.

  scripts/make_small_networks.py

gabor.onnx: input `image`, (n, 3, 32, 32), pixels from 0 to 1, of 4 degrees. Gabor filters of 4 orientations, 2 cycles
per degree and a standard deviation of 0.25 degrees, every half degree:

    simple     max(0, even)               (n, 4, 8, 8)
    complex    sqrt(even^2 + odd^2)       (n, 4, 8, 8)

Of the 64 places one, the sixth of rows and columns, is near (0.5, 0.5) degrees, where gratings are shown.

logits.onnx: input `image`, (n, 3, 8, 8). Means of the channels, and as many weighted sums of them as ImageNet has classes:

    mean       (n, 3, 1, 1)
    logits     (n, 1000)
"""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'data')
SIDE, DEGREES, SPACING, HALF = 32, 4, 4, 6
FREQUENCY, SD = 2.0, 0.25
ORIENTATIONS = (0, 45, 90, 135)
# Gratings lie on this ground; less it, padding looks like it.
GROUND = 128 / 255
LOGITS_SIDE, N_CLASSES, SEED = 8, 1000, 3
OPSET, IR_VERSION = 17, 8


def gabors(phase: float) -> np.ndarray:
    """A filter without a mean for each orientation: `(4, 1, 2 HALF + 1, 2 HALF + 1)`."""
    y, x = np.mgrid[-HALF:HALF + 1, -HALF:HALF + 1] * DEGREES / SIDE
    window = np.exp(-(x ** 2 + y ** 2) / (2 * SD ** 2))
    filters = []
    for orientation in np.radians(ORIENTATIONS):
        along = x * np.cos(orientation) + y * np.sin(orientation)
        wave = np.cos(2 * np.pi * FREQUENCY * along + phase)
        filters.append(window * (wave - (window * wave).sum() / window.sum()))
    return np.array(filters)[:, None]


def conv(inputs: list[str], output: str, side: int, **attributes) -> onnx.NodeProto:
    # Dilations have a default, but rten 0.27 does not know it.
    return helper.make_node('Conv', inputs, [output], name=output, kernel_shape=[side, side], dilations=[1, 1], **attributes)


def model(name: str, nodes: list, weights: dict[str, np.ndarray], side: int, outputs: dict[str, list[int]]) -> onnx.ModelProto:
    def info(name: str, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ['n', *shape])
    arrays = [numpy_helper.from_array(values.astype(np.float32), key) for key, values in weights.items()]
    graph = helper.make_graph(nodes, name, [info('image', [3, side, side])], [info(*o) for o in outputs.items()], arrays)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION,
                             producer_name='bhscore scripts/make_small_networks.py')
    onnx.checker.check_model(made)
    return made


def gabor() -> onnx.ModelProto:
    places = [len(ORIENTATIONS), SIDE // SPACING, SIDE // SPACING]
    # Centres are at every SPACING-th pixel from the first on.
    across = {'strides': [SPACING, SPACING], 'pads': [HALF] * 4}
    nodes = [conv(['image', 'grey', 'ground'], 'luminance', 1, strides=[1, 1], pads=[0] * 4)]
    for half in ('even', 'odd'):
        nodes += [conv(['luminance', half + '.weight'], half, 2 * HALF + 1, **across),
                  helper.make_node('Mul', [half, half], [half + '.squared'], name=half + '.squared')]
    nodes += [helper.make_node('Relu', ['even'], ['simple'], name='simple'),
              helper.make_node('Add', ['even.squared', 'odd.squared'], ['energy'], name='energy'),
              helper.make_node('Sqrt', ['energy'], ['complex'], name='complex')]
    weights = {'grey': np.full((1, 3, 1, 1), 1 / 3), 'ground': np.array([-GROUND]),
               'even.weight': gabors(0), 'odd.weight': gabors(np.pi / 2)}
    return model('gabor', nodes, weights, SIDE, {'simple': places, 'complex': places})


def logits() -> onnx.ModelProto:
    nodes = [helper.make_node('GlobalAveragePool', ['image'], ['mean'], name='mean'),
             helper.make_node('Flatten', ['mean'], ['flat'], name='flat'),
             helper.make_node('Gemm', ['flat', 'weight'], ['logits'], name='logits', transB=1)]
    weight = np.random.default_rng(SEED).normal(size=(N_CLASSES, 3))
    return model('logits', nodes, {'weight': weight}, LOGITS_SIDE, {'mean': [3, 1, 1], 'logits': [N_CLASSES]})


def main() -> int:
    for made in (gabor(), logits()):
        name = made.graph.name
        side = made.graph.input[0].type.tensor_type.shape.dim[2].dim_value
        image = np.random.default_rng(SEED).random((2, 3, side, side)).astype(np.float32)
        for output, values in zip(made.graph.output, ReferenceEvaluator(made).run(None, {'image': image}), strict=True):
            if not np.isfinite(values).all() or not values.std() > 0:
                print('error: `%s` of %s says nothing' % (output.name, name), file=sys.stderr)
                return 2
        path = os.path.join(FOLDER, name + '.onnx')
        onnx.save(made, path + '.tmp')
        os.replace(path + '.tmp', path)
        print('%s\t%d bytes' % (os.path.normpath(path), os.path.getsize(path)))
    return 0


if __name__ == '__main__':
    sys.exit(main())
