"""Sequences, sets, tables and images of integers: sizes and structure that depend on the values."""

from __future__ import annotations

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator


def run_lengths(x):
    """Values and lengths of runs, from the places where neighbours differ."""
    starts = np.flatnonzero(np.concatenate(([True], x[1:] != x[:-1])))
    lengths = np.diff(np.append(starts, len(x)))
    return x[starts], lengths, np.repeat(x[starts], lengths)


def run_lengths_loop(x):
    """The same by a loop that grows two arrays."""
    values = np.empty(0, dtype=x.dtype)
    lengths = np.empty(0, dtype=np.int64)
    i = 0
    while i < len(x):
        j = i
        while j < len(x) and x[j] == x[i]:
            j += 1
        values = np.append(values, x[i])
        lengths = np.concatenate((lengths, np.array([j - i])))
        i = j
    return values, lengths


def group_means(keys, values):
    """Means, maxima and sizes of groups by `unique`, `bincount` and `maximum.at`."""
    groups, index = np.unique(keys, return_inverse=True)
    size = np.bincount(index)
    total = np.bincount(index, weights=values)
    top = np.full(len(groups), -np.inf)
    np.maximum.at(top, index, values)
    return groups, total / size, top, size


def sorted_groups(keys, values):
    """Groups as runs of a sorted table, reduced with `reduceat`."""
    order = np.argsort(keys, kind="stable")
    k, v = keys[order], values[order]
    first = np.flatnonzero(np.r_[True, k[1:] != k[:-1]])
    return k[first], np.add.reduceat(v, first), np.minimum.reduceat(v, first)


def csr_product(row_start, column, value, x):
    """Sparse times dense: slices with run-time bounds, row by row."""
    y = np.empty(row_start.size - 1, value.dtype)
    for i in range(row_start.size - 1):
        cols = column[row_start[i] : row_start[i + 1]]
        y[i] = value[row_start[i] : row_start[i + 1]] @ x[cols]
    return y


def csr_from_dense(A, limit):
    """Counts, offsets, columns and values of the entries above a limit."""
    mask = np.abs(A) > limit
    starts = np.zeros(A.shape[0] + 1, dtype=np.int64)
    starts[1:] = np.cumsum(mask.sum(axis=1))
    rows, columns = np.nonzero(mask)
    return starts, columns, A[rows, columns], np.argwhere(~mask)


def particle_filter(seen, particles, noise, starts):
    """Move, weigh, resample systematically when few particles count."""
    n = len(particles)
    means = np.zeros(len(seen))
    resampled = 0
    weights = np.full(n, 1.0 / n)
    for t, z in enumerate(seen):
        particles = 0.9 * particles + noise[t]
        weights = weights * np.exp(-0.5 * (z - particles) ** 2)
        weights /= weights.sum()
        means[t] = np.sum(weights * particles)
        if 1.0 / np.sum(weights**2) < 0.5 * n:
            places = (starts[t] + np.arange(n)) / n
            chosen = np.searchsorted(np.cumsum(weights), places)
            particles = particles[np.minimum(chosen, n - 1)]
            weights = np.full(n, 1.0 / n)
            resampled += 1
    return means, resampled


def page_rank(links, damping, tolerance):
    """Power iteration on a column-stochastic matrix, dangling pages spread evenly."""
    n = links.shape[0]
    out = links.sum(axis=0)
    P = np.where(out > 0, links / np.where(out > 0, out, 1), 1.0 / n)
    rank = np.ones(n) / n
    while True:
        new = damping * (P @ rank) + (1 - damping) / n
        change = np.abs(new - rank).sum()
        rank = new
        if change < tolerance:
            break
    return rank


def breadth_first(adjacent, start):
    """Distances by frontiers that are boolean rows, until nothing new is reached."""
    n = adjacent.shape[0]
    distance = np.full(n, -1)
    frontier = np.zeros(n, dtype=bool)
    frontier[start] = True
    d = 0
    while frontier.any():
        distance[frontier] = d
        frontier = adjacent[frontier].any(axis=0) & (distance < 0)
        d += 1
    return distance


