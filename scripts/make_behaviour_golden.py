#!/usr/bin/env python3
"""What scikit-learn, SciPy and NumPy make of small studies, for tests/behaviour.rs and tests/cli/behaviour.rs: writes
tests/behaviour/*.npz.

  python scripts/make_behaviour_golden.py

Needs the packages of scripts/requirements-brainscore.txt. Every array follows from the formulas in the modules'
documents, written out with NumPy; nothing of bhscore is used.
"""

import os
import warnings

import numpy as np
from scipy.interpolate import UnivariateSpline
from scipy.stats import norm, pearsonr, spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit
from sklearn.preprocessing import StandardScaler

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'behaviour')

# images to learn from, others, units, classes, C
READOUTS = {
    'wide': (90, 30, 400, 5, 1e-3),
    'narrow': (150, 30, 40, 6, 1e-3),
    'weak': (60, 20, 200, 3, 1.0),
}


def readout(x, classes, asked, c, penalised_intercept=False):
    """Probabilities of the classes in the asked rows; a penalised intercept is the weight of a column of ones."""
    scaler = StandardScaler().fit(x.astype(np.float64))
    ones = (lambda x: np.c_[x, np.ones(len(x))]) if penalised_intercept else (lambda x: x)
    prepared = lambda x: ones(scaler.transform(x.astype(np.float64)))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        model = LogisticRegression(C=c, solver='newton-cg', tol=1e-12, max_iter=100000,
                                   fit_intercept=not penalised_intercept)
        model.fit(prepared(x), classes)
    return model.predict_proba(prepared(asked))


def readouts(rng, arrays):
    for name, (n, m, p, k, c) in READOUTS.items():
        classes = np.arange(n + m) % k
        centres = rng.standard_normal((k, p))
        scale = np.arange(1, p + 1) ** -0.5
        x = ((0.7 * centres[classes] + rng.standard_normal((n + m, p))) * scale + rng.standard_normal(p))
        x[:, 3] = 0.1
        x = x.astype(np.float32)
        arrays[name + '_x'], arrays[name + '_classes'] = x, classes
        arrays[name + '_p'] = readout(x[:n], classes[:n], x[n:], c)


def of_trials(images, n_objects, trials):
    taken, offered = np.zeros((2, images, n_objects))
    for image, distractor, choice in trials:
        offered[image, distractor] += 1
        taken[image, distractor] += choice == distractor
    with np.errstate(invalid='ignore'):
        return taken / offered


def of_probabilities(p, truth):
    own = p[np.arange(len(p)), truth][:, None]
    rates = p / (p + own)
    rates[np.arange(len(p)), truth] = np.nan
    return rates


def signatures(rates, truth):
    n_objects = rates.shape[1]
    with warnings.catch_warnings(), np.errstate(invalid='ignore'):
        warnings.simplefilter('ignore')
        objects = np.array([np.nanmean(rates[truth == o], axis=0) for o in range(n_objects)])
        i2 = np.clip(norm.ppf(1 - rates) - norm.ppf(objects.T[truth]), -5, 5)
        i2n = i2.copy()
        for o in range(n_objects):
            i2n[truth == o] -= np.nanmean(i2[truth == o], axis=0)
        o2 = np.clip(norm.ppf(1 - objects) - norm.ppf(objects.T), -5, 5)
        mean = lambda a: np.nanmean(a, axis=1, keepdims=True)
        return {'i1': mean(i2), 'i1n': mean(i2n), 'i2': i2, 'i2n': i2n, 'o1': mean(o2), 'o2': o2}


def correlate(a, b):
    both = ~np.isnan(a) & ~np.isnan(b)
    return pearsonr(a[both], b[both])[0]


def consistency(rng, arrays):
    """Trials of people, sparse enough for missing cells, and infinite d' in halves."""
    n, k, n_trials = 40, 5, 1200
    truth = rng.permutation(np.arange(n) % k)
    scores = rng.standard_normal((n, k)) + 1.5 * (truth[:, None] == np.arange(k))
    people = np.exp(scores)
    model = np.exp(scores + 0.7 * rng.standard_normal((n, k)))
    model /= model.sum(1, keepdims=True)
    image = rng.integers(0, n, n_trials)
    distractor = (truth[image] + rng.integers(1, k, n_trials)) % k
    share = people[image, distractor] / (people[image, distractor] + people[image, truth[image]])
    choice = np.where(rng.random(n_trials) < share, distractor, truth[image])
    trials = np.array([image, distractor, choice]).T
    of_model = signatures(of_probabilities(model, truth), truth)
    arrays |= {'truth': truth, 'model': model, 'trials': trials}
    arrays |= {'signature_' + key: value for key, value in of_model.items()}
    arrays |= {'result_' + key: value for key, value in with_halves(of_model, truth, trials, k).items()}


