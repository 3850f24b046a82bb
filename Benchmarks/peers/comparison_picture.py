"""The picture of a comparison: a row of bars a test, with the limit of the time drawn in."""
import statistics


def draw(samples, limit, path, title):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    names = list(samples)
    tests = list(samples[names[0]])
    figure, axes = pyplot.subplots(1, len(tests), figsize=(1.5 + 3.6 * len(tests), 1.2 + 0.42 * len(names)),
                                   squeeze=False, layout="constrained", sharey=True)
    for axis, test in zip(axes[0], tests):
        values = [samples[name].get(test, [0]) for name in names]
        medians = [statistics.median(v) for v in values]
        spread = [[m - min(v) for m, v in zip(medians, values)], [max(v) - m for m, v in zip(medians, values)]]
        colors = ["#1f6f8b" if name.startswith("Ister") else "#b8b8b8" for name in names]
        bars = axis.barh(names, medians, color=colors, xerr=spread, error_kw={"elinewidth": 0.8, "ecolor": "#555"})
        axis.bar_label(bars, [f"{m:.1f}" if m else "" for m in medians], padding=4, fontsize=8)
        most = statistics.median(limit[test]) if test in limit else 0
        heading = test
        if most:
            axis.axvline(most, color="#c0392b", linestyle="--", linewidth=1)
            heading += f"\nlimit at the time of the runs: {most:.0f}"
        axis.set_xlim(0, 1.12 * max([most, *medians]))
        axis.set_title(heading, fontsize=9)
        axis.set_xlabel("tokens per second", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].invert_yaxis()
    figure.suptitle(title, fontsize=10)
    figure.savefig(path)