def dijkstra(weights, start):
    n = len(weights)
    dist = np.full(n, np.inf)
    done = np.zeros(n, dtype=bool)
    dist[start] = 0.0
    for _ in range(n):
        u = np.argmin(np.where(done, np.inf, dist))
        if not np.isfinite(dist[u]):
            break
        done[u] = True
        closer = dist[u] + weights[u] < dist
        dist[closer] = dist[u] + weights[u][closer]
    return dist


def components(edges, n):
    """Union-find with path halving; two arrays of Python-like ints."""
    parent = np.arange(n)
    count = n
    for a, b in edges:
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a != b:
            parent[max(a, b)] = min(a, b)
            count -= 1
    return parent, count


def label_image(image):
    """Connected regions by repeated minima of neighbours, until stable."""
    labels = np.where(image, np.arange(1, image.size + 1).reshape(image.shape), 0)
    changed = True
    rounds = 0
    while changed:
        old = labels
        wide = np.pad(labels, 1)
        near = np.stack([wide[1:-1, 2:], wide[1:-1, :-2], wide[2:, 1:-1], wide[:-2, 1:-1], labels])
        low = np.where(near == 0, image.size + 1, near).min(axis=0)
        labels = np.where(image, low, 0)
        changed = bool((labels != old).any())
        rounds += 1
    return len(np.unique(labels[labels > 0])), rounds


def equalize(image):
    """Histogram equalization with a lookup table."""
    counts = np.bincount(image.ravel(), minlength=16)
    cdf = counts.cumsum()
    low = cdf[cdf > 0][0]
    table = np.round((cdf - low) / max(image.size - low, 1) * 15).astype(np.uint8)
    return table[image]


def otsu(image):
    """The threshold that separates a histogram best."""
    counts, edges = np.histogram(image, bins=8, range=(0.0, 1.0))
    p = counts / counts.sum()
    best, threshold = -1.0, 0.0
    for k in range(1, len(p)):
        left, right = p[:k].sum(), p[k:].sum()
        if left == 0 or right == 0:
            continue
        centers = (edges[:-1] + edges[1:]) / 2
        gap = (p[:k] * centers[:k]).sum() / left - (p[k:] * centers[k:]).sum() / right
        if left * right * gap**2 > best:
            best, threshold = left * right * gap**2, edges[k]
    return threshold, image > threshold


def integral_boxes(image, boxes):
    """Sums over rectangles from a table of cumulated sums."""
    table = np.zeros((image.shape[0] + 1, image.shape[1] + 1))
    table[1:, 1:] = image.cumsum(0).cumsum(1)
    return np.array([table[c, d] - table[a, d] - table[c, b] + table[a, b] for a, b, c, d in boxes])


def bilinear(image, h, w):
    """Resize through index arrays and their fractions."""
    y, x = np.linspace(0, image.shape[0] - 1, h), np.linspace(0, image.shape[1] - 1, w)
    i, j = (
        np.minimum(y.astype(int), image.shape[0] - 2),
        np.minimum(x.astype(int), image.shape[1] - 2),
    )
    fy, fx = (y - i)[:, None], (x - j)[None, :]
    a, b = image[np.ix_(i, j)], image[np.ix_(i, j + 1)]
    c, d = image[np.ix_(i + 1, j)], image[np.ix_(i + 1, j + 1)]
    return (1 - fy) * ((1 - fx) * a + fx * b) + fy * ((1 - fx) * c + fx * d)


