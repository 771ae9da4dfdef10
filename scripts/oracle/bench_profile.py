"""The part `profile` of scripts/bench_reference: where `decode-train` spends its time, by `perf`."""

import os
import re
import shutil
import subprocess
import tempfile

import bench_study
import environment

# First pattern that matches a symbol names its family.
FAMILIES = [
    ('matrix products', r'gemm|matmul|pack_[lr]hs|matvec'),
    ('factorisation, triangular solves', r'cholesky|triangular_solve|pulp|faer'),
    ('shared elimination, except products', r'ridge::(shared|grouping)'),
    ('the rest of `ridge`', r'bhscore::ridge'),
    ('standardising', r'stats::moments|study::(scale|units)'),
    ('reading and writing files', r'bhscore::io|hdf5|H5|blake3|inflate|deflate|crc|io::'),
    ('memory: clear, copy, allocate', r'memset|memmove|memcpy|malloc|free|calloc|realloc'),
    ('system', r'^\[k\]'),
]


def family(symbol):
    return next((name for name, pattern in FAMILIES if re.search(pattern, symbol)), 'other')


def sample(bhscore, study, data):
    layers = bench_study.LAYERS[1:3]
    words = [bhscore, '-C', study, 'decode-train', '--net', bench_study.NET, '--quiet', '--force']
    words += [word for layer in layers for word in ('--layer', layer)]
    done = subprocess.run(['perf', 'record', '-q', '-F', '499', '-o', data] + words, capture_output=True, text=True)
    return done.returncode == 0


def symbols(data):
    """(percent, symbol) of every symbol; kernel symbols start with [k]."""
    report = subprocess.run(['perf', 'report', '-i', data, '--stdio', '--sort', 'symbol', '-g', 'none'],
                            capture_output=True, text=True).stdout
    found = re.findall(r'^\s*([0-9.]+)%\s+\[([.k])\]\s+(.*?)(?:\s\s.*)?$', report, flags=re.M)
    return [(float(share), '[k] ' + name if kind == 'k' else name) for share, kind, name in found]


def short(symbol):
    return re.sub(r'<[^<>]*>', '', re.sub(r'<[^<>]*>', '', symbol))[:90]


def bench_profile(opt, say):
    say('## Where the time goes\n')
    if not shutil.which('perf'):
        return say('`perf` is not installed here.\n')
    design, name = ((bench_study.SMALL, 'bench-study-small') if opt.quick else (bench_study.PUBLISHED, 'bench-study'))
    study = opt.study or bench_study.make_study(design, os.path.join(environment.TARGET, name))
    with tempfile.TemporaryDirectory(dir=opt.scratch) as folder:
        run = bench_study.fresh(study, os.path.join(folder, 'run'))
        data = os.path.join(folder, 'perf.data')
        if not sample(opt.bhscore, run, data):
            return say('`perf record` is not permitted here.\n')
        found = symbols(data)
    say('`decode-train` of two layers of the study, all threads, samples of processor time by `perf` (waiting is not in it).\n')
    say('| share | family |\n|---|---|')
    sums = {}
    for share, symbol in found:
        sums[family(symbol)] = sums.get(family(symbol), 0) + share
    for name, share in sorted(sums.items(), key=lambda entry: -entry[1]):
        say('| %.1f %% | %s |' % (share, name))
    say('\n| share | function |\n|---|---|')
    for share, symbol in sorted(found, reverse=True)[:20]:
        say('| %.1f %% | `%s` |' % (share, short(symbol)))
    say('')
