extension ModelHeader {
    /// Every blob starts at a multiple of this.
    public static var blobAlignment: Int { FileLayout.alignment }

    /// How far a file's probabilities are from its source's floats, measured on a text. Real numbers are
    /// rounded, so that they are the same on every machine.
    public struct Quality: Codable, Equatable, Sendable {
        /// Of the text.
        public var sha256: String
        /// Tokens of a window, windows, and positions that were compared: the second halves of the windows.
        public var contextLength: Int
        public var windows: Int
        public var positions: Int
        /// Windows of the text before the first one that was compared: those of a calibration text, whose end the
        /// calibration was not given. nil for a text of its own, compared from its beginning.
        public var firstWindow: Int?
        /// Kullback-Leibler divergence from the source, mean over positions, in nats.
        public var meanDivergence: Double
        public var meanDivergenceError: Double
        public var perplexity: Double
        public var sourcePerplexity: Double
        /// Of the perplexities, with the error of paired values.
        public var perplexityRatio: Double
        public var perplexityRatioError: Double
        /// Share of positions with the same most likely token.
        public var sameTop: Double
        public var sameTopError: Double

        public init(
            sha256: String, contextLength: Int, windows: Int, positions: Int, firstWindow: Int? = nil,
            meanDivergence: (value: Double, error: Double), perplexity: Double, sourcePerplexity: Double,
            perplexityRatio: (value: Double, error: Double), sameTop: (value: Double, error: Double)
        ) {
            self.sha256 = sha256
            self.contextLength = contextLength
            self.windows = windows
            self.positions = positions
            self.firstWindow = firstWindow
            self.meanDivergence = Self.rounded(meanDivergence.value)
            meanDivergenceError = Self.rounded(meanDivergence.error)
            self.perplexity = Self.rounded(perplexity)
            self.sourcePerplexity = Self.rounded(sourcePerplexity)
            self.perplexityRatio = Self.rounded(perplexityRatio.value)
            perplexityRatioError = Self.rounded(perplexityRatio.error)
            self.sameTop = Self.rounded(sameTop.value)
            sameTopError = Self.rounded(sameTop.error)
        }

        /// As long in JSON as any other.
        static var longest: Self {
            let number = -Double.leastNormalMagnitude
            var quality = Self(
                sha256: Digest256.unknown, contextLength: .max, windows: .max, positions: .max,
                firstWindow: .max, meanDivergence: (0, 0), perplexity: 0, sourcePerplexity: 0, perplexityRatio: (0, 0),
                sameTop: (0, 0))
            for path in numbers.values { quality[keyPath: path] = number }
            return quality
        }

        private static var numbers: [String: WritableKeyPath<Self, Double>] {
            [
                "meanDivergence": \.meanDivergence, "meanDivergenceError": \.meanDivergenceError,
                "perplexity": \.perplexity, "sourcePerplexity": \.sourcePerplexity,
                "perplexityRatio": \.perplexityRatio, "perplexityRatioError": \.perplexityRatioError,
                "sameTop": \.sameTop, "sameTopError": \.sameTopError,
            ]
        }

        func validate() throws(ModelFileDefect) {
            guard Digest256.isHex(sha256) else { throw .digestMalformed(name: "certificate: text", found: sha256) }
            for (name, count) in [("contextLength", contextLength), ("windows", windows), ("positions", positions)] {
                try check("certificate: \(name)", count, 1...Int.max)
            }
            if let firstWindow { try check("certificate: firstWindow", firstWindow, 1...Int.max) }
            for (name, path) in Self.numbers.sorted(by: { $0.key < $1.key }) {
                try check("certificate: \(name)", self[keyPath: path], 0...Double.greatestFiniteMagnitude)
            }
        }

        /// Numbers below 1e5 to six significant digits, larger ones to integers; what is not finite stays, for
        /// validation to refuse.
        private static func rounded(_ value: Double) -> Double {
            guard value.isFinite, value != 0 else { return value }
            var scale = 1.0
            while (value * scale).magnitude < 1e5, scale < 1e15 { scale *= 10 }
            return (value * scale).rounded() / scale
        }
    }
}
