"""Runs a script in a Python environment that has the reference packages.

The first of: the interpreter in `BHSCORE_ORACLE_PYTHON`, the running one if it has the
packages, `target/oracle-venv`, which is made (from PyPI) when it is missing or outdated.
"""

import importlib.util
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REQUIREMENTS = os.path.join(ROOT, 'scripts', 'requirements-oracle.txt')
FOLDER = os.path.join(os.environ.get('CARGO_TARGET_DIR') or os.path.join(ROOT, 'target'), 'oracle-venv')
MARK = 'BHSCORE_IN_ORACLE'


def has_packages():
    return all(importlib.util.find_spec(name) for name in ('bdpy', 'fastl2lir', 'h5py', 'hdf5storage', 'scipy'))


def make():
    """Path of the interpreter of `target/oracle-venv`, made if need be."""
    python = os.path.join(FOLDER, 'bin', 'python')
    with open(REQUIREMENTS) as f:
        wanted = f.read()
    stamp = os.path.join(FOLDER, 'requirements.txt')
    if os.path.exists(stamp):
        with open(stamp) as f:
            if f.read() == wanted:
                return python
    print('making %s (once, from PyPI)' % FOLDER, file=sys.stderr)
    subprocess.run([sys.executable, '-m', 'venv', '--clear', FOLDER], check=True)
    subprocess.run([python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check',
                    '-r', REQUIREMENTS], check=True)
    with open(stamp, 'w') as f:
        f.write(wanted)
    return python


def enter(without=()):
    """Continue this script in the right interpreter, without the environment variables `without`.

    Returns only in a process where the packages can be imported.
    """
    drop = [name for name in os.environ if any(name.startswith(prefix) for prefix in without)]
    chosen = os.environ.get('BHSCORE_ORACLE_PYTHON')
    if MARK in os.environ or (not chosen and not drop and has_packages()):
        return
    environment = {k: v for k, v in os.environ.items() if k not in drop}
    environment[MARK] = '1'
    python = chosen or (sys.executable if has_packages() else make())
    os.execve(python, [python] + sys.argv, environment)
