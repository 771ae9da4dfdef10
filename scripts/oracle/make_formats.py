#!/usr/bin/env python3
"""One file per storage variant that turns up in practice, with what a reader must get from it.

  make_formats.py DIR

`expected.json` holds shape, type, first values and a SHA-256 of the C-order little-endian
bytes of every array.
"""

import hashlib
import json
import os
import struct
import sys
import warnings

os.environ.setdefault('TQDM_DISABLE', '1')
import h5py
import numpy as np
import scipy.io as sio
from bdpy import BData
from bdpy.dataform import load_array, save_array, save_multiarrays

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bh_oracle as bh

warnings.simplefilter('ignore')


def dump(path, obj):
    with open(path, 'w') as f:
        json.dump(bh.no_nan(obj), f, separators=(',', ':'), allow_nan=False)
        f.write('\n')


def write_v5(path, name, a, mi_type, mx_class, byteorder='<'):
    """A level 5 file by hand: data may be stored in a smaller type than its class."""
    def elem(t, payload):
        if len(payload) <= 4:
            tag = (struct.pack('<HH', t, len(payload)) if byteorder == '<'
                   else struct.pack('>HH', len(payload), t))
            return tag + payload.ljust(4, b'\0')
        return struct.pack(byteorder + 'II', t, len(payload)) + payload + b'\0' * (-len(payload) % 8)
    body = struct.pack(byteorder + 'IIII', 6, 8, mx_class, 0)
    body += elem(5, struct.pack(byteorder + '%di' % a.ndim, *a.shape))
    body += elem(1, name.encode())
    body += elem(mi_type, a.astype(a.dtype.newbyteorder(byteorder)).tobytes(order='F'))
    head = b'MATLAB 5.0 MAT-file, made by hand'.ljust(116) + b'\0' * 8
    head += struct.pack(byteorder + 'H', 0x0100) + (b'IM' if byteorder == '<' else b'MI')
    with open(path, 'wb') as f:
        f.write(head + struct.pack(byteorder + 'II', 14, len(body)) + body)


def describe(a):
    a = np.ascontiguousarray(a)
    le = a.astype(a.dtype.newbyteorder('<'))
    return {'shape': a.shape, 'dtype': a.dtype.name, 'first_c_order': a.ravel()[:8].astype(np.float64),
            'nan': int(np.isnan(a.astype(float)).sum()), 'sha256_c_order_le': hashlib.sha256(le.tobytes()).hexdigest()}


