#!/usr/bin/env python3
"""Compares `bhscore extract` with ONNX Runtime on hundreds of graphs of one or two operations.

  scripts/check_operations.py target/release/bhscore [TEXT]

Each operation is written as it was in several versions of the standard, with attributes and without. A graph that
bhscore refuses is counted and named; one that it computes otherwise is an error, and so is one that it refuses without
being known for that (exit status 1). With TEXT only graphs
with that in their name. Needs the packages onnx, onnxruntime, h5py and pillow.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import h5py
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

HEIGHT, WIDTH, N_IMAGES = 11, 14, 2
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
N_VALUES = 3 * HEIGHT * WIDTH

# Sums of some hundred single floats in another order, as a share of the largest.
TOLERANCE = 1e-5

# What bhscore may refuse, by the begin of a case's name and a word of its attributes.
REFUSED = {
    'ConvTranspose': ('output_shape', 'SAME_LOWER'), 'Conv ': ('SAME_LOWER',), 'MaxPool': ('SAME_LOWER', 'dilations'),
    'AveragePool': ('SAME_LOWER', 'dilations'), 'LpPool': ('',), 'GlobalLpPool': ('',), 'Hardmax': ('',),
    'ThresholdedRelu': ('',), 'Shrink': ('',), 'MeanVarianceNormalization': ('',), 'SpaceToDepth': ('',), 'RNN': ('',),
    'Resize': ('cubic', 'half_pixel_symmetric'), 'ConvInteger': ('pads',), 'LSTM': ('lengths',), 'Computed': ('LOWER',),
    'BatchNormalization': ('moments',),
}

draws = np.random.RandomState(0)
node = helper.make_node


class Case:
    """A graph from `x` to `y`."""

    def __init__(self, name: str, nodes: list, opset: int = 13, **constants):
        self.name, self.nodes, self.opset, self.constants = name, nodes, opset, constants

    def model(self) -> onnx.ModelProto:
        image = helper.make_tensor_value_info('x', TensorProto.FLOAT, ['n', 3, HEIGHT, WIDTH])
        result = helper.make_tensor_value_info('y', TensorProto.FLOAT, None)
        constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, 'case', [image], [result], constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', self.opset)], ir_version=9)


def one(op: str, text: str = '', opset: int = 13, constants: dict | None = None, **attributes) -> Case:
    """A single operation on the image and constants."""
    constants = constants or {}
    words = [f'{key}={value}' for key, value in attributes.items()]
    name = ' '.join([op, text, *words, f'(opset {opset})']).replace('  ', ' ')
    return Case(name, [node(op, ['x', *constants], ['y'], **attributes)], opset, **constants)


def weights(*shape: int, scale: float = 0.5) -> np.ndarray:
    return (scale * draws.randn(*shape)).astype(np.float32)


def convolutions() -> Iterator[Case]:
    for side in ([3, 3], [2, 4], [5, 5]):
        given = {'w': weights(4, 3, *side)}
        for attributes in ({}, {'strides': [2, 3]}, {'dilations': [2, 1]}, {'pads': [1, 0, 2, 1]}):
            yield one('Conv', f'{side}', constants=given, **attributes)
            yield one('Conv', f'{side}', constants=given, kernel_shape=side, **attributes)
        for pad in ('SAME_UPPER', 'SAME_LOWER', 'VALID', 'NOTSET'):
            for strides in ([1, 1], [2, 2], [3, 3]):
                yield one('Conv', f'{side}', constants=given, auto_pad=pad, strides=strides)
    for strides in ([1, 1], [2, 2]):
        nodes = [node('Identity', ['w'], ['v']),
                 node('Conv', ['x', 'v'], ['y'], auto_pad='SAME_LOWER', strides=strides, dilations=[1, 1])]
        yield Case(f'Computed weights, LOWER {strides}', nodes, w=weights(4, 3, 2, 4))
    for attributes in ({}, {'pads': [1, 1, 1, 1]}):
        whole = [node('QuantizeLinear', ['x', 's', 'z'], ['q']),
                 node('ConvInteger', ['q', 'w', 'z'], ['i'], kernel_shape=[3, 3], strides=[1, 1], **attributes),
                 node('Cast', ['i'], ['y'], to=TensorProto.FLOAT)]
        yield Case(f'ConvInteger {attributes}', whole, s=np.float32(0.03), z=np.uint8(3),
                   w=draws.randint(-9, 9, (4, 3, 3, 3)).astype(np.int8))
    yield one('Conv', 'bias', constants={'w': weights(4, 3, 3, 3), 'b': weights(4)})
    yield one('Conv', 'groups', constants={'w': weights(6, 1, 3, 3)}, group=3)
    back = {'w': weights(3, 4, 3, 3)}
    for attributes in ({}, {'strides': [2, 2]}, {'strides': [2, 2], 'pads': [1, 1, 1, 1]}, {'dilations': [2, 2]},
                       {'strides': [2, 2], 'output_padding': [1, 1]}, {'strides': [2, 2], 'output_shape': [24, 30]},
                       {'strides': [2, 2], 'auto_pad': 'SAME_UPPER'}, {'strides': [2, 2], 'auto_pad': 'SAME_LOWER'}):
        yield one('ConvTranspose', constants=back, **attributes)
    yield one('ConvTranspose', 'groups', constants={'w': weights(3, 2, 3, 3)}, group=3)


def pools() -> Iterator[Case]:
    windows = [{}, {'dilations': [2, 2]}, {'auto_pad': 'SAME_LOWER'}]
    for strides in ([2, 2], [3, 3]):
        for rest in ({}, {'pads': [1, 1, 1, 1]}, {'pads': [0, 0, 1, 1]}, {'ceil_mode': 1},
                     {'pads': [1, 1, 1, 1], 'ceil_mode': 1}, {'auto_pad': 'SAME_UPPER'}, {'auto_pad': 'SAME_LOWER'},
                     {'auto_pad': 'VALID'}, {'auto_pad': 'VALID', 'pads': [1, 1, 1, 1]}):
            windows.append({'strides': strides, **rest})
    for side in ([3, 3], [2, 2], [4, 3]):
        for window in windows:
            yield one('MaxPool', opset=12, kernel_shape=side, **window)
            yield one('LpPool', opset=18, kernel_shape=side, **window)
            for counted in (0, 1):
                for opset in (11, 19):
                    if opset == 11 and 'dilations' in window:
                        continue
                    yield one('AveragePool', opset=opset, kernel_shape=side, count_include_pad=counted, **window)
    yield Case('MaxPool with indices', [node('MaxPool', ['x'], ['y', 'at'], kernel_shape=[2, 2], strides=[2, 2])])
    for op in ('GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool'):
        yield one(op)


def normalisations() -> Iterator[Case]:
    for size in (1, 3, 5):
        yield one('LRN', size=size)
    yield one('LRN', size=5, alpha=0.9, beta=0.6, bias=2.0)
    moments = {'scale': weights(3), 'shift': weights(3), 'mean': weights(3), 'variance': np.abs(weights(3)) + 0.1}
    for opset in (7, 9, 14, 15):
        yield one('BatchNormalization', opset=opset, constants=moments, epsilon=1e-2)
    yield one('BatchNormalization', opset=15, constants=moments)
    training = node('BatchNormalization', ['x', *moments], ['y', 'm', 'v'], training_mode=1)
    yield Case('BatchNormalization of the moments', [training], 15, **moments)
    affine = {'scale': weights(3), 'shift': weights(3)}
    yield one('InstanceNormalization', constants=affine)
    yield one('InstanceNormalization', constants=affine, epsilon=1e-2)
    six = {'w': weights(6, 3, 1, 1)}
    for opset, length in ((18, 2), (21, 6)):
        nodes = [node('Conv', ['x', 'w'], ['c']), node('GroupNormalization', ['c', 's', 'b'], ['y'], num_groups=2)]
        yield Case(f'GroupNormalization (opset {opset})', nodes, opset, s=weights(length), b=weights(length), **six)
    for axis, shape in ((-1, [WIDTH]), (-2, [HEIGHT, WIDTH]), (1, [3, HEIGHT, WIDTH])):
        given = {'scale': weights(*shape), 'shift': weights(*shape)}
        yield one('LayerNormalization', opset=17, constants=given, axis=axis)
    for p in (1, 2):
        yield one('LpNormalization', p=p, axis=1)
    yield one('MeanVarianceNormalization', axes=[2, 3])


def functions() -> Iterator[Case]:
    for op in ('Relu Elu Selu Celu Softplus Softsign HardSigmoid HardSwish Sigmoid Tanh Erf Abs Neg Exp Sign Floor Ceil '
               'Round Sin Cos Reciprocal ThresholdedRelu LeakyRelu Identity Sinh Atan Asinh Shrink').split():
        yield one(op, opset=14)
    yield one('Elu', alpha=0.3)
    yield one('Selu', alpha=0.3, gamma=2.0)
    yield one('Celu', alpha=0.3)
    yield one('LeakyRelu', opset=16, alpha=0.3)
    yield one('HardSigmoid', alpha=0.3, beta=0.4)
    yield one('Mish', opset=18)
    for op in ('Softplus', 'Mish', 'Selu', 'Elu', 'Sigmoid', 'Gelu'):
        yield Case(f'{op} of large values', [node('Mul', ['x', 'c'], ['t']), node(op, ['t'], ['y'])], 20,
                   c=np.float32(100))
    yield one('Gelu', opset=20)
    yield one('Gelu', opset=20, approximate='tanh')
    for opset in (7, 9, 13, 16):
        for shape in ([3, 1, 1], [1], [3, HEIGHT, WIDTH], [WIDTH]):
            yield one('PRelu', f'{shape}', opset, {'slope': weights(*shape)})
    yield one('Clip', opset=6, min=-0.5, max=1.0)
    yield one('Clip', constants={'low': np.float32(0), 'high': np.float32(1.2)})
    yield Case('Clip from above', [node('Clip', ['x', '', 'high'], ['y'])], high=np.float32(0.7))
    for op in ('Softmax', 'LogSoftmax', 'Hardmax'):
        for opset in (9, 11, 13):
            yield one(op, opset=opset)
            for axis in (1, 2, 3) if opset < 11 else (1, 2, 3, -1, -2):
                yield one(op, opset=opset, axis=axis)
    yield one('Dropout', opset=7, ratio=0.4)
    yield Case('Dropout (opset 12)', [node('Dropout', ['x', 'ratio'], ['y', 'mask'])], 12, ratio=np.float32(0.4))


def shapes() -> Iterator[Case]:
    for axis in (1, 2, 3):
        yield Case(f'Flatten {axis}', [node('Flatten', ['x'], ['f'], axis=axis), node('Reshape', ['f', 's'], ['y'])],
                   s=np.array([-1, 3, HEIGHT * WIDTH]))
    for shape in ([0, -1], [0, 0, -1], [-1, 3 * HEIGHT, WIDTH], [0, 3, WIDTH, HEIGHT]):
        yield one('Reshape', f'{shape}', constants={'shape': np.array(shape)})
    yield one('Reshape', opset=4, shape=[0, -1])
    yield one('Transpose', perm=[0, 2, 3, 1])
    yield Case('Transpose twice', [node('Transpose', ['x'], ['t']), node('Transpose', ['t'], ['y'])])
    yield Case('Unsqueeze and Squeeze (opset 11)', [node('Unsqueeze', ['x'], ['t'], axes=[1, 3]),
                                                    node('Squeeze', ['t'], ['y'], axes=[3])], 11)
    yield Case('Unsqueeze and Squeeze', [node('Unsqueeze', ['x', 'a'], ['t']), node('Squeeze', ['t', 'b'], ['y'])],
               a=np.array([1, -1]), b=np.array([-1]))
    yield Case('Concat', [node('Relu', ['x'], ['r']), node('Concat', ['x', 'r', 'x'], ['y'], axis=-3)])
    yield Case('Split (opset 11)', [node('Split', ['x'], ['a', 'y'], axis=3, split=[4, 10])], 11)
    yield Case('Split', [node('Split', ['x', 's'], ['a', 'y', 'c'], axis=1)], s=np.array([1, 1, 1]))
    yield Case('Split (opset 18)', [node('Split', ['x'], ['a', 'b', 'y'], axis=2, num_outputs=3)], 18)
    yield one('Slice', opset=9, starts=[1, -5], ends=[100, -1], axes=[2, 3])
    steps = {'s': np.array([-1, 0]), 'e': np.array([-1000, 12]), 'a': np.array([2, 3]), 't': np.array([-2, 3])}
    yield one('Slice', 'with steps', 10, steps)
    pads = np.array([0, 0, 1, 2, 0, 0, 3, 1])
    for mode in ('constant', 'reflect', 'edge', 'wrap'):
        yield one('Pad', opset=19, constants={'p': pads}, mode=mode)
        if mode != 'wrap':
            yield one('Pad', opset=9, mode=mode, pads=list(pads), value=0.25)
    yield one('Pad', 'value', constants={'p': pads, 'v': np.float32(0.5)})
    yield one('Pad', 'negative', constants={'p': np.array([0, 0, -1, -2, 0, 0, -3, 1])})
    yield one('Tile', constants={'r': np.array([1, 2, 1, 3])})
    yield one('Gather', constants={'i': np.array([0, -1, 3])}, axis=-1)
    eight = {'w': weights(8, 3, 1, 1)}
    for mode in ('DCR', 'CRD'):
        nodes = [node('Conv', ['x', 'w'], ['c']), node('DepthToSpace', ['c'], ['y'], blocksize=2, mode=mode)]
        yield Case(f'DepthToSpace {mode}', nodes, **eight)
    yield Case('SpaceToDepth', [node('Slice', ['x', 's', 'e', 'a'], ['c']),
                                node('SpaceToDepth', ['c'], ['y'], blocksize=2)],
               s=np.array([0]), e=np.array([10]), a=np.array([2]))


def resizes() -> Iterator[Case]:
    places = ('half_pixel', 'align_corners', 'asymmetric', 'pytorch_half_pixel', 'half_pixel_symmetric')
    for mode in ('nearest', 'linear', 'cubic'):
        for place in places:
            # Where scales are no fractions of two, rounding decides between neighbours.
            for scale in ([2, 2], [4, 2]) if mode == 'nearest' else ([2, 2], [0.6, 0.7], [1.7, 0.5]):
                given = {'roi': np.zeros(0, np.float32), 'scales': np.array([1, 1, *scale], np.float32)}
                opset = 19 if place == 'half_pixel_symmetric' else 13
                yield one('Resize', f'{scale}', opset, given, mode=mode, coordinate_transformation_mode=place)
        size = [node('Shape', ['x'], ['n'], end=2), node('Concat', ['n', 'hw'], ['s'], axis=0)]
        resized = node('Resize', ['x', '', '', 's'], ['y'], mode=mode, coordinate_transformation_mode='asymmetric')
        yield Case(f'Resize to a size, {mode}', [*size, resized], 15, hw=np.array([22, 28]))
    for mode in ('nearest', 'linear'):
        yield one('Upsample', opset=9, constants={'s': np.array([1, 1, 2, 2], np.float32)}, mode=mode)
        yield one('Upsample', opset=7, mode=mode, scales=[1.0, 1.0, 2.0, 3.0])


def products_and_sums() -> Iterator[Case]:
    flat = node('Flatten', ['x'], ['f'])
    down = {'w': weights(N_VALUES, 5, scale=0.05), 'b': weights(5)}
    yield Case('Gemm', [flat, node('Gemm', ['f', 'w', 'b'], ['y'])], **down)
    turned = {'w': down['w'].T.copy(), 'b': down['b']}
    yield Case('Gemm turned', [flat, node('Gemm', ['f', 'w', 'b'], ['y'], transB=1, alpha=0.5, beta=2.0)], **turned)
    yield Case('Gemm without C', [flat, node('Gemm', ['f', 'w'], ['y'])], w=down['w'])
    yield one('MatMul', constants={'w': weights(WIDTH, 5)})
    yield one('MatMul', 'of stacks', constants={'w': weights(3, WIDTH, 5)})
    yield one('Einsum', constants={'w': weights(WIDTH, 5)}, equation='bchw,wk->bhck')
    positive = node('Abs', ['x'], ['p'])
    for op in ('Add', 'Sub', 'Mul', 'Div', 'Pow'):
        yield Case(op, [positive, node(op, ['p', 'c'], ['y'])], c=np.abs(weights(3, 1, 1)) + np.float32(0.3))
    for op in ('Sum', 'Mean', 'Max', 'Min'):
        yield Case(op, [positive, node(op, ['x', 'p', 'c'], ['y'])], c=weights(1, 3, 1, 1))
    for op in ('Mean', 'Sum', 'Max', 'Min', 'L1', 'L2', 'Prod', 'SumSquare', 'LogSumExp', 'LogSum'):
        op = 'Reduce' + op
        yield Case(f'{op} (opset 11)', [positive, node(op, ['p'], ['y'], axes=[2, 3])], 11)
        yield Case(f'{op} (opset 18)', [positive, node(op, ['p', 'a'], ['y'], keepdims=0)], 18, a=np.array([1, -1]))
    yield Case('Where', [node('Greater', ['x', 'c'], ['g']), node('Where', ['g', 'x', 'c'], ['y'])], c=np.float32(0.2))
    yield one('CumSum', opset=14, constants={'axis': np.array(3)}, exclusive=1, reverse=1)
    yield Case('TopK', [node('TopK', ['x', 'k'], ['y', 'at'], axis=-1)], k=np.array([3]))
    steps = node('Floor', ['x'], ['t'])
    for op in ('ArgMax', 'ArgMin'):
        for axis in (1, -1):
            for keep in (0, 1):
                nodes = [steps, node(op, ['t'], ['i'], axis=axis, keepdims=keep),
                         node('Cast', ['i'], ['y'], to=TensorProto.FLOAT)]
                yield Case(f'{op} of equals, axis {axis}, {keep}', nodes)
    yield Case('Cast to truth', [node('Cast', ['x'], ['b'], to=TensorProto.BOOL),
                                 node('Cast', ['b'], ['y'], to=TensorProto.FLOAT)])
    yield Case('Cast to truth and back', [steps, node('Cast', ['t'], ['b'], to=TensorProto.BOOL), node('Not', ['b'], ['n']),
                                          node('Where', ['n', 'c', 'x'], ['y'])], c=np.float32(9))
    yield Case('Cast', [node('Cast', ['x'], ['i'], to=TensorProto.INT32),
                        node('Cast', ['i'], ['y'], to=TensorProto.FLOAT)])
    yield Case('Quantize', [node('QuantizeLinear', ['x', 's', 'z'], ['q']),
                            node('DequantizeLinear', ['q', 's', 'z'], ['y'])], s=np.float32(0.03), z=np.int8(3))


def recurrences() -> Iterator[Case]:
    before = [node('Reshape', ['x', 's'], ['q']), node('Transpose', ['q'], ['t'], perm=[1, 0, 2])]
    after = node('Transpose', ['o'], ['y'], perm=[2, 0, 1, 3])
    for op, n_gates in (('LSTM', 4), ('GRU', 3), ('RNN', 1)):
        for direction in ('forward', 'reverse', 'bidirectional'):
            n = 2 if direction == 'bidirectional' else 1
            more = {'linear_before_reset': 1} if op == 'GRU' else {}
            middle = node(op, ['t', 'W', 'R', 'B'], ['o'], hidden_size=4, direction=direction, **more)
            if op == 'LSTM':
                lengths = node(op, ['t', 'W', 'R', 'B', 'l'], ['o'], hidden_size=4, direction=direction)
                yield Case(f'{op} {direction} lengths', [*before, lengths, after], 14, s=np.array([0, 3 * HEIGHT, WIDTH]),
                           W=weights(n, 16, WIDTH), R=weights(n, 16, 4), B=weights(n, 32), l=np.array([9], np.int32))
            yield Case(f'{op} {direction}', [*before, middle, after], 14, s=np.array([0, 3 * HEIGHT, WIDTH]),
                       W=weights(n, 4 * n_gates, WIDTH), R=weights(n, 4 * n_gates, 4), B=weights(n, 8 * n_gates))


def cases() -> Iterator[Case]:
    for group in (convolutions, pools, normalisations, functions, shapes, resizes, products_and_sums, recurrences):
        yield from group()


def images(folder: str) -> np.ndarray:
    """Writes random images and returns them as `extract` preprocesses them."""
    pixels = draws.randint(0, 256, (N_IMAGES, HEIGHT, WIDTH, 3), dtype=np.uint8)
    os.mkdir(folder)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(f'{folder}/{number}.png')
    return ((pixels / 255 - MEAN) / DEVIATION).transpose(0, 3, 1, 2).astype(np.float32)


def features(path: str) -> np.ndarray:
    with h5py.File(path) as file:
        return np.array(file['feat']).T[0]


def reference(name: str, model: onnx.ModelProto, values: np.ndarray) -> np.ndarray | None:
    """What ONNX Runtime gives for each image by itself; `None` where it does not run the graph."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return np.concatenate([session.run(['y'], {'x': value[None]})[0] for value in values])
    except Exception as error:  # its exceptions have no common class
        print(f'not compared: {name}: {str(error).splitlines()[0]}')
        return None


