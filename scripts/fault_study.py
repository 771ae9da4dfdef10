"""The study that scripts/fault_storm works on: its reference, copies, and what must hold of them."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

NETWORKS = ('forward', 'reversed', 'shuffled', 'energy')
STAGES = ('extract', 'decode-train', 'decode-predict', 'encode-train', 'encode-predict')
OUTPUTS = {
    'extract': ('features/ImageNetTraining/synth/energy', 'features/ImageNetTest/synth/energy'),
    'decode-train': ('feature_decoders',),
    'decode-predict': ('decoded_features', 'decoding_accuracy'),
    'encode-train': ('feature_encoders',),
    'encode-predict': ('encoded_fmri', 'encoding_accuracy'),
}
# What a stage is made from: without its outputs the later ones go, too.
NEEDS = {'decode-train': ['extract'], 'decode-predict': ['decode-train'],
         'encode-train': ['extract'], 'encode-predict': ['encode-train']}
ITEMS = 240
LEASE = {'lease_seconds': 1.5, 'heartbeat_seconds': 0.3, 'attempts': 1000}
# Nobody lives: a run of a second sees that all are silent.
TIDY_LEASE = {'lease_seconds': 0.4, 'heartbeat_seconds': 0.1, 'attempts': 1000}
RECORDS = ('record.json', 'extract.json')
COMPUTED = re.compile(r'^\[\d+/\d+\] (\S+ \S+): [0-9.]+ s$')
# Seconds after which a worker that has not ended hangs.
LONGEST = 600.0


class Broken(Exception):
    """An invariant does not hold."""


def fail(text):
    print('error: %s' % text, file=sys.stderr)
    sys.exit(2)


def say(text):
    print(text, flush=True)


class Study:
    """The reference and what its files hold."""

    def __init__(self, program, scratch, stages):
        self.program, self.scratch, self.stages = program, scratch, stages
        self.folder = os.path.join(scratch, 'reference')
        start = time.monotonic()
        ended = subprocess.run([program, 'demo', self.folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if ended.returncode:
            fail('`demo` ended with %d: %s' % (ended.returncode, ended.stderr[-500:]))
        self.seconds = time.monotonic() - start
        self.files = dict(self.walk(self.folder))

    @staticmethod
    def walk(folder):
        """Path below data/ -> (bytes or None of a record, hard links)."""
        root = os.path.join(folder, 'data')
        for where, _, names in os.walk(root):
            for name in names:
                path = os.path.join(where, name)
                with open(path, 'rb') as file:
                    content = None if name in RECORDS else file.read()
                    yield os.path.relpath(path, root), (content, os.fstat(file.fileno()).st_nlink)

    def copy(self, folder, stages=None):
        """The reference without the outputs of `stages`, with the short lease."""
        without = {os.path.join(self.folder, 'data', name) for s in stages or self.stages for name in OUTPUTS[s]}
        without.add(os.path.join(self.folder, 'results'))

        def ignored(where, names):
            return [name for name in names if os.path.join(where, name) in without]
        shutil.copytree(self.folder, folder, ignore=ignored, dirs_exist_ok=True)
        self.set_lease(folder, LEASE)

    @staticmethod
    def set_lease(folder, lease):
        path = os.path.join(folder, 'settings.json')
        with open(path) as file:
            settings = json.load(file)
        settings['work'] = lease
        with open(path, 'w') as file:
            json.dump(settings, file)

    def command(self, folder, *options):
        nets = [word for net in NETWORKS for word in ('--net', net)]
        stages = [word for stage in self.stages for word in ('--stage', stage)]
        return [self.program, '-C', folder, 'run', *nets, *stages, '--no-compute', '--no-progress', *options]

    def run(self, folder, *options):
        """Status, stderr."""
        ended = subprocess.run(self.command(folder, *options), capture_output=True, text=True, timeout=LONGEST)
        return ended.returncode, ended.stderr

    def finish(self, folder):
        """The last run: all is done, and yet another one has nothing to do."""
        status, text = self.run(folder)
        if status:
            raise Broken('the last run ended with %d: %s' % (status, text[-1500:]))
        again, told = self.run(folder)
        if again or n_computed(told):
            raise Broken('a run after the last one ended with %d and computed %d: %s' % (again, n_computed(told), told[-500:]))
        return text

    def verify(self, folder):
        """Raises what differs from the reference."""
        found = dict(self.walk(folder))
        wrong = ['missing: %s' % path for path in self.files if path not in found]
        for path, (content, links) in sorted(found.items()):
            if path not in self.files:
                wrong.append('not in the reference: %s' % path)
            elif content != self.files[path][0]:
                wrong.append('other bytes: %s' % path)
            if links != 1:
                wrong.append('%d hard links: %s' % (links, path))
        if os.path.exists(os.path.join(folder, 'data/.bhscore')) and not wrong:
            wrong.append('folder left: .bhscore')
        if wrong:
            raise Broken('%d files are wrong:\n  %s' % (len(wrong), '\n  '.join(wrong[:10])))


def n_computed(text):
    return sum(1 for line in text.splitlines() if COMPUTED.match(line))


def remove_outputs(folder, stages):
    for stage in stages:
        for name in OUTPUTS[stage]:
            shutil.rmtree(os.path.join(folder, 'data', name), ignore_errors=True)
