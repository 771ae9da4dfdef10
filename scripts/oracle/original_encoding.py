"""The original's encoding scripts for a study of one layer, one subject and one ROI.

  original_encoding.py --study DIR --out DIR
"""

import argparse
import shutil
import tempfile

import run_reference as reference
from bench_common import ALPHA, N_SELECTED


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--study', required=True)
    p.add_argument('--out', required=True)
    opt = p.parse_args()
    study = reference.Study(opt.study)
    network = next(iter(study.dnns.values()))
    features = {split: study.features(split, network['dir']) for split in ('train', 'test')}
    parameters = argparse.Namespace(n_feat_enc=N_SELECTED, alpha_enc=ALPHA, engine='reference')
    scratch = tempfile.mkdtemp()
    # The last lines of `encode_one` only look at the gap in the selection.
    reference.selection_gap = lambda *_: None
    try:
        with reference.quiet():
            reference.encode_one(study, opt.out, network['dir'], network['layers'][0], study.subjects[0],
                                 study.rois[0], features, parameters, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    main()
