"""What all parts of scripts/bench_reference share: runs of whole processes, and the machine."""

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ALPHA, N_SELECTED = 100, 500
# Whoever set these for another program may have made NumPy slow: the reference runs without.
REFERENCE_WITHOUT = ('OPENBLAS_', 'GOTO_', 'OMP_', 'MKL_')


def run(words, last_line=False):
    """Wall and CPU seconds and peak memory (largest process) of a command, which must succeed.

    `last_line`: the last line of its output is JSON, whose entries are added.
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith(REFERENCE_WITHOUT)}
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, 'usage.json')
        words = [str(w) for w in words]
        measured = [sys.executable, '-I', '-S', os.path.join(HERE, 'measure.py'), out] + words
        done = subprocess.run(measured, capture_output=True, text=True, env=env)
        if done.returncode != 0:
            sys.exit('%s\nended with status %d:\n%s' % (' '.join(words), done.returncode, done.stderr[-4000:]))
        with open(out) as f:
            usage = json.load(f)
    if last_line:
        usage.update(json.loads(done.stdout.strip().splitlines()[-1]))
    return usage


def python(script, *words):
    """Words of a command that runs a script beside this file."""
    return [sys.executable, os.path.join(HERE, script)] + list(words)


def cell(values):
    """Median (smallest–largest), or the one value."""
    if len(values) == 1:
        return '%.3g' % values[0]
    return '%.3g (%.3g–%.3g)' % (np.median(values), min(values), max(values))


def weight_difference(ours, theirs):
    """Largest difference by the largest weight over units with equal selections, and how many have
    others. Both `(n_voxels, n_units)`; not selected is 0."""
    same = ((ours != 0) == (theirs != 0)).all(axis=0)
    difference = np.abs(ours.astype(np.float64) - theirs)[:, same].max() if same.any() else np.nan
    return float(difference / np.abs(theirs).max()), int((~same).sum())


def processor():
    try:
        with open('/proc/cpuinfo') as f:
            return next(line.split(':', 1)[1].strip() for line in f if line.startswith('model name'))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def package_version(name):
    from importlib.metadata import PackageNotFoundError, version
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def machine(bhscore):
    """Head of a record: machine, versions, date."""
    from threadpoolctl import threadpool_info
    np.linalg.solve(np.eye(2), np.ones(2))
    blas = ', '.join('%s %s (%s, %d threads)' % (b['internal_api'], b['version'], b.get('architecture', '?'),
                                                b['num_threads']) for b in threadpool_info() if b['user_api'] == 'blas')
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    ours = subprocess.run([bhscore, '--version'], capture_output=True, text=True).stdout.strip()
    names = ('bdpy', 'fastl2lir', 'scikit-learn', 'himalaya')
    packages = ', '.join('%s %s' % (n, package_version(n) or 'not installed') for n in names)
    return '\n'.join([
        '- machine: %s, %d cores available, load %.1f at the start' % (processor(), cores, os.getloadavg()[0]),
        '- reference: %s; NumPy %s, Python %s; %s' % (packages, np.__version__, platform.python_version(), blas),
        '- candidate: %s' % ours,
        '- date: %s' % datetime.date.today().isoformat()])
