#!/usr/bin/env python3
"""Networks of operations that the built-in engine takes otherwise than the standard: writes tests/onnx/spelling_*.onnx.

  scripts/make_spelling_fixture.py

Attributes are left out, padding comes first where it is odd, `Softmax` is over several axes, and some operations the
engine does not know. What ONNX Runtime computes goes to tests/onnx/expected/spelling_*/. Needs the packages onnx and
onnxruntime of scripts/requirements-export.txt.
"""

import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'onnx')
SEED = 5


def old(weights) -> tuple:
    """What was said otherwise in opset 11."""
    node = helper.make_node
    constants = {'odd': weights(5, 3, 3, 3), 'even': weights(4, 5, 2, 4), 'back': weights(4, 3, 3, 3)}
    return constants, [
        node('Conv', ['image', 'odd'], ['no_kernel'], strides=[2, 1]),
        node('Conv', ['no_kernel', 'even'], ['lower'], auto_pad='SAME_LOWER', kernel_shape=[2, 4]),
        node('ConvTranspose', ['lower', 'back'], ['back_no_kernel'], strides=[2, 2]),
        node('LRN', ['no_kernel'], ['normalised'], size=3, alpha=0.9, beta=0.6, bias=2.0),
        node('LRN', ['no_kernel'], ['normalised_widely'], size=5),
        node('MaxPool', ['normalised'], ['pool_no_strides'], kernel_shape=[3, 2]),
        node('AveragePool', ['normalised'], ['pool_lower'], kernel_shape=[2, 2], auto_pad='SAME_LOWER'),
        node('Dropout', ['pool_lower'], ['dropout'], ratio=0.4),
        node('Softmax', ['normalised'], ['softmax']),
        node('LogSoftmax', ['normalised'], ['log_softmax'], axis=2),
        node('Selu', ['pool_lower'], ['selu']),
        node('Selu', ['pool_lower'], ['selu_gamma'], alpha=0.3, gamma=2.0),
    ]


def new(weights) -> tuple:
    """What was added up to opset 21."""
    node = helper.make_node
    constants = {'kernel': weights(6, 3, 4, 4), 'scale': weights(6), 'shift': weights(6)}
    return constants, [
        node('Conv', ['image', 'kernel'], ['features'], strides=[3, 3]),
        node('GroupNormalization', ['features', 'scale', 'shift'], ['groups'], num_groups=3, epsilon=1e-2),
        node('Celu', ['features'], ['celu'], alpha=0.3),
        node('Mish', ['features'], ['mish']),
        node('Dropout', ['features'], ['dropout']),
        node('Softmax', ['features'], ['softmax']),
    ]


def write(name: str, opset: int, constants: dict, nodes: list) -> None:
    outputs = [node.output[0] for node in nodes]
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info('image', TensorProto.FLOAT, ['batch', 3, 16, 16])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None) for output in outputs],
        [numpy_helper.from_array(value, key) for key, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
    onnx.save(model, os.path.join(FOLDER, name + '.onnx'))
    images = np.load(os.path.join(FOLDER, 'inputs.npy'))
    folder = os.path.join(FOLDER, 'expected', name)
    os.makedirs(folder, exist_ok=True)
    results = onnxruntime.InferenceSession(model.SerializeToString()).run(outputs, {'image': images})
    for output, result in zip(outputs, results):
        np.save(os.path.join(folder, output + '.npy'), result)


def main() -> None:
    draws = np.random.RandomState(SEED)

    def weights(*shape: int) -> np.ndarray:
        return (0.5 * draws.randn(*shape)).astype(np.float32)

    write('spelling_old', 11, *old(weights))
    write('spelling_new', 21, *new(weights))


if __name__ == '__main__':
    main()
