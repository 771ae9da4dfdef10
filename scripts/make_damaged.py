#!/usr/bin/env python3
"""Writes files of tests/damaged that claim more than they hold.

  python scripts/make_damaged.py

Needs NumPy and h5py (scripts/requirements-oracle.txt). All other files there were found by
`scripts/fuzz` and are kept as they were found.
"""

import os
import struct
import zlib

import h5py
import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'damaged')


def path(name):
    path = os.path.join(FOLDER, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def write(name, content):
    with open(path(name), 'wb') as file:
        file.write(content)


def npy(header, version=1, length=None):
    header = header.encode() + b'\n'
    length = len(header) if length is None else length
    size = struct.pack('<H' if version == 1 else '<I', length)
    return b'\x93NUMPY' + bytes([version, 0]) + size + header


def make_npy():
    start = "{'descr': '<f8', 'fortran_order': False, "
    write('npy/double_quotes.npy', npy(start + '"shape": (17592186044416,)}'))
    write('npy/twice.npy', npy(start + "'shape': (1,), 'shape': (1099511627776, 4)}"))
    write('npy/overflow.npy', npy(start + "'shape': (4294967296, 4294967296, 4294967296)}"))
    write('npy/nested.npy', npy('(' * 60000))
    write('npy/endless_header.npy', npy(start, version=2, length=2**32 - 1))


def element(kind, content):
    return struct.pack('<II', kind, len(content)) + content + b'\0' * (-len(content) % 8)


def mat_v5(*elements):
    packed = zlib.compress(element(14, b''.join(elements)))
    return b'MATLAB'.ljust(124) + b'\0\x01IM' + struct.pack('<II', 15, len(packed)) + packed


def make_mat_v5():
    head = [element(6, struct.pack('<II', 2, 0)), element(5, struct.pack('<ii', 1, 1)), element(1, b'feat')]
    fields = 1 << 24
    write('mat_v5/fields.mat', mat_v5(*head, element(5, struct.pack('<i', 1)), element(1, b'a' * fields)))
    head[1] = element(5, struct.pack('<ii', 2**31 - 1, 2**31 - 1))
    write('mat_v5/structs.mat', mat_v5(*head, element(5, struct.pack('<i', 2)), element(1, b'a\0')))
    head[0] = element(6, struct.pack('<II', 7, 0))
    write('mat_v5/shape.mat', mat_v5(*head, element(7, b'\0' * 64)))


def make_hdf5():
    # A small file, where addresses of 8 bytes and the old layout are what MATLAB writes.
    with h5py.File(path('mat_hdf5/empty_of_five.mat'), 'w', libver='earliest') as file:
        feat = file.create_dataset('feat', data=np.array([1, 5], dtype='u8'))
        feat.attrs['MATLAB_class'] = np.bytes_('single')
        feat.attrs['MATLAB_empty'] = np.uint8(1)
    with h5py.File(path('mat_hdf5/sparse.mat'), 'w', libver='earliest') as file:
        group = file.create_group('feat')
        group['__bdpy_sparse_arrray'] = True
        group['background'] = 1.0
        group['value'] = np.zeros(1)
        group['index'] = np.zeros((1, 2))
        group['shape'] = np.array([2.0**16, 2.0**16])
    with h5py.File(path('mat_hdf5/never_written.mat'), 'w', libver='earliest') as file:
        file.create_dataset('feat', (1 << 20, 1), dtype='f8', chunks=(1 << 16, 1), fillvalue=1.0)
    with h5py.File(path('bdata_hdf5/never_written.h5'), 'w', libver='earliest') as file:
        file.create_dataset('dataset', (1 << 21, 1), dtype='f8', chunks=(1 << 16, 1), fillvalue=1.0)
        metadata = file.create_group('metadata')
        metadata['key'] = [b'ROI_V1']
        metadata['value'] = np.ones((1, 1))


def varint(number):
    content = b''
    while number > 127:
        content += bytes([number & 127 | 128])
        number >>= 7
    return content + bytes([number])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def make_onnx():
    sides = b''.join(field(1, field(1, side)) for side in (1, 3, 1 << 60, 1 << 60))
    image = field(1, b'x') + field(2, field(1, field(1, 1) + field(2, sides)))
    node = field(1, b'x') + field(2, b'y') + field(4, b'Relu')
    write('onnx/sides.onnx', field(7, field(1, node) + field(11, image) + field(12, field(1, b'y'))))


make_npy()
make_mat_v5()
make_hdf5()
make_onnx()
