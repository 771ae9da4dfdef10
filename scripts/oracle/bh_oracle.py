"""Score arithmetic shared by the oracle scripts.

`compat` gives the numbers of the published pipeline, defects included; `corrected` gives
what the method means to compute (the right test statistic, NaN left out).
"""

import itertools
import math

import numpy as np
from scipy import stats

COMPAT_DF = 48            # fixed in the pipeline, whatever the number of test images


# ------------------------------------------------------------ which units count

def unit_votes(acc, pval=0.05, mode='compat', df=COMPAT_DF):
    """acc: areas x units.  Returns (index of best area, keep mask), both per unit.

    The arithmetic keeps acc's own dtype (float32 when read from accuracy files).
    """
    acc = np.array(acc)
    if mode == 'compat':
        acc[np.isnan(acc)] = 0
        best = acc.max(axis=0)
        where = acc.argmax(axis=0)
        with np.errstate(invalid='ignore'):
            stat = best * np.sqrt(COMPAT_DF * (1 - best ** 2))
            p = 2 * (1 - stats.t.cdf(stat, df=COMPAT_DF))
            keep = (p < pval) & (best > 0)
        return where, keep
    acc = acc.astype(np.float64)
    filled = np.where(np.isnan(acc), -np.inf, acc)
    best = filled.max(axis=0)
    where = filled.argmax(axis=0)
    keep = np.zeros(best.shape, bool)
    ok = np.isfinite(best) & (best > 0)
    r = np.minimum(best[ok], 1.0)
    with np.errstate(divide='ignore'):
        stat = r * np.sqrt(df / (1 - r ** 2))
    keep[ok] = 2 * stats.t.sf(stat, df=df) < pval
    return where, keep


def thresholds(pval=0.05, mode='compat', df=COMPAT_DF):
    """The r interval in which a positive accuracy counts as significant."""
    if mode == 'compat':
        q = stats.t.ppf(1 - pval / 2, COMPAT_DF) ** 2 / COMPAT_DF
        if q > 0.25:
            return None                     # no r can pass: the statistic peaks at r = sqrt(1/2)
        return [math.sqrt((1 - math.sqrt(1 - 4 * q)) / 2), math.sqrt((1 + math.sqrt(1 - 4 * q)) / 2)]
    t = stats.t.ppf(1 - pval / 2, df)
    return [t / math.sqrt(df + t * t), 1.0]


def vote_margins(acc_list, pval=0.05, mode='compat', df=COMPAT_DF):
    """How close the votes are to changing: smallest lead of the best area over the
    second among kept units, and smallest distance of a best accuracy to a threshold."""
    lead = edge = math.inf
    lim = thresholds(pval, mode, df)
    for acc in acc_list:
        a = np.where(np.isnan(acc), -np.inf, np.asarray(acc, np.float64))
        srt = np.sort(a, axis=0)[::-1]
        _, keep = unit_votes(acc, pval, mode, df)
        if keep.any() and a.shape[0] > 1:
            lead = min(lead, float((srt[0] - srt[1])[keep].min()))
        ok = np.isfinite(srt[0])
        if lim and ok.any():
            for v in lim[:1] if mode != 'compat' else lim:
                edge = min(edge, float(np.abs(srt[0][ok] - v).min()))
    return {'smallest_lead': lead, 'smallest_distance_to_threshold': edge}


def vote_table(acc_list, n_areas, pval=0.05, mode='compat', df=COMPAT_DF):
    """counts[group, area] of kept units whose best area is `area`."""
    table = np.zeros((len(acc_list), n_areas), dtype=np.int64)
    for g, acc in enumerate(acc_list):
        where, keep = unit_votes(acc, pval, mode, df)
        table[g] = np.bincount(where[keep], minlength=n_areas)
    return table


# ------------------------------------------------------------ rank correlation

def spearman_table(table):
    """Spearman's rho (mean ranks for ties) of a table of counts; NaN if undefined."""
    table = np.asarray(table, dtype=np.float64)
    n = table.sum()
    rows, cols = table.sum(axis=1), table.sum(axis=0)
    if n < 2 or np.count_nonzero(rows) < 2 or np.count_nonzero(cols) < 2:
        return float('nan')

    def midranks(m):                       # centred
        return np.cumsum(m) - m / 2 - n / 2

    a, b = midranks(rows), midranks(cols)
    return float((a @ table @ b) / math.sqrt((rows @ a ** 2) * (cols @ b ** 2)))


def spearman_lists(table):
    """The same through scipy, from the expanded lists (slow, for checking)."""
    table = np.asarray(table)
    g, a = [], []
    for i in range(table.shape[0]):
        for j in range(table.shape[1]):
            g += [i + 1] * int(table[i, j])
            a += [j] * int(table[i, j])
    return float(stats.spearmanr(g, a)[0])


# ------------------------------------------------------------ layer subsets

