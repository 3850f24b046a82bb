internal import CIsterKernels
internal import IsterModelFile

/// X^T X over all rows X of some sites.
final class GramMatrices {
    /// Panels of 16 rows of a matrix that one piece of work takes.
    private static let panelsPerItem = 4

    /// Part of what two columns have in common that is not believed; chosen on SmolLM2 with 65,536 tokens of a text.
    private static let shrinkage: Float = 0.3

    private struct Site: Sendable {
        let site: CalibrationSite
        let width: Int
        let paddedWidth: Int
        let matrix: SharedBuffer<Float>
        var packed: SharedBuffer<Float>
    }

    private var sites: [Site]
    private let threads: Int

    /// Bytes of one site's matrix.
    static func bytes(width: Int) -> Int {
        let padded = WeightFormat.paddedColumns(width)
        return padded * padded * MemoryLayout<Float>.size
    }

    init(sites: [(site: CalibrationSite, width: Int)], threads: Int) {
        self.sites = sites.map { site, width in
            let padded = WeightFormat.paddedColumns(width)
            return Site(
                site: site, width: width, paddedWidth: padded,
                matrix: SharedBuffer(repeating: 0, count: padded * padded),
                packed: SharedBuffer(repeating: 0, count: 0))
        }
        self.threads = threads
    }

    /// Adds a batch. The order of additions does not depend on the number of threads.
    func add(_ batch: CalibrationBatch) {
        var packs: [(site: Site, values: [Float], rows: Int)] = []
        var sums: [(pack: Int, panels: Range<Int>)] = []
        for index in sites.indices {
            guard let values = batch.inputs[sites[index].site] else { continue }
            let rows = values.count / sites[index].width
            if rows == 0 { continue }
            if sites[index].packed.count < rows * sites[index].paddedWidth {
                sites[index].packed = SharedBuffer(repeating: 0, count: rows * sites[index].paddedWidth)
            }
            let panels = sites[index].paddedWidth / 16
            for start in stride(from: 0, to: panels, by: Self.panelsPerItem) {
                sums.append((packs.count, start..<min(start + Self.panelsPerItem, panels)))
            }
            packs.append((sites[index], values, rows))
        }
        let (sources, items) = (packs, sums)
        ParallelWork.run(items: sources.count, threads: threads) { index in
            let (site, values, rows) = sources[index]
            unsafe ister_gram_pack(values, rows, site.width, site.width, site.paddedWidth, site.packed.base)
        }
        ParallelWork.run(items: items.count, threads: threads) { index in
            let (site, _, rows) = sources[items[index].pack]
            let panels = items[index].panels
            unsafe ister_gram_add(
                site.packed.base, rows, site.paddedWidth, panels.lowerBound, panels.upperBound, site.matrix.base)
        }
    }

    /// The matrix of one site, complete; it is handed over and forgotten here.
    func take(_ site: CalibrationSite) throws(QuantizerError) -> (matrix: SharedBuffer<Float>, width: Int)? {
        guard let index = sites.firstIndex(where: { $0.site == site }) else { return nil }
        let found = sites.remove(at: index)
        for column in 0..<found.paddedWidth {
            let square = unsafe found.matrix.base[column * (found.paddedWidth + 1)]
            if !square.isFinite { throw .calibration(.notFinite(site: site)) }
        }
        unsafe ister_gram_mirror(found.matrix.base, found.paddedWidth, 1 - Self.shrinkage)
        return (found.matrix, found.paddedWidth)
    }
}
