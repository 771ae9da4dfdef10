"""Runs a script in a Python environment that has the packages of scripts/requirements-brainscore.txt.

The first of: the interpreter in `BHSCORE_BRAINSCORE_PYTHON`, the running one if it has just these versions,
`target/brainscore-venv`, which is made (from PyPI) when it is missing or outdated.
"""

import importlib.metadata
import os
import sys

import environment

REQUIREMENTS = os.path.join(environment.ROOT, 'scripts', 'requirements-brainscore.txt')
FOLDER = os.path.join(environment.TARGET, 'brainscore-venv')
MARK = 'BHSCORE_IN_BRAINSCORE_ORACLE'


def has_packages():
    with open(REQUIREMENTS) as f:
        wanted = [line.strip().split('==') for line in f if '==' in line]
    try:
        return all(importlib.metadata.version(name) == version for name, version in wanted)
    except importlib.metadata.PackageNotFoundError:
        return False


def enter():
    """Continue this script in the right interpreter; returns only where the packages can be imported."""
    chosen = os.environ.get('BHSCORE_BRAINSCORE_PYTHON')
    if MARK in os.environ or (not chosen and has_packages()):
        return
    python = chosen or environment.make(FOLDER, REQUIREMENTS)
    os.execve(python, [python] + sys.argv, dict(os.environ, **{MARK: '1'}))
