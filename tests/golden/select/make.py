"""Select expressions and the columns that bdpy 0.26 selects for them: writes select.json beside this file.

    python make.py

`errors` are expressions at which bdpy stops. `differs` are expressions where we differ on purpose (see the
deviations in src/io/select.rs): bdpy's columns beside the right ones, worked out by hand from the rows.

`top` cannot be written in bdpy 0.26: its lexer joins `KEY top 5` to one word, and its evaluator turns every key
into "is 1" first. So for the `top` expressions the evaluator gets the tokens in postfix order, as its (disabled)
test for `top` has them, and the stored values of the key instead of the truth values.
"""
import json
import os
import warnings

import bdpy.bdata.bdata
import numpy as np
from bdpy import BData

warnings.simplefilter('ignore')
N = 16
NAN = float('nan')


def ones(*columns):
    row = np.full(N, NAN)
    row[list(columns)] = 1
    return row


rows = {
    'VoxelData': ones(*range(12)),
    'ROI_V1': ones(0, 1, 2, 3),
    'ROI_V2': ones(3, 4, 5),
    'ROI_V4': ones(5, 6, 7),
    'ROI_hV4': ones(7, 8),
    'ROI_left_V1': ones(0, 2),
    'flag': np.array([0, 1, 0, 1, 0, 1, 2, 3, -1, .5, 1, 1, NAN, NAN, 0, 0]),
    'stat': np.array([.11, .92, .53, NAN, .74, 1.0, .35, .26, 1.7, -1.8, .49, .61, NAN, NAN, -.2, .05]),
    'with space': ones(8, 9),
    'a-b': ones(9),
    "it's": ones(10),
    'a.b': ones(10, 11),
    'axb': ones(2),
    'image_index': ones(12),
    'stimulus_name': ones(13),
}
table = BData()
table.add(np.arange(2 * N, dtype=float).reshape(2, N), 'VoxelData')
for key, row in rows.items():
    table.add_metadata(key, row)

plain = """
ROI_V1 = 1
ROI_V1
ROI_V1=1
  ROI_V1   =   1
ROI_V1 = 0
ROI_V1 = 2
ROI_V1 = 01
ROI_V1 = (1)
ROI_V1 = "1"
ROI_V1 = 1 = 1
ROI_V1 = 1 = 0
ROI_V1 = 0 = 0
flag
flag = 1
flag = 0
flag = 2
flag = 3
stat = 1
ROI_*
ROI_* = 0
*
*V1
ROI_*V4
ROI_V*
*_*
*_*=0
R*V*1
**
ROI_V1*
"ROI_*" = 1
ROI_V1 | ROI_V2
ROI_V1 + ROI_V2
ROI_V1+ROI_V4
ROI_V1 & ROI_V2
ROI_V1 - ROI_V2
ROI_V1 = 1 | ROI_V2 = 1
ROI_V1 = 1 & ROI_V2 = 1
ROI_V1 = 1 - ROI_V2 = 1
ROI_V1 | ROI_V2 & ROI_V4
ROI_V1 & ROI_V2 | ROI_V4
ROI_V1 | ROI_V2 - ROI_V2
ROI_V1 - ROI_V2 | ROI_V2
ROI_V1 - ROI_V2 & ROI_V4
ROI_V1 - ROI_V2 - ROI_left_V1
ROI_V1 = 1 | ROI_V2 = 1 & ROI_V4 = 0
VoxelData = 1 - ROI_V1 = 1 - ROI_V2 = 1
(ROI_V1)
((ROI_V1))
(ROI_V1 = 1)
(ROI_V1 | ROI_V2) = 0
(ROI_V1 | ROI_V2) & ROI_V4
ROI_V1 & (ROI_V2 | ROI_V4)
ROI_V1 | (ROI_V2 & ROI_V4)
ROI_V1 - (ROI_V2 | ROI_left_V1)
(ROI_V1 | ROI_V2) - (ROI_V2 & ROI_V4)
(VoxelData - ROI_V1) & (flag = 1)
(ROI_V1 = 1) | (ROI_V2 = 1) | (ROI_V4 = 1)
ROI_V1 & flag = 0
VoxelData - ROI_* = 1
VoxelData = 1 & ROI_* = 0
"with space" = 1
'with space' = 1
"with space"
'a-b' = 1
"a-b" | ROI_V1
"it's" = 1
a.b
a.*
ROI_"V1"
"ROI_"'V1'
ROI _V1
R O I _ V 1 = 1
image_index = 1 | stimulus_name = 1
image_index = 0 - VoxelData
ROI_V1 = 1 & ROI_V4 = 1
""".strip('\n').split('\n')

