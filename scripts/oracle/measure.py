"""Runs one command and writes what it took to a JSON file: measure.py OUT.json COMMAND...

A process of its own, and small: what Linux reports as a child's peak memory starts at that of
the process it was forked from.
"""

import json
import os
import sys
import time


def main():
    out, words = sys.argv[1], sys.argv[2:]
    start = time.perf_counter()
    pid = os.spawnvp(os.P_NOWAIT, words[0], words)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    with open(out, 'w') as f:
        json.dump({'seconds': seconds, 'cpu_seconds': usage.ru_utime + usage.ru_stime,
                   'peak_megabytes': usage.ru_maxrss / 1024}, f)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == '__main__':
    main()
