#!/usr/bin/env python3
"""What scikit-learn, SciPy and NumPy make of small studies, for tests/behaviour.rs: writes tests/behaviour/*.npz.

  python scripts/make_behaviour_golden.py

Needs the packages of scripts/requirements-brainscore.txt. Every array follows from the formulas in the modules'
documents, written out with NumPy; nothing of bhscore is used.
"""

import os
import warnings

import numpy as np
from scipy.interpolate import UnivariateSpline
from scipy.stats import norm, pearsonr
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'behaviour')

# images to learn from, others, units, classes, C
READOUTS = {
    'wide': (90, 30, 400, 5, 1e-3),
    'narrow': (150, 30, 40, 6, 1e-3),
    'weak': (60, 20, 200, 3, 1.0),
}


def readouts(rng, arrays):
    for name, (n, m, p, k, c) in READOUTS.items():
        classes = np.arange(n + m) % k
        centres = rng.standard_normal((k, p))
        scale = np.arange(1, p + 1) ** -0.5
        x = ((0.7 * centres[classes] + rng.standard_normal((n + m, p))) * scale + rng.standard_normal(p))
        x[:, 3] = 0.1
        x = x.astype(np.float32)
        wide = x.astype(np.float64)
        scaler = StandardScaler().fit(wide[:n])
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            model = LogisticRegression(C=c, solver='newton-cg', tol=1e-12, max_iter=100000)
            model.fit(scaler.transform(wide[:n]), classes[:n])
        arrays[name + '_x'], arrays[name + '_classes'] = x, classes
        arrays[name + '_p'] = model.predict_proba(scaler.transform(wide[n:]))


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
    results = {key: [] for key in of_model}
    random = np.random.RandomState(0)
    for _ in range(2):
        order = list(range(n_trials))
        random.shuffle(order)
        halves = [signatures(of_trials(n, k, trials[half]), truth)
                  for half in (order[:n_trials // 2], order[n_trials // 2:])]
        for key in results:
            raw, ceiling = correlate(of_model[key], halves[0][key]), correlate(halves[0][key], halves[1][key])
            results[key].append([raw, ceiling, raw / np.sqrt(ceiling)])
    arrays |= {'truth': truth, 'model': model, 'trials': trials}
    arrays |= {'signature_' + key: value for key, value in of_model.items()}
    arrays |= {'result_' + key: np.array(value) for key, value in results.items()}


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


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for number, make in enumerate((readouts, consistency, gratings, tuning, texture, histograms)):
        arrays = {}
        make(np.random.default_rng(number), arrays)
        np.savez_compressed(os.path.join(FOLDER, make.__name__ + '.npz'), **arrays)


if __name__ == '__main__':
    main()