def subsets(n_layers_total, n_pick=5):
    """Every choice of n_pick layers that holds the first and the last one."""
    inner = range(1, n_layers_total - 1)
    for mid in itertools.combinations(inner, n_pick - 2):
        yield (0,) + mid + (n_layers_total - 1,)


def exact_subset_mean(table, n_pick=5, keep_scores=False):
    """Expectation of the pipeline's random-layer score: mean over all subsets."""
    n = table.shape[0]
    if n < n_pick:
        return None, 0, {}
    total, count, scores = 0.0, 0, {}
    for sub in subsets(n, n_pick):
        s = spearman_table(table[list(sub)])
        total += s
        count += 1
        if keep_scores:
            scores[','.join(map(str, sub))] = s
    return total / count, count, scores


def sampled_scores(table, n_pick=5, n_repeat=100, seed=0):
    """One draw of the pipeline's random-layer scores, legacy NumPy generator."""
    n = table.shape[0]
    if n < n_pick:
        return None
    rng = np.random.RandomState(seed)
    out = []
    for _ in range(n_repeat):
        mid = np.sort(rng.choice(np.arange(1, n - 1), size=n_pick - 2, replace=False))
        out.append(spearman_table(table[[0] + list(mid) + [n - 1]]))
    return out


# ------------------------------------------------------------ pooling of accuracies

def pool_decoding(acc, layers, subjects, rois):
    """acc[layer][sub][roi] -> list over layers of (roi x pooled units)."""
    return [np.vstack([np.hstack([np.ravel(acc[l][s][r]) for s in subjects]) for r in rois])
            for l in layers]


def voxel_subsample(n, limit=1000, seed=0):
    """Indices the pipeline keeps of n voxels (None: all of them)."""
    if n <= limit:
        return None
    return np.random.RandomState(seed).choice(np.arange(n), size=limit, replace=False)


def pool_encoding(acc, layers, subjects, rois, limit=1000, seed=0):
    """acc[layer][sub][roi] -> list over ROIs of (layer x pooled voxels)."""
    out = []
    for r in rois:
        rows = []
        for l in layers:
            parts = []
            for s in subjects:
                v = np.ravel(acc[l][s][r])
                pick = voxel_subsample(len(v), limit, seed)
                parts.append(v if pick is None else v[pick])
            rows.append(np.hstack(parts))
        out.append(np.vstack(rows))
    return out


def score_report(dec, enc, layers, subjects, rois, mode='compat', df=COMPAT_DF, pval=0.05,
                 n_pick=5, limits=(1000,), n_repeat=100, seed=0):
    """Everything about the scores of one network, as plain Python values."""
    rep = {'significant_r': thresholds(pval, mode, df)}
    if dec is not None:
        pooled = pool_decoding(dec, layers, subjects, rois)
        table = vote_table(pooled, len(rois), pval, mode, df)
        mean, count, scores = exact_subset_mean(table, n_pick, keep_scores=True)
        drawn = sampled_scores(table, n_pick, n_repeat, seed)
        rep['decoding'] = {
            'subset_mean_exact': mean, 'n_subsets': count,
            'subset_scores': scores if count <= 300 else None,
            'all_layers': spearman_table(table),
            'sampled_seed': seed, 'sampled_scores': drawn,
            'sampled_mean': None if drawn is None else float(np.mean(drawn)),
            'votes_layer_by_roi': table.tolist(), 'margins': vote_margins(pooled, pval, mode, df),
        }
    if enc is not None:
        rep['encoding'] = {}
        for limit in limits:
            pooled = pool_encoding(enc, layers, subjects, rois, limit, seed)
            table = vote_table(pooled, len(layers), pval, mode, df)
            rep['encoding']['limit_%d' % limit] = {
                'score': spearman_table(table), 'votes_roi_by_layer': table.tolist(),
                'margins': vote_margins(pooled, pval, mode, df)}
    if dec is not None and enc is not None:
        e = rep['encoding']['limit_%d' % limits[0]]['score']
        d = rep['decoding']
        rep['average'] = {
            'subset_mean_exact': None if d['subset_mean_exact'] is None else (d['subset_mean_exact'] + e) / 2,
            'all_layers': (d['all_layers'] + e) / 2,
        }
    return rep


def no_nan(obj):
    """NaN/inf -> None, numpy -> Python, for strict JSON."""
    if isinstance(obj, dict):
        return {str(k): no_nan(v) for k, v in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [no_nan(v) for v in obj]
    if isinstance(obj, np.ndarray):
        if obj.dtype == np.float32:          # shortest text that reads back to the same float32
            return [no_nan(v) for v in obj]
        return no_nan(obj.tolist())
    if isinstance(obj, np.integer):
        return int(obj)
    if isinstance(obj, np.float32):
        return float(str(obj)) if np.isfinite(obj) else None
    if isinstance(obj, (float, np.floating)):
        return float(obj) if np.isfinite(obj) else None
    return obj