def convex_hull(points):
    """Andrew's chains on a stack that is an array and a height."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    p = points[order]
    n = len(p)
    hull = np.zeros(2 * n, dtype=np.int64)
    k = 0
    for sweep in range(2):
        base = k
        for step in range(n):
            i = step if sweep == 0 else n - 1 - step
            while k - base >= 2:
                o, a, b = p[hull[k - 2]], p[hull[k - 1]], p[i]
                if (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]) > 0:
                    break
                k -= 1
            hull[k] = i
            k += 1
        k -= 1
    return p[hull[:k]]


def inside_polygon(polygon, points):
    """Crossings of a ray, edge after edge."""
    found = np.zeros(len(points), dtype=bool)
    x, y = points.T
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0)):
        with np.errstate(divide="ignore", invalid="ignore"):
            cross = x < (x1 - x0) * (y - y0) / (y1 - y0) + x0
        found ^= ((y0 > y) != (y1 > y)) & cross
    return found


def merge_sort(x):
    """Bottom up, through two buffers that change roles."""
    a, b = x.copy(), np.empty_like(x)
    width = 1
    n = len(a)
    while width < n:
        for lo in range(0, n, 2 * width):
            mid, hi = min(lo + width, n), min(lo + 2 * width, n)
            i, j = lo, mid
            for k in range(lo, hi):
                if i < mid and (j >= hi or a[i] <= a[j]):
                    b[k] = a[i]
                    i += 1
                else:
                    b[k] = a[j]
                    j += 1
        a, b = b, a
        width *= 2
    return a


def smith_waterman(a, b, gap):
    """Local alignment: the best score and a walk back along the choices."""
    H = np.zeros((len(a) + 1, len(b) + 1), dtype=np.int64)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            match = H[i - 1, j - 1] + (3 if a[i - 1] == b[j - 1] else -2)
            H[i, j] = max(0, match, H[i - 1, j] - gap, H[i, j - 1] - gap)
    i, j = np.unravel_index(H.argmax(), H.shape)
    length = 0
    while H[i, j] > 0:
        if H[i, j] == H[i - 1, j - 1] + (3 if a[i - 1] == b[j - 1] else -2):
            i, j = i - 1, j - 1
        elif H[i, j] == H[i - 1, j] - gap:
            i -= 1
        else:
            j -= 1
        length += 1
    return H.max(), length, i, j


def viterbi(log_start, log_move, log_emit, seen):
    best = log_start + log_emit[:, seen[0]]
    back = np.zeros((len(seen), len(best)), dtype=np.int64)
    for t in range(1, len(seen)):
        scores = best[:, None] + log_move
        back[t] = scores.argmax(axis=0)
        best = scores.max(axis=0) + log_emit[:, seen[t]]
    path = np.zeros(len(seen), dtype=np.int64)
    path[-1] = best.argmax()
    for t in range(len(seen) - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path, best.max()


def knapsack(weights, values, room):
    """One row, written from the back: overlapping reads and writes."""
    best = np.zeros(room + 1, dtype=values.dtype)
    for w, v in zip(weights, values):
        best[w:] = np.maximum(best[w:], best[: room + 1 - w] + v)
    return best[-1], best


def xorshift(seed, count):
    """A generator in 32-bit registers that wrap, and its bits counted."""
    out = np.empty(count, dtype=np.uint32)
    state = np.uint32(seed)
    for k in range(count):
        state ^= state << np.uint32(13)
        state ^= state >> np.uint32(17)
        state ^= state << np.uint32(5)
        out[k] = state
    bits = out - ((out >> 1) & 0x55555555)
    bits = (bits & 0x33333333) + ((bits >> 2) & 0x33333333)
    return out, (((bits + (bits >> 4)) & 0x0F0F0F0F) * 0x01010101) >> 24


def crc_table(data):
    """CRC-32 with a table made on the spot."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0xEDB88320), table >> 1)
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> np.uint32(8))
    return ~crc


def ints(high: int, *shapes: int):
    return lambda r: tuple(r.integers(0, high, n) for n in shapes)


