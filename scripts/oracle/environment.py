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
TARGET = os.environ.get('CARGO_TARGET_DIR') or os.path.join(ROOT, 'target')
FOLDER = os.path.join(TARGET, 'oracle-venv')
MARK = 'BHSCORE_IN_ORACLE'


def has_packages():
    return all(importlib.util.find_spec(name) for name in ('bdpy', 'fastl2lir', 'h5py', 'hdf5storage', 'scipy'))


def make(folder, requirements):
    """Path of the interpreter of a virtual environment with these requirements, made if need be."""
    python = os.path.join(folder, 'bin', 'python')
    with open(requirements) as f:
        wanted = f.read()
    stamp = os.path.join(folder, 'requirements.txt')
    if os.path.exists(stamp):
        with open(stamp) as f:
            if f.read() == wanted:
                return python
    print('making %s (once, from PyPI)' % folder, file=sys.stderr)
    subprocess.run([sys.executable, '-m', 'venv', '--clear', folder], check=True)
    subprocess.run([python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check',
                    '-r', requirements], check=True)
    with open(stamp, 'w') as f:
        f.write(wanted)
    return python


def enter():
    """Continue this script in the right interpreter; returns only where the packages can be imported."""
    chosen = os.environ.get('BHSCORE_ORACLE_PYTHON')
    if MARK in os.environ or (not chosen and has_packages()):
        return
    python = chosen or make(FOLDER, REQUIREMENTS)
    os.execve(python, [python] + sys.argv, dict(os.environ, **{MARK: '1'}))