def is_same(found: np.ndarray, expected: np.ndarray) -> bool:
    if found.size != expected.size:
        return False
    found, finite = found.reshape(expected.shape), np.isfinite(expected)
    largest = np.abs(expected[finite]).max(initial=0)
    return np.array_equal(found[~finite], expected[~finite], equal_nan=True) and np.allclose(
        found[finite], expected[finite], rtol=0, atol=TOLERANCE * largest)


def may_be_refused(name: str) -> bool:
    return any(name.startswith(begin) and any(word in name for word in words) for begin, words in REFUSED.items())


def main() -> int:
    program = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ''
    counts = {'equal': 0, 'refused': 0, 'not compared': 0, 'wrongly refused': 0, 'different': 0}
    with tempfile.TemporaryDirectory() as folder:
        values = images(f'{folder}/images')
        for number, case in enumerate(case for case in cases() if wanted in case.name):
            expected = reference(case.name, case.model(), values)
            if expected is None:
                counts['not compared'] += 1
                continue
            path, out = f'{folder}/{number}.onnx', f'{folder}/out{number}'
            onnx.save(case.model(), path)
            command = [program, 'extract', '--model', path, '--images', f'{folder}/images', '--out', out, '--layers', 'y']
            run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
            if run.returncode != 0:
                reason = [line for line in run.stderr.splitlines() if 'error' in line]
                word = 'refused' if may_be_refused(case.name) else 'wrongly refused'
                print(f'{word}: {case.name}: {reason[0].split(": ", 3)[-1] if reason else run.stderr}')
                counts[word] += 1
                continue
            found = np.stack([features(f'{out}/y/{image}.mat') for image in range(N_IMAGES)])
            same = is_same(found, expected)
            counts['equal' if same else 'different'] += 1
            if not same:
                print(f'DIFFERENT: {case.name}: {expected.shape} and {found.shape}')
    print(', '.join(f'{count} {word}' for word, count in counts.items()))
    return int(counts['different'] + counts['wrongly refused'] + counts['not compared'] > 0 or counts['equal'] == 0)


if __name__ == '__main__':
    sys.exit(main())
