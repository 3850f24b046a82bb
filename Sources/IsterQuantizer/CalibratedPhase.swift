internal import IsterModelFile

/// The part of a conversion that needs the calibration text: matrices that are not floats. The text runs once for
/// statistics of single columns; for error feedback it stops for each group of sites whose matrices fit into memory
/// together.
struct CalibratedPhase {
    let calibration: Calibration
    let pieces: PieceConverter
    let plan: WorkPlan
    let threads: Int
    private let sites: [Site]

    typealias Site = (site: CalibrationSite, width: Int, tensors: Set<Int>)

    init(calibration: Calibration, pieces: PieceConverter, plan: WorkPlan, tiedHead: Bool, threads: Int) {
        self.calibration = calibration
        self.pieces = pieces
        self.plan = plan
        self.threads = threads
        sites = Self.sites(plan.tensors, calibration.method, tiedHead: tiedHead)
    }

    /// Sites of the matrices that a method uses, in the order in which the model comes to them, and their tensors.
    static func sites(_ tensors: [PlannedTensor], _ method: CalibrationMethod, tiedHead: Bool) -> [Site] {
        var sites: [Site] = []
        for tensor in tensors where method.uses(tensor) {
            guard let site = CalibrationSite(tensor.target, tiedHead: tiedHead) else { continue }
            if let index = sites.firstIndex(where: { $0.site == site }) {
                sites[index].tensors.insert(tensor.index)
            } else {
                sites.append((site, tensor.target.columns, [tensor.index]))
            }
        }
        // A tied head is the file's first matrix.
        return sites.filter { $0.site != .head } + sites.filter { $0.site == .head }
    }

    /// Tensors that this phase converts.
    var tensors: Set<Int> { sites.reduce(into: []) { $0.formUnion($1.tensors) } }

    func run(progress: (ConversionProgress.Stage, _ doneItems: [Int]) -> Void) throws(QuantizerError) {
        switch calibration.method {
        case .importance: try runWithImportance(progress)
        case .feedback: try runWithFeedback(progress)
        }
    }

    private func runWithImportance(
        _ progress: (ConversionProgress.Stage, [Int]) -> Void
    ) throws(QuantizerError) {
        var statistics = ActivationStatistics()
        let widths = Dictionary(sites.map { ($0.site, $0.width) }) { first, _ in first }
        try pass(sites[...], number: 1, of: 1, progress) { batch in statistics.add(batch, widths: widths) }
        for site in sites {
            let importance = try statistics.importance(site.site)
            let scales = importance.flatMap { channelScales(of: site, squares: $0) }
            let weights = importance.map { scales?.scaled(importance: $0) ?? $0 }
            try convert(site.tensors, weights.map { .columns($0) } ?? .none, scales, progress)
        }
    }

    private func runWithFeedback(_ progress: (ConversionProgress.Stage, [Int]) -> Void) throws(QuantizerError) {
        let groups = Calibration.groups(sites.map(\.width), gramBytes: calibration.gramBytes).map { sites[$0] }
        for (number, group) in groups.enumerated() {
            let grams = GramMatrices(sites: group.map { ($0.site, $0.width) }, threads: threads)
            let next = sites[group.endIndex...].first?.site
            try pass(group, number: number + 1, of: groups.count, next: next, progress) { grams.add($0) }
            for site in group {
                guard let (gram, width) = try grams.take(site.site) else { continue }
                let squares = (0..<width).map { unsafe gram.base[$0 * (width + 1)] }
                let scales = channelScales(of: site, squares: squares)
                scales?.scale(gram: gram, width: width, threads: threads)
                let factor = GramFactor(gram: gram, width: width, threads: threads)
                try convert(site.tensors, factor.map { .feedback($0) } ?? .none, scales, progress)
            }
        }
    }

    private func pass(
        _ group: ArraySlice<Site>, number: Int, of count: Int,
        next: CalibrationSite? = nil, _ progress: (ConversionProgress.Stage, [Int]) -> Void,
        _ body: (CalibrationBatch) -> Void
    ) throws(QuantizerError) {
        let total = calibration.source.tokenCount
        func stage(_ done: Int) -> ConversionProgress.Stage {
            .calibrating(pass: number, of: count, tokensDone: done, tokensTotal: total)
        }
        progress(stage(0), [])
        try calibration.source.run(sites: Set(group.map(\.site)), next: next) { batch throws(QuantizerError) in
            body(batch)
            progress(stage(batch.tokensDone), [])
        }
    }

    /// nil where no norm stands in front of the site, or where one of its readers is not converted here. squares: mean
    /// squares of the inputs, padded. The norm gets its part.
    private func channelScales(of site: Site, squares: [Float]) -> ChannelScales? {
        guard let role = site.site.norm else { return nil }
        let readers = plan.tensors.filter { CalibrationSite($0.target, tiedHead: false) == site.site }
        let norm = plan.tensors.first { $0.target.role == role && $0.target.layer == site.site.layer }
        guard let norm, readers.allSatisfy({ site.tensors.contains($0.index) }) else { return nil }
        let scales = ChannelScales(squares: squares, width: site.width)
        if let scales { pieces.divide(norm: norm.index, by: scales.factors) }
        return scales
    }

    private func convert(
        _ tensors: Set<Int>, _ weighting: PanelPacking.Weighting, _ scales: ChannelScales?,
        _ progress: (ConversionProgress.Stage, [Int]) -> Void
    ) throws(QuantizerError) {
        let items = plan.items.indices.filter { index in
            if case .rows(let tensor, _) = plan.items[index] { return tensors.contains(tensor.index) }
            return false
        }
        let pieces = pieces
        try ParallelWork.run(items: items.count, threads: threads) { index throws(QuantizerError) in
            try pieces.convert(items[index], weighting, scales: scales)
        }
        if let last = items.last, let name = plan.tensorName(item: last) {
            progress(.converting(tensor: name), items)
        }
    }
}