def write_formats(d):
    os.makedirs(d, exist_ok=True)
    r = np.random.default_rng(99)
    exp = {}

    def note(name, key, a, text):
        exp[name] = {'variable': key, 'about': text}
        exp[name].update(describe(a))

    def p(name):
        return os.path.join(d, name)

    row = r.normal(size=(1, 17)).astype('f4')
    cube = r.normal(size=(1, 2, 3, 4)).astype('f4')
    big = (r.integers(-50, 50, size=(1, 5, 29, 31)) / 8).astype('f4')
    save_array(p('v73_row.mat'), row, key='feat', dtype=np.float32)
    note('v73_row.mat', 'feat', row, 'hdf5storage, contiguous')
    save_array(p('v73_4d.mat'), cube, key='feat', dtype=np.float32)
    note('v73_4d.mat', 'feat', cube, 'hdf5storage, dataset dims reversed on disk')
    save_array(p('v73_4d_chunked.mat'), big, key='feat', dtype=np.float32)
    note('v73_4d_chunked.mat', 'feat', big, 'hdf5storage, chunked + shuffle + gzip 7 + fletcher32')
    save_array(p('v73_double.mat'), cube.astype('f8'), key='feat', dtype=np.float64)
    note('v73_double.mat', 'feat', cube.astype('f8'), 'hdf5storage, float64')
    save_multiarrays(p('v73_two_variables.mat'), {'other': np.arange(4.0), 'feat': row})
    note('v73_two_variables.mat', 'feat', row, 'a second variable precedes')
    for name, kw, fk in (('v73_matlab_like.mat', {'chunks': (2, 31, 29, 1)[::-1][:4], 'compression': 'gzip', 'compression_opts': 3}, {}),
                         ('v73_new_hdf5_objects.mat', {'chunks': True, 'compression': 'gzip'}, {'libver': 'latest'})):
        kw = dict(kw)
        kw['chunks'] = (11, 29, 3, 1) if kw['chunks'] is not True else True
        with h5py.File(p(name), 'w', userblock_size=512, **fk) as f:
            ds = f.create_dataset('feat', data=big.transpose(), **kw)
            ds.attrs['MATLAB_class'] = np.bytes_('single')
        with open(p(name), 'r+b') as f:
            f.write(b'MATLAB 7.3 MAT-file, Platform: any HDF5 schema 1.00 .'.ljust(116) + b'\0' * 8 + b'\x00\x02IM')
        note(name, 'feat', big, 'no Python attributes; ' + (
            'uneven chunks, gzip 3, no shuffle' if not fk else 'new object headers and chunk index (optional to support)'))
    sio.savemat(p('v5_row.mat'), {'feat': row})
    note('v5_row.mat', 'feat', row, 'scipy, not compressed')
    sio.savemat(p('v5_4d.mat'), {'feat': cube}, do_compression=True)
    note('v5_4d.mat', 'feat', cube, 'scipy, zlib')
    sio.savemat(p('v5_two_variables.mat'), {'other': 'text', 'feat': row}, do_compression=True)
    note('v5_two_variables.mat', 'feat', row, 'a text variable precedes')
    small = r.integers(0, 200, size=(1, 4, 2, 3)).astype('u1')
    write_v5(p('v5_double_as_uint8.mat'), 'feat', small, 2, 6)
    note('v5_double_as_uint8.mat', 'feat', small.astype('f8'), 'class double, stored as uint8 (MATLAB does this)')
    one = np.array([[3]], 'i2')
    write_v5(p('v5_single_scalar_small_element.mat'), 'feat', one, 3, 7)
    note('v5_single_scalar_small_element.mat', 'feat', one.astype('f4'), 'class single, int16 data in a small element')
    write_v5(p('v5_big_endian.mat'), 'feat', cube, 7, 7, '>')
    note('v5_big_endian.mat', 'feat', cube, 'big-endian')
    for nm in [k for k in exp if k.startswith('v5')]:
        got = sio.loadmat(p(nm))['feat']
        assert got.shape == tuple(exp[nm]['shape']), (nm, got.shape)
        assert describe(got.astype(exp[nm]['dtype']))['sha256_c_order_le'] == exp[nm]['sha256_c_order_le'], nm

    w = r.normal(size=(9, 2, 3)).astype('f4')
    w[r.uniform(size=w.shape) < 0.5] = 0
    save_array(p('sparse_3d.mat'), w, key='W', dtype=np.float32, sparse=True)
    note('sparse_3d.mat', 'W', w, 'hdf5storage 0.2: cells of references')
    wn = w.copy()
    wn[4, 1, 2] = np.nan
    save_array(p('sparse_nan.mat'), wn, key='W', dtype=np.float32, sparse=True)
    note('sparse_nan.mat', 'W', wn, 'a NaN weight')
    wb = np.where(r.uniform(size=(64, 150)) < 0.5, r.integers(-9, 9, size=(64, 150)) / 4, 0).astype('f4')
    save_array(p('sparse_chunked.mat'), wb, key='W', dtype=np.float32, sparse=True)
    note('sparse_chunked.mat', 'W', wb, 'index and value above 16384 bytes, so chunked and filtered')
    save_array(p('sparse_all_zero.mat'), np.zeros((4, 3), 'f4'), key='W', dtype=np.float32, sparse=True)
    note('sparse_all_zero.mat', 'W', np.zeros((4, 3), 'f4'), 'no non-zero weight: empty index and value')
    idx = np.where(w != 0)
    with h5py.File(p('sparse_plain.mat'), 'w') as f:
        g = f.create_group('W')
        g['__bdpy_sparse_arrray'], g['background'] = np.int64(1), np.int64(0)
        g['index'], g['shape'], g['value'] = np.array(idx, 'i8'), np.array(w.shape, 'i8'), w[idx]
    note('sparse_plain.mat', 'W', w, 'numeric index (ndim x nnz), no attributes; bdpy reads it')
    for nm in [k for k in exp if k.startswith('sparse')]:
        assert np.array_equal(load_array(p(nm), key='W').astype('f4'),
                              {'sparse_nan.mat': wn, 'sparse_chunked.mat': wb,
                               'sparse_all_zero.mat': np.zeros((4, 3), 'f4')}.get(nm, w), equal_nan=True), nm
    # brain data in the older spelling, compressed, fixed-length text, float32
    x = r.normal(size=(6, 5)).astype('f4')
    full = np.hstack([x, np.array([[1], [2], [1], [3], [2], [1]], 'f4'), np.array([[1], [2], [1], [3], [2], [1]], 'f4')])
    nan = np.nan
    keys = [b'VoxelData', b'ROI_V1', b'ROI_HVC', b'image_index', b'stimulus_name']
    vals = np.array([[1, 1, 1, 1, 1, nan, nan], [1, nan, 1, nan, nan, nan, nan], [nan, 1, nan, 1, 1, nan, nan],
                     [nan, nan, nan, nan, nan, 1, nan], [nan, nan, nan, nan, nan, nan, 1]])
    with h5py.File(p('bdata_old_keys.h5'), 'w') as f:
        f.create_dataset('dataSet', data=full, chunks=(4, 3), compression='gzip', shuffle=True)
        f['metaData/key'] = np.array(keys)
        f['metaData/description'] = np.array([b'd'] * 5)
        f['metaData/value'] = vals
        for k, v in ((1, b'img_b'), (2, b'img_a'), (3, b'img_c')):
            f['vmap/stimulus_name/%d' % k] = v
    bd = BData(p('bdata_old_keys.h5'))
    exp['bdata_old_keys.h5'] = {
        'about': 'dataSet/metaData spelling, chunked float32, fixed-length text, integer-looking vmap keys',
        'ROI_V1 = 1': describe(bd.select('ROI_V1 = 1')), 'ROI_HVC = 1': describe(bd.select('ROI_HVC = 1')),
        'image_index': bd.select('image_index').ravel(), 'stimulus_name': bd.get_label('stimulus_name'),
        'keys': bd.metadata.key}
    dump(p('expected.json'), exp)


if __name__ == '__main__':
    write_formats(sys.argv[1])
