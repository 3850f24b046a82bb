/// Which worker belongs to which memory node, and which panels of a matrix are a worker's own: a pure function of the
/// nodes and the numbers, so that it can be tried without such a machine.
struct Placement: Equatable {
    /// Ascending: neighbouring workers, whose shares lie side by side, have the same node.
    let nodeOfWorker: [Int]
    let nodes: [MemoryNode]

    /// Each node gets workers in proportion to its processors.
    init(workers: Int, nodes: [MemoryNode]) {
        let nodeOfProcessor = nodes.indices.flatMap { [Int](repeating: $0, count: nodes[$0].processors.count) }
        nodeOfWorker = (0..<workers).map { worker in
            nodeOfProcessor.isEmpty ? 0 : nodeOfProcessor[worker * nodeOfProcessor.count / workers]
        }
        self.nodes = nodes
    }

    /// Whether it matters where memory lies.
    var isSpread: Bool { Set(nodeOfWorker).count > 1 }

    /// A worker's own panels of a matrix that is multiplied in one distribution of `items` with others: its items
    /// follow `firstItem`, each of `panelsPerItem` panels. As `ister_team_claim` gives them out when nobody is late.
    func panels(
        ofWorker worker: Int, items: Int, firstItem: Int = 0, panelsPerItem: Int = 1, panelCount: Int
    ) -> Range<Int> {
        let workers = nodeOfWorker.count
        func panel(_ item: Int) -> Int { min(max(item - firstItem, 0) * panelsPerItem, panelCount) }
        return panel(items * worker / workers)..<panel(items * (worker + 1) / workers)
    }
}
