public import IsterModelFile

extension Calibration {
    public static let defaultGramBytes = 640 << 20

    /// Bytes that error feedback takes at a time, at most, when all matrices of a model are rounded.
    public static func feedbackBytes(_ shape: ModelShape) -> Int {
        var seen: Set<CalibrationSite> = []
        var widths: [Int] = []
        for tensor in shape.requiredTensors() {
            let site = CalibrationSite(tensor, tiedHead: shape.tiedHead)
            if let site, site != .head, seen.insert(site).inserted { widths.append(tensor.columns) }
        }
        return feedbackBytes(widths: widths + [shape.hiddenWidth], gramBytes: defaultGramBytes)
    }

    /// Of sites of these widths, in order: a group's matrices, and for one of them at a time its inverse in floats and
    /// its factor in doubles.
    static func feedbackBytes(widths: [Int], gramBytes: Int) -> Int {
        groups(widths, gramBytes: gramBytes).map { group in
            let matrices = widths[group].map { GramMatrices.bytes(width: $0) }
            return matrices.reduce(0, +) + 3 * (matrices.max() ?? 0)
        }.max() ?? 0
    }

    /// Sites in order, as many together as `gramBytes` allow, at least one.
    static func groups(_ widths: [Int], gramBytes: Int) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var start = 0
        var bytes = 0
        for (index, width) in widths.enumerated() {
            let more = GramMatrices.bytes(width: width)
            if index > start, bytes + more > gramBytes {
                groups.append(start..<index)
                (start, bytes) = (index, 0)
            }
            bytes += more
        }
        if start < widths.count { groups.append(start..<widths.count) }
        return groups
    }

    /// Refuses what would not fit into the memory. widths: of the sites that are calibrated.
    func requireMemory(_ widths: [Int]) throws(QuantizerError) {
        guard method == .feedback, let availableBytes else { return }
        let needed = Self.feedbackBytes(widths: widths, gramBytes: gramBytes)
        if needed > availableBytes { throw .calibrationMemory(needed: needed, available: availableBytes) }
    }
}