def keyed(r: Rng) -> tuple[object, ...]:
    return r.integers(0, 5, 20), r.standard_normal(20)


def csr_args(r: Rng) -> tuple[object, ...]:
    counts = r.integers(0, 5, 8)
    starts = np.concatenate(([0], np.cumsum(counts)))
    return starts, r.integers(0, 9, starts[-1]), r.random(starts[-1]), r.random(9)


def filter_args(r: Rng) -> tuple[object, ...]:
    return 2 * r.standard_normal(6), r.standard_normal(20), r.standard_normal((6, 20)), r.random(6)


def graph(r: Rng) -> tuple[object, ...]:
    weights = np.where(r.random((8, 8)) < 0.4, r.random((8, 8)), np.inf)
    return weights, 2


def boxes_args(r: Rng) -> tuple[object, ...]:
    return r.random((6, 7)), np.array([[0, 0, 6, 7], [1, 2, 4, 5], [3, 3, 3, 6]])


def viterbi_args(r: Rng) -> tuple[object, ...]:
    return *(np.log(r.random(s) + 0.1) for s in ((3,), (3, 3), (3, 4))), r.integers(0, 4, 8)


def triangle(r: Rng) -> tuple[object, ...]:
    return np.array([[0.0, 0.0], [1.0, 0.1], [0.4, 0.9], [0.5, 0.4]]), r.random((15, 2))


SEQUENCES = (
    Program("run_lengths", run_lengths, ints(3, 20), exact=True),
    Program("run_lengths_loop", run_lengths_loop, ints(3, 20), exact=True),
    Program("group_means", group_means, keyed, exact=True, argnums=(1,)),
    Program("sorted_groups", sorted_groups, keyed, argnums=(1,)),
    Program("csr_product", csr_product, csr_args, argnums=(2, 3)),
    Program("csr_from_dense", csr_from_dense, lambda r: (r.random((5, 6)), 0.6), exact=True),
    Program("particle_filter", particle_filter, filter_args, argnums=(0, 1, 2)),
    Program(
        "page_rank",
        page_rank,
        lambda r: (r.integers(0, 2, (7, 7)), 0.85, 1e-10),
        rtol=1e-11,
        argnums=(1,),
    ),
    Program("breadth_first", breadth_first, lambda r: (r.random((9, 9)) < 0.2, 4), exact=True),
    Program("dijkstra", dijkstra, graph, exact=True),
    Program("components", components, lambda r: (r.integers(0, 12, (7, 2)), 12), exact=True),
    Program("label_image", label_image, lambda r: (r.random((7, 8)) < 0.55,), exact=True),
    Program("equalize", equalize, lambda r: (r.integers(3, 12, (6, 7)).astype(np.uint8),)),
    Program("otsu", otsu, lambda r: (r.random((6, 7)) ** 2,)),
    Program("integral_boxes", integral_boxes, boxes_args, argnums=(0,)),
    Program("bilinear", bilinear, lambda r: (r.random((5, 6)), 8, 7), argnums=(0,)),
    Program("convex_hull", convex_hull, lambda r: (r.random((12, 2)),), argnums=(0,), exact=True),
    Program("inside_polygon", inside_polygon, triangle, exact=True),
    Program("merge_sort", merge_sort, lambda r: (r.standard_normal(13),), argnums=(0,), exact=True),
    Program("smith_waterman", smith_waterman, lambda r: (*ints(4, 12, 10)(r), 2), exact=True),
    Program("viterbi", viterbi, viterbi_args, argnums=(0, 1, 2)),
    Program(
        "knapsack",
        knapsack,
        lambda r: (r.integers(1, 6, 5), r.random(5), 11),
        exact=True,
        argnums=(1,),
    ),
    Program("xorshift", xorshift, lambda r: (int(r.integers(1, 2**31)), 12), exact=True),
    Program("crc_table", crc_table, lambda r: (r.integers(0, 256, 15).astype(np.uint8),)),
)
