import IsterEvaluation

/// A comparison of two models as text with llama-perplexity's labels, or as JSON.
struct EvalDivergenceReport {
    let candidate: EvaluatedModel
    let statistics: DivergenceStatistics
    /// What the candidate was compared with, and on what.
    let source: [(String, JSONText)]

    private static let upper: [(label: String, key: String, fraction: Double)] = [
        ("Maximum", "maximum", 1), ("99.9%  ", "p99_9", 0.999), ("99.0%  ", "p99", 0.99), ("95.0%  ", "p95", 0.95),
        ("90.0%  ", "p90", 0.9), ("Median ", "median", 0.5), ("10.0%  ", "p10", 0.1), (" 5.0%  ", "p5", 0.05),
        (" 1.0%  ", "p1", 0.01), ("Minimum", "minimum", 0),
    ]

    var text: String {
        """
        ====== Perplexity statistics ======
        Mean PPL(Q)                   : \(statistics.candidate.perplexity.text(10, 6, errorWidth: 10))
        Mean PPL(base)                : \(statistics.reference.perplexity.text(10, 6, errorWidth: 10))
        Cor(ln(PPL(Q)), ln(PPL(base))): \(paddedLeft(decimals(100 * statistics.correlation, 2), 6))%
        Mean ln(PPL(Q)/PPL(base))     : \(statistics.logRatio.text(10, 6, errorWidth: 10))
        Mean PPL(Q)/PPL(base)         : \(statistics.ratio.text(10, 6, errorWidth: 10))
        Mean PPL(Q)-PPL(base)         : \(statistics.difference.text(10, 6, errorWidth: 10))

        ====== KL divergence statistics ======
        Mean    KLD: \(statistics.meanDivergence.text(10, 6, errorWidth: 10))
        \(quantiles(statistics.divergences, "KLD", 10, 6, scale: 1, unit: ""))

        ====== Token probability statistics ======
        Mean    Δp: \(percent(statistics.meanProbabilityChange))
        \(quantiles(statistics.probabilityChanges, "Δp", 6, 3, scale: 100, unit: "%"))
        RMS Δp    : \(percent(statistics.rootMeanSquareProbabilityChange))
        Same top p: \(percent(statistics.sameTop))

        """
    }

    private func percent(_ value: MeasuredValue) -> String { value.text(6, 3, errorWidth: 5, scale: 100) + " %" }

    private func quantiles(
        _ values: [Double], _ name: String, _ width: Int, _ count: Int, scale: Double, unit: String
    ) -> String {
        let sorted = SortedValues(values)
        return Self.upper.map { label, _, fraction in
            "\(label) \(name): \(paddedLeft(decimals(sorted.quantile(fraction) * scale, count), width))\(unit)"
        }.joined(separator: "\n")
    }

    func json(seconds: Double) -> JSONText {
        let head: [(String, JSONText)] =
            [("candidate", candidate.json)] + source + [("scored_tokens", .integer(statistics.count))]
        let perplexity =
            statistics.candidate.perplexity.members("perplexity")
            + statistics.reference.perplexity.members("reference_perplexity")
            + [("correlation", .number(statistics.correlation))]
            + statistics.logRatio.members("ln_ratio") + statistics.ratio.members("ratio")
            + statistics.difference.members("difference")
        let tokens =
            statistics.meanProbabilityChange.members("mean")
            + statistics.rootMeanSquareProbabilityChange.members("rms")
        return .object(
            head + perplexity + [
                (
                    "kld",
                    .object(statistics.meanDivergence.members("mean") + quantileMembers(statistics.divergences))
                ),
                ("delta_p", .object(tokens + quantileMembers(statistics.probabilityChanges))),
            ] + statistics.sameTop.members("same_top") + [("seconds", .number(seconds))])
    }

    private func quantileMembers(_ values: [Double]) -> [(String, JSONText)] {
        let sorted = SortedValues(values)
        return Self.upper.map { ($0.key, .number(sorted.quantile($0.fraction))) }
    }
}