def with_halves(of_model, truth, trials, n_objects):
    """Raw score, ceiling and their quotient for each of the registry's two halves of the trials."""
    results = {key: [] for key in of_model}
    random = np.random.RandomState(0)
    for _ in range(2):
        order = list(range(len(trials)))
        random.shuffle(order)
        halves = [signatures(of_trials(len(truth), n_objects, trials[half]), truth)
                  for half in (order[:len(order) // 2], order[len(order) // 2:])]
        for key in results:
            raw, ceiling = correlate(of_model[key], halves[0][key]), correlate(halves[0][key], halves[1][key])
            results[key].append([raw, ceiling, raw / np.sqrt(ceiling)])
    return {key: np.array(value) for key, value in results.items()}


def grating(sf, orientation, phase, radius, x0, y0, n=672, per_degree=56):
    axis = (np.arange(n) - n / 2) / per_degree
    x, y = np.meshgrid(axis - x0, axis - y0)
    theta, phi = np.deg2rad(orientation), np.deg2rad(phase)
    wave = np.sin(2 * np.pi * sf * (x * np.cos(theta) + y * np.sin(theta)) + phi)
    pixels = np.trunc(255 * (wave + 1) / 2)
    return np.where(x ** 2 + y ** 2 <= radius ** 2, pixels, 128).astype(np.uint8)


def gratings(rng, arrays):
    """Sums, and every 13th pixel of the region around the mask, of one grating and a sample of the sets."""
    chosen = [(2, 30, 45, 0.75, 0.5, 0.5), (3, 0, 0, 1 / 6, -2.5, -2.5), (3, 45, 180, 1 / 6, 2.25, -0.5),
              (2 ** -1.375, 150, 315, 2.25, 0.5, 0.5), (2 ** 3.875, 75, 225, 0.75, 0.5, 0.5),
              (2 ** 0.625, 165, 90, 0.5 * 2 ** 3.25, 0.5, 0.5)]
    images = [grating(*parameters) for parameters in chosen]
    arrays['parameters'] = np.array(chosen, dtype=float)
    arrays['sums'] = np.array([image.sum(dtype=np.int64) for image in images])
    arrays['samples'] = np.array([image.ravel()[::101] for image in images])


def spline(x, y):
    return UnivariateSpline(x, y, s=0)


def half_width(curve, threshold, weights):
    """Half width in degrees and peak of an orientation curve, sampled every 15 degrees."""
    orientation = np.arange(0, 180, 15.0)
    smooth = np.convolve(np.array(weights) / sum(weights), np.tile(curve, 3), mode='same')
    full = np.arange(-180, 360.0)
    fitted = spline(np.concatenate([orientation - 180, orientation, orientation + 180]), smooth)(full)
    peak = int(np.argmax(fitted[180:360]))
    below = np.flatnonzero(fitted <= fitted[peak + 180] * threshold)
    left, right = below[below < peak + 180], below[below > peak + 180]
    width = right[0] - left[-1] if len(left) and len(right) else np.nan
    return (np.nan if width > 180 else width / 2), peak


def frequency(curve, frequencies):
    weights = np.array([0, .2, 1, .2, 0])
    smooth = np.convolve(weights / weights.sum(), np.pad(curve, 2, mode='edge'), mode='valid')
    log = np.log2(frequencies)
    grid = np.linspace(log[0], log[-1], 100)
    fitted = spline(log, smooth)(grid)
    peak = int(np.argmax(fitted))
    below = np.flatnonzero(fitted <= fitted[peak] * 0.707)
    left, right = below[below < peak], below[below > peak]
    ratio = 100 * 2 ** grid[left[-1]] / 2 ** grid[right[0]] if len(left) and len(right) else np.nan
    return 2 ** grid[peak], ratio


def tuning(rng, arrays):
    orientation = np.deg2rad(np.arange(0, 180, 15))
    curves, found = [], []
    for index in range(60):
        k, peak, floor = 8 * rng.random(), np.pi * rng.random(), rng.random() * 4
        curve = floor + 10 * np.exp(k * (np.cos(2 * (orientation - peak)) - 1)) + 2 * rng.random(12)
        at = int(np.argmax(curve))
        cv = 1 - abs(np.sum(curve * np.exp(2j * orientation))) / np.sum(np.abs(curve))
        bandwidth = half_width(curve, 0.707, [0, .4, 1, .4, 0])[0]
        preferred = half_width(curve, 0.5, [0, .2, 1, .2, 0])[1]
        curves.append(curve)
        found.append([cv, curve[(at + 6) % 12] / curve[at], bandwidth,
                      preferred - 180 if preferred >= 157.5 else preferred])
    arrays |= {'orientation_curves': np.array(curves), 'orientation': np.array(found)}
    frequencies = 2 ** np.linspace(-1.375, 3.875, 22)
    curves, found = [], []
    for index in range(60):
        peak, width = rng.uniform(-2, 4.5), rng.uniform(0.4, 2.5)
        curve = 10 * np.exp(-0.5 * ((np.log2(frequencies) - peak) / width) ** 2) + 0.5 * rng.random(22)
        curves.append(curve)
        found.append(frequency(curve, frequencies))
    arrays |= {'frequency_curves': np.array(curves), 'frequency': np.array(found)}
    x = np.cumsum(rng.uniform(0.5, 2, 9))
    y = rng.standard_normal(9)
    grid = np.linspace(x[0] - 1, x[-1] + 1, 50)
    arrays |= {'spline_x': x, 'spline_y': y, 'spline_grid': grid, 'spline': spline(x, y)(grid)}


def texture(rng, arrays):
    """Responses of units to 2 types (noise, texture), 15 families, 15 samples, in spikes per second."""
    responses = rng.gamma(2, 5, (10, 2, 15, 15)) * rng.gamma(3, 1 / 3, (10, 1, 15, 1))
    spikes = responses / 10
    spikes = np.sqrt(spikes) + np.sqrt(spikes + 1)
    found = []
    for unit in range(10):
        families = responses[unit].mean(axis=2)
        modulation = np.mean((families[1] - families[0]) / (families[1] + families[0]))
        sparse = lambda r: (1 - np.mean(r) ** 2 / np.mean(r ** 2)) / (1 - 1 / r.size)
        r = spikes[unit, 1]
        sample = np.sum((r - r.mean(1, keepdims=True)) ** 2) / (15 * 14)
        family = (15 * np.sum((r.mean(1) - r.mean()) ** 2) / 14 - sample) / 15
        total = sample + family
        found.append([modulation, sparse(families[1]), sparse(responses[unit, 1]),
                      (family / total + 0.02) / (sample / total + 0.02)])
    arrays |= {'responses': responses, 'found': np.array(found)}


def similarity(p, q):
    first, last = np.eye(len(q))[0], np.eye(len(q))[-1]
    distance = lambda p: np.abs(np.cumsum(p) - np.cumsum(q)).max()
    return 1 - distance(p) / max(distance(first), distance(last))


def histograms(rng, arrays):
    """The bootstrap of the metric with NumPy's legacy generator."""
    edges = np.linspace(0, 2, 11)
    data = np.repeat((edges[1:] + edges[:-1]) / 2, [66, 44, 38, 23, 16, 3, 0, 0, 0, 0])
    data = np.concatenate([data, np.full(20, np.nan)])
    model = rng.gamma(1.5, 0.4, 300) - 0.1
    model[::17] = np.nan
    q = np.histogram(data, edges)[0] / np.isfinite(data).sum()
    clipped = np.clip(model, 0, 2)
    random = np.random.RandomState(0)
    scores = []
    for _ in range(1000):
        drawn = clipped[random.randint(0, len(clipped), len(data))]
        p = np.histogram(drawn[~np.isnan(drawn)], edges)[0]
        scores.append(similarity(p / p.sum(), q))
    arrays |= {'model': model, 'similarity': np.array([np.mean(scores), np.std(scores)]), 'first': np.array(scores[:5])}


def kappa(one, other):
    one, other = np.array(one, dtype=bool), np.array(other, dtype=bool)
    chance = one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean())
    return ((one == other).mean() - chance) / (1 - chance)


def study(rng, arrays):
    """From features to every metric of behaviour: images to learn from, others that people saw."""
    n, m, p, k, n_trials, n_people = 120, 40, 180, 5, 1600, 6
    classes = np.concatenate([np.arange(n) % k, rng.permutation(np.arange(m) % k)])
    centres = rng.standard_normal((k, p))
    x = (0.15 * centres[classes] + rng.standard_normal((n + m, p)) + 3 * rng.standard_normal(p)).astype(np.float32)
    x[:, 7] = 0.25
    truth = classes[n:]
    model = readout(x[:n], classes[:n], x[n:], 1e-3)
    people = np.exp(12 * np.log(model) + 0.6 * rng.standard_normal((m, k)))
    image = rng.integers(0, m, n_trials)
    distractor = (truth[image] + rng.integers(1, k, n_trials)) % k
    share = people[image, distractor] / (people[image, distractor] + people[image, truth[image]])
    choice = np.where(rng.random(n_trials) < share, distractor, truth[image])
    trials = np.array([image, distractor, choice]).T
    subject = rng.integers(0, n_people, n_trials)
    arrays |= {'x': x, 'classes': classes, 'p': model, 'trials': trials, 'subject': subject}
    of_model = signatures(of_probabilities(model, truth), truth)
    arrays |= {'result_' + key: value for key, value in with_halves(of_model, truth, trials, k).items()}
    answers = []
    for person in range(n_people):
        seen, of_person = {}, {}
        for i, d, c in trials[subject == person]:
            seen[i, d] = seen.get((i, d), 0) + 1
            of_person[i, d, seen[i, d]] = c != d
        answers.append(of_person)
    right = {(i, d): model[i, truth[i]] > model[i, d] for i in range(m) for d in range(k)}
    with_model = [kappa([right[key[:2]] for key in a], list(a.values())) for a in answers]
    pairs = [kappa([a[key] for key in a if key in b], [b[key] for key in a if key in b])
             for number, a in enumerate(answers) for b in answers[:number]]
    arrays['kappas'] = np.array([[abs(np.mean(v)), np.std(v)] for v in (with_model, pairs)])


def object_times(rng, arrays):
    """Images whose signal grows from an onset of their own, in bins of 10 ms."""
    n, p, k, n_bins = 90, 30, 3, 8
    truth = rng.permutation(np.arange(n) % k)
    onset = rng.uniform(0, 5, n)
    signal = np.clip(np.arange(n_bins)[:, None] - onset, 0, 3)
    centres = rng.standard_normal((k, p))
    bins = 0.8 * signal[..., None] * centres[truth] + rng.standard_normal((n_bins, n, p))
    bins = bins.astype(np.float32)
    starts = 70 + 10 * np.arange(n_bins)
    times = 80 + 10 * onset + 5 * rng.standard_normal(n)
    times[::11] = np.nan
    thresholds = rng.uniform(0.5, 2.6, n)
    thresholds[5::13] = 5.5  # above the largest
    predicted, scores = [], []
    for train, test in ShuffleSplit(10, test_size=0.1, random_state=1).split(np.arange(n)):
        i1 = []
        for x in bins:
            probabilities = readout(x[train], truth[train], x[test], 1 / (0.463 * len(train)), penalised_intercept=True)
            i1.append(signatures(of_probabilities(probabilities, truth[test]), truth[test])['i1'][:, 0])
        i1 = np.array(i1)
        found = np.full(len(test), np.nan)
        for column, image in enumerate(test):
            hits = np.flatnonzero(i1[:, column] >= thresholds[image])
            if len(hits):
                hit, before = hits[0], i1[:hits[0], column]
                found[column] = starts[hit]
                if np.isfinite(before).any():
                    last = np.nanargmax(before)
                    share = (thresholds[image] - before[last]) / (i1[hit, column] - before[last])
                    found[column] = starts[last] + share * (starts[hit] - starts[last])
        both = np.isfinite(found) & np.isfinite(times[test])
        predicted.append(found)
        scores.append(spearmanr(found[both], times[test][both])[0])
    arrays |= {'bins': bins, 'starts': starts, 'truth': truth, 'times': times, 'thresholds': thresholds}
    arrays |= {'predicted': np.array(predicted), 'scores': np.array(scores)}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for number, make in enumerate((readouts, consistency, gratings, tuning, texture, histograms, study, object_times)):
        arrays = {}
        make(np.random.default_rng(number), arrays)
        np.savez_compressed(os.path.join(FOLDER, make.__name__ + '.npz'), **arrays)


if __name__ == '__main__':
    main()
