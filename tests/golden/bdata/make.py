"""Small brain-data files in the forms in use, and what bdpy 0.26 reads from them: writes the files beside this one.

    python make.py
"""
import json
import os

import h5py
import numpy as np
import scipy.io
from bdpy import BData

here = os.path.dirname(os.path.abspath(__file__))


def at(name):
    return os.path.join(here, name)


random = np.random.RandomState(5)
voxels = random.randn(5, 6).round(6)
index = np.array([2., 1., 3., 2., np.nan])
names = {1.0: 'n01_5', 2.0: 'café', 3.0: 'n10_7'}

table = BData()
table.add(voxels, 'VoxelData')
table.add_metadata('ROI_V1', np.array([1, 1, 0, 0, 1, 0]), '1 = ROI_V1', where='VoxelData')
table.add_metadata('ROI_V2', np.array([0, 0, 1, 1, 1, 0]), '1 = ROI_V2', where='VoxelData')
table.add_metadata('x', np.array([.5, 3, 2, 1, -1, 0]), 'coordinate', where='VoxelData')
table.add(index, 'image_index')
table.add(index, 'stimulus_name')
table.add_vmap('stimulus_name', names)
table.save(at('bdpy.h5'))
with h5py.File(at('bdpy.h5'), 'a') as file:
    del file['header']  # tells who wrote it and where

keys, values = table.metadata.key, table.metadata.value

# The older spelling, single precision, compressed, text of fixed length, whole numbers as keys.
with h5py.File(at('fixed_text_f32.h5'), 'w') as file:
    file.create_dataset('dataSet', data=table.dataset.astype(np.float32), chunks=(2, 3), compression='gzip', shuffle=True)
    file['metaData/key'] = np.array([k.encode() for k in keys])
    file['metaData/description'] = np.array([b'd' * 100] * len(keys))
    file['metaData/value'] = values.astype(np.float32)
    for number, name in names.items():
        file['vmap/stimulus_name/%d' % number] = np.bytes_(name.encode())

# Whole numbers, UTF-8 text, no value map, and a key of more than 64 bytes.
with h5py.File(at('int_utf8.h5'), 'w') as file:
    file['dataset'] = (table.dataset[:4] * 10).astype('<i2')
    long_keys = [k if k != 'x' else 'x' * 80 for k in keys]
    file.create_dataset('metadata/key', data=long_keys, dtype=h5py.string_dtype('utf-8', 90))
    file.create_dataset('metadata/description', data=keys, dtype=h5py.string_dtype('utf-8'))
    file['metadata/value'] = values

cell = np.empty((1, len(keys)), dtype=object)
cell[0] = keys
scipy.io.savemat(at('v5.mat'), {
    'dataSet': table.dataset,
    'metaData': {'key': cell, 'description': cell, 'value': values},
}, do_compression=True)

out = {}
for name in ['bdpy.h5', 'fixed_text_f32.h5', 'int_utf8.h5', 'v5.mat']:
    file = BData(at(name))
    out[name] = {
        'keys': file.metadata.key,
        'select': {
            e: file.select(e).tolist()
            for e in ['ROI_V1 = 1', 'ROI_V1 = 1 | ROI_V2 = 1', 'VoxelData - ROI_V1', 'ROI_V1 = 3']
        },
        'image_index': [None if np.isnan(x) else x for x in file.get('image_index').ravel()],
        'labels': None if name in ['v5.mat', 'int_utf8.h5'] else file.get_labels('stimulus_name'),
    }
with open(at('expected.json'), 'w') as f:
    json.dump(out, f, indent=1, ensure_ascii=False)
    f.write('\n')
