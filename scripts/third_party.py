#!/usr/bin/env python3
"""Gathers the licences of what is linked into the program.

  scripts/third_party.py FOLDER [CARGO OPTIONS]     such as --features hdf5-static

Writes FOLDER/third_party.tsv (package, version, licence, address) and a folder for each package with its licence files.
"""

import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BEGIN = ('license', 'licence', 'copying', 'copyright', 'notice', 'unlicense')
# Where sources of others lie that a package brings along.
INNER = ('', 'ext/hdf5', 'vendor')


def linked(metadata):
    """Packages that the program is made of: no tools of the build, no tests."""
    nodes = {node['id']: node for node in metadata['resolve']['nodes']}
    found, left = set(), [metadata['resolve']['root']]
    while left:
        package = left.pop()
        if package in found:
            continue
        found.add(package)
        for dependency in nodes[package]['deps']:
            if any(kind['kind'] is None for kind in dependency['dep_kinds']):
                left.append(dependency['pkg'])
    found.remove(metadata['resolve']['root'])
    return sorted((p for p in metadata['packages'] if p['id'] in found), key=lambda p: (p['name'], p['version']))


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith('-'):
        sys.exit(__doc__)
    out, options = sys.argv[1], sys.argv[2:]
    command = ['cargo', 'metadata', '--format-version', '1', '--locked', *options]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, 'third_party.tsv'), 'w') as table:
        for package in linked(metadata):
            name = '%s-%s' % (package['name'], package['version'])
            terms = package['license'] or package['license_file'] or ''
            fields = (package['name'], package['version'], terms, package['repository'] or '')
            table.write('\t'.join(fields) + '\n')
            base = os.path.dirname(package['manifest_path'])
            for inner in INNER:
                folder = os.path.join(base, inner)
                files = os.listdir(folder) if os.path.isdir(folder) else []
                for file in sorted(f for f in files if f.lower().startswith(BEGIN)):
                    if os.path.isfile(os.path.join(folder, file)):
                        os.makedirs(os.path.join(out, name), exist_ok=True)
                        shutil.copyfile(os.path.join(folder, file), os.path.join(out, name, file))


if __name__ == '__main__':
    main()
