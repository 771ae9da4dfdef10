"""What the method means to compute, in plain float64.

Differs from the published pipeline on odd input only: constant inputs are never used, a
constant target has zero weights, equal correlations go to the lower index, and images are
matched by name.
"""

import numpy as np

def scale_params(a):
    a = a.astype(np.float64)
    mean, sd = a.mean(axis=0), a.std(axis=0, ddof=1)
    live = np.ptp(a, axis=0) > 0
    return mean, np.where(live, sd, 1.0), live


def ridge_selected(x, y, n_feat, alpha, live_x, live_y):
    """float64 ridge with the strongest |r| inputs per target; ties go to the lower index.

    Constant inputs are never selected, a constant target gets W = 0, b = 0.  The
    constant column is penalised too, as in the reference.
    """
    n, p = x.shape
    w, b = np.zeros((p, y.shape[1])), np.zeros(y.shape[1])
    xc, yc = x - x.mean(0), y - y.mean(0)
    xn, yn = np.linalg.norm(xc, axis=0), np.linalg.norm(yc, axis=0)
    r = np.abs((xc / np.where(xn > 0, xn, 1)).T @ (yc / np.where(yn > 0, yn, 1)))
    r[~live_x] = -1
    xa = np.hstack([x, np.ones((n, 1))])
    g = xa.T @ xa + alpha * np.eye(p + 1)
    c = xa.T @ y
    n_live = int(live_x.sum())
    for j in np.flatnonzero(live_y):
        pick = np.argsort(-r[:, j], kind='stable')[:min(n_feat, n_live)]
        sel = np.append(np.sort(pick), p)
        sol = np.linalg.solve(g[np.ix_(sel, sel)], c[sel, j])
        w[sel[:-1], j], b[j] = sol[:-1], sol[-1]
    return w, b


def corr_columns(a, b):
    out = np.full(a.shape[1], np.nan)
    ok = (np.ptp(a, axis=0) > 0) & (np.ptp(b, axis=0) > 0)
    ac, bc = a[:, ok] - a[:, ok].mean(0), b[:, ok] - b[:, ok].mean(0)
    out[ok] = (ac * bc).sum(0) / (np.linalg.norm(ac, axis=0) * np.linalg.norm(bc, axis=0))
    return out


def corrected_pair(study, net, layer, sub, roi, feats, opt):
    """(decoding accuracy, encoding accuracy) in float64, images matched by name."""
    f = {s: feats[s].get_features(layer).astype(np.float64) for s in feats}
    f = {s: a.reshape(len(a), -1) for s, a in f.items()}            # C order throughout
    lab = {s: list(feats[s].labels) for s in feats}
    b, shown = {}, {}
    for s in feats:
        bd = study.brain(s, sub)
        b[s] = bd.select('ROI_%s = 1' % roi).astype(np.float64)
        shown[s] = np.array(bd.get_label('stimulus_name'))
    rows = np.array([lab['train'].index(nm) for nm in shown['train']])
    present = [nm for nm in lab['test'] if nm in set(shown['test'])]
    bt = np.vstack([b['test'][shown['test'] == nm].mean(0) for nm in present])
    ft = f['test'][[lab['test'].index(nm) for nm in present]]

    bm, bs, bl = scale_params(b['train'])
    fm, fs, fl = scale_params(f['train'])
    nb = np.where(bl, (b['train'] - bm) / bs, 0)
    nf = np.where(fl, (f['train'] - fm) / fs, 0)[rows]
    nbt = np.where(bl, (bt - bm) / bs, 0)
    nft = np.where(fl, (ft - fm) / fs, 0)
    w, c = ridge_selected(nb, nf, opt.n_feat_dec, opt.alpha_dec, bl, fl)
    dec = corr_columns((nbt @ w + c) * fs + fm, ft)
    w, c = ridge_selected(nf, nb, opt.n_feat_enc, opt.alpha_enc, fl, bl)
    enc = corr_columns((nft @ w + c) * bs + bm, bt)
    return dec, enc
