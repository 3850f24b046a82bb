/// A part of the memory that some processors reach faster than the others do (NUMA).
public struct MemoryNode: Sendable, Equatable {
    public let number: Int
    /// Those that this process may use.
    public let processors: [Int]

    init(number: Int, processors: [Int]) {
        self.number = number
        self.processors = processors
    }

    /// The nodes whose processors this process may use, ascending; one node where the kernel does not say.
    static func ofThisMachine(root: String = "/sys/devices/system/node", allowed: [Int]) -> [MemoryNode] {
        let allowed = Set(allowed)
        let numbers = TextFile.read("\(root)/online").flatMap(parse) ?? []
        let nodes = numbers.compactMap { number -> MemoryNode? in
            let own = TextFile.read("\(root)/node\(number)/cpulist").flatMap(parse)?.filter(allowed.contains) ?? []
            return own.isEmpty ? nil : MemoryNode(number: number, processors: own)
        }
        return nodes.isEmpty ? [MemoryNode(number: 0, processors: allowed.sorted())] : nodes
    }

    /// The kernel's lists: "0-3,8\n" gives 0, 1, 2, 3, 8. nil for anything else and for numbers above 4095.
    static func parse(_ list: String) -> [Int]? {
        var numbers: [Int] = []
        for part in (list.split(separator: "\n").first ?? "").split(separator: ",") {
            let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(bounds.count), let first = bounds[0], let last = bounds[bounds.count - 1],
                first >= 0, first <= last, last < 4096
            else { return nil }
            numbers += first...last
        }
        return numbers
    }
}

extension Machine {
    /// Where memory lies, seen from the processors that this process may use.
    public static var memoryNodes: [MemoryNode] { MemoryNode.ofThisMachine(allowed: allowedProcessors) }
}
