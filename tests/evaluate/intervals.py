"""How sure figures are, at 95 %. All resamples are taken at once, as products of weights: the first row of them is of the samples as they are."""
import numpy as np

RESAMPLES = 1000
# The normal distribution's 97.5th percentile.
Z = 1.959963984540054


def weights(samples, seed):
    """A row of weights of the samples, that add up to 1, for all of them and for each resample. Clusters (a speaker) are drawn whole, if there are two or
    more; they share labels here, so that there are no strata to draw them in."""
    _, cluster = np.unique([sample["cluster"] for sample in samples], return_inverse=True)
    if cluster.max() == 0:
        cluster = np.arange(len(samples))
    count = cluster.max() + 1
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)[:, cluster]
    rows = np.vstack([np.ones(len(samples)), times])
    return rows / rows.sum(axis=1, keepdims=True)


def figure(values):
    """A statistic by rows of weights: of all, and the interval of the resamples where it is defined, widened to hold the first. None where that isn't
    defined."""
    if np.isnan(values[0]):
        return None
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return [float(values[0]), float(min(low, values[0])), float(max(high, values[0]))]


def rates(means, count):
    """Means of rights and wrongs, by rows of weights: the wider of Wilson's interval and the resamples'."""
    shares = means[0]
    scale = 1 + Z**2 / count
    centre = (shares + Z**2 / (2 * count)) / scale
    half = Z / scale * np.sqrt(shares * (1 - shares) / count + Z**2 / (4 * count**2))
    low, high = np.percentile(means[1:], [2.5, 97.5], axis=0)
    low, high = np.minimum.reduce([centre - half, low, shares]), np.maximum.reduce([centre + half, high, shares])
    return np.stack([shares, np.clip(low, 0, 1), np.clip(high, 0, 1)], axis=-1).tolist()
