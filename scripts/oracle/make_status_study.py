#!/usr/bin/env python3
"""A study in which everything is decoded, as large as the published one, to time `status` and the plan on.

    make_status_study.py PROGRAM FOLDER [--images 1200]
    time PROGRAM -C FOLDER status

One layer is computed by the program; the others are its records under names of the same length (so that sizes, and
with them stamps, are the same), beside files that only are there. Features are hard links.
"""

import argparse
import json
import os
import shutil
import subprocess
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "tests/golden/study"
SUBJECTS = ["sub-01", "sub-02", "sub-03"]
ROIS = ["V1", "V2", "V3", "V4", "HVC"]
N_NETWORKS, N_LAYERS = 29, 705
KINDS = [
    ("feature_decoders/ImageNetTraining", "model/record.json", "model/W.mat"),
    ("decoding_accuracy/ImageNetTest", "record.json", "accuracy.mat"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=1200, help="training images")
    args = parser.parse_args()
    data = args.folder / "data"
    shutil.copytree(GOLDEN / "data/fmri", data / "fmri")
    for half in ["Training", "Test"]:
        names = [path.name for path in (data / "fmri").iterdir() if "sub-01" in path.name and half in path.name]
        for name in names:
            shutil.copy(data / "fmri" / name, data / "fmri" / name.replace("sub-01", "sub-03"))

    layers = [f"layer{number:03}" for number in range(N_LAYERS)]
    networks = [f"synth/net{number:02}" for number in range(N_NETWORKS)]
    of_network = {net: layers[number::N_NETWORKS] for number, net in enumerate(networks)}
    settings = json.loads((GOLDEN / "settings.json").read_text())
    settings["subjects"] = SUBJECTS
    settings["dnns"] = {net[6:]: {"dir": net, "layers": names} for net, names in of_network.items()}
    (args.folder / "settings.json").write_text(json.dumps(settings, indent=1))

    first = (networks[0], layers[0])
    for split in ["ImageNetTraining", "ImageNetTest"]:
        target = data / "features" / split / first[0] / first[1]
        shutil.copytree(GOLDEN / "data/features" / split / "synth/ringnet/conv1", target)
        if split == "ImageNetTraining":
            files = sorted(target.iterdir())
            for number in range(len(files), args.images):
                shutil.copy(files[0], target / f"more_{number:05}.mat")
    for stage in ["decode-train", "decode-predict"]:
        command = [args.program, "-C", args.folder, stage, "--net", first[0], "--layer", first[1]]
        subprocess.run(command, check=True)

    for net, names in of_network.items():
        for layer in names:
            if (net, layer) != first:
                copy_layer(data, first, (net, layer))


def copy_layer(data, first, other):
    """Features, decoders and accuracies of a layer."""
    for split in ["ImageNetTraining", "ImageNetTest"]:
        source = data / "features" / split / "/".join(first)
        target = data / "features" / split / "/".join(other)
        target.mkdir(parents=True)
        for name in os.listdir(source):
            os.link(source / name, target / name)
    old, new = "/".join(first), "/".join(other)
    for kind, record, mark in KINDS:
        for subject in SUBJECTS:
            for roi in ROIS:
                source = data / kind / old / subject / roi
                target = data / kind / new / subject / roi
                (target / record).parent.mkdir(parents=True)
                (target / mark).touch()
                (target / record).write_text((source / record).read_text().replace(old, new))
                shutil.copystat(source / record, target / record)


if __name__ == "__main__":
    main()
