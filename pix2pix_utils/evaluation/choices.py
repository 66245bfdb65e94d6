"""How far the answers to a test with two choices are from guessing."""

CHANCE = 0.5


def choice_summary(chosen: int, trials: int) -> dict[str, float]:
    """One of two answers was chosen in some of the trials: its share, and what chance explains.

    share      of the trials, in [0, 1]; nan without any
    low, high  its 95 % interval (Clopper and Pearson 1934), which is exact for any number of trials
    p_value    probability of a share at least this far from one half if every answer was a guess
               (two-sided); below 0.05 exactly if the interval excludes one half
    trials     their number

    Trials count as independent of each other. Raises ValueError unless 0 <= chosen <= trials.
    """
    from scipy.stats import binomtest  # here: slow to import

    if not 0 <= chosen <= trials:
        raise ValueError(f"{chosen} of {trials} trials")
    if trials == 0:
        return {"share": float("nan"), "low": 0.0, "high": 1.0, "p_value": 1.0, "trials": 0}
    test = binomtest(chosen, trials, CHANCE)
    interval = test.proportion_ci(0.95, "exact")
    return {
        "share": chosen / trials,
        "low": float(interval.low),
        "high": float(interval.high),
        "p_value": float(test.pvalue),
        "trials": trials,
    }