errors = """

(
()
ROI_V1 |
| ROI_V1
ROI_V1 | | ROI_V2
ROI_V1 ROI_V2
= 1
ROI_V1 =
ROI_V1 == 1
ROI_V1 != 1
ROI_V1 = -1
1 = ROI_V1
ROI_V1 = ROI_V2
ROI_V9
ROI_V9 = 1
ROI_V? = 1
V1
roi_v1 = 1
(ROI_V1
"ROI_V1
ROI_V1 @ ROI_V2
ROI_V1 = 1 @ ROI_V2 = 1
ROI_V1 - -ROI_V2
""".strip('\n').split('\n')

# As written, and in postfix order; values without ties, and enough of them (see the deviations).
top = [
    ('stat top 1', 'stat 1 top'),
    ('stat top 3', 'stat 3 top'),
    ('stat top 0', 'stat 0 top'),
    ('stat top 13', 'stat 13 top'),
    ('stat top 2 @ ROI_V1', 'stat 2 top ROI_V1 @'),
    ('stat top 2 @ ROI_V1 = 1', 'stat 2 top ROI_V1 1 = @'),
    ('stat top 3 @ ROI_V1 | ROI_V2', 'stat 3 top ROI_V1 ROI_V2 | @'),
    ('stat top 4 @ VoxelData - ROI_V2', 'stat 4 top VoxelData ROI_V2 - @'),
    ('stat top 5 & ROI_V2', 'stat 5 top ROI_V2 &'),
    ('ROI_V1 - stat top 4', 'ROI_V1 stat 4 top -'),
    ('ROI_V1 | stat top 2', 'ROI_V1 stat 2 top |'),
    ('(stat top 2 @ ROI_V2) | ROI_left_V1', 'stat 2 top ROI_V2 @ ROI_left_V1 |'),
    ('ROI_left_V1 | (stat top 2 @ ROI_V2)', 'ROI_left_V1 stat 2 top ROI_V2 @ |'),
    ('VoxelData & (ROI_V2 - stat top 5)', 'VoxelData ROI_V2 stat 5 top - &'),
]

differs = [
    # Nested parentheses: bdpy closes all that are open at the first.
    ('ROI_V4 - ((ROI_V2 | ROI_V1) - ROI_V4)', [5, 6, 7]),
    ('VoxelData - ((ROI_V1 | ROI_V2) - ROI_V1)', [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]),
    ('ROI_V1 & ((ROI_V2 - ROI_left_V1) | ROI_V4)', [3]),
]


def columns(expression):
    return np.flatnonzero(table.select(expression, return_index=True)[1]).tolist()


def columns_top(postfix):
    module = bdpy.bdata.bdata
    truth = BData._BData__metadata_key_to_bool_vector
    selector = module.FeatureSelector

    def stored(self, key):
        return self.get_metadata(key).copy() if key == 'stat' else truth(self, key)

    class Postfix:
        def __init__(self, expression):
            self.rpn = expression.split()

    BData._BData__metadata_key_to_bool_vector = stored
    module.FeatureSelector = Postfix
    try:
        return columns(postfix)
    finally:
        BData._BData__metadata_key_to_bool_vector = truth
        module.FeatureSelector = selector


for expression in errors:
    try:
        found = columns(expression)
    except Exception:
        continue
    raise SystemExit('no error: %r selects %s' % (expression, found))

out = {
    'made_with': 'bdpy 0.26',
    'keys': list(table.metadata.key),
    'values': [[None if np.isnan(x) else x for x in row] for row in table.metadata.value.tolist()],
    'expressions': [[e, columns(e)] for e in plain],
    'top': [[ours, columns_top(theirs)] for ours, theirs in top],
    'errors': errors,
    'differs': [{'expression': e, 'bdpy': columns(e), 'ours': right} for e, right in differs],
}
assert all(d['bdpy'] != d['ours'] for d in out['differs'])
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'select.json'), 'w') as f:
    lines = []
    for key, value in out.items():
        if isinstance(value, list):
            text = '[\n  ' + ',\n  '.join(json.dumps(x) for x in value) + '\n ]'
        else:
            text = json.dumps(value)
        lines.append(' %s: %s' % (json.dumps(key), text))
    f.write('{\n' + ',\n'.join(lines) + '\n}\n')
