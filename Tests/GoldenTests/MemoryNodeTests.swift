import Foundation
import IsterQuantizer
import Testing

@testable import IsterDecoder

@Suite struct MemoryNodeTests {
    /// Nodes of `sizes` processors, numbered on.
    private func nodes(_ sizes: [Int]) -> [MemoryNode] {
        var next = 0
        return sizes.enumerated().map { number, size in
            defer { next += size }
            return MemoryNode(number: number, processors: Array(next..<next + size))
        }
    }

    @Test func `lists of processors are read as the kernel writes them`() {
        #expect(MemoryNode.parse("0-3,8,10-11\n") == [0, 1, 2, 3, 8, 10, 11])
        #expect(MemoryNode.parse("0\n") == [0])
        #expect(MemoryNode.parse("\n") == [])
        for nonsense in ["3-1", "a", "1 2", "-1", "1-", "0-4096", "1-2-3", "0-9223372036854775807"] {
            #expect(MemoryNode.parse(nonsense) == nil, "\(nonsense)")
        }
    }

    @Test func `nodes have the processors that this process may use, and nodes without any are left out`() throws {
        let root = NSTemporaryDirectory() + "ister-nodes-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (number, list) in [(0, "0-3"), (1, "4-7"), (2, "")] {
            try FileManager.default.createDirectory(
                atPath: "\(root)/node\(number)", withIntermediateDirectories: true)
            try list.write(toFile: "\(root)/node\(number)/cpulist", atomically: true, encoding: .utf8)
        }
        try "0-2\n".write(toFile: "\(root)/online", atomically: true, encoding: .utf8)
        func found(_ allowed: [Int]) -> [MemoryNode] { MemoryNode.ofThisMachine(root: root, allowed: allowed) }
        #expect(
            found([2, 3, 4]) == [
                MemoryNode(number: 0, processors: [2, 3]), MemoryNode(number: 1, processors: [4]),
            ])
        #expect(found([5]) == [MemoryNode(number: 1, processors: [5])])
        #expect(
            MemoryNode.ofThisMachine(root: root + "/none", allowed: [1, 0])
                == [MemoryNode(number: 0, processors: [0, 1])])
    }

    @Test func `a last-level cache counts once for all who share it`() throws {
        let root = NSTemporaryDirectory() + "ister-caches-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        for processor in 0..<4 {
            for (index, level, size) in [(0, 1, "32K"), (1, 1, "32K"), (2, 2, "512K"), (3, 3, "16384K")] {
                let folder = "\(root)/cpu\(processor)/cache/index\(index)"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                let sharers = level < 3 ? "\(processor)" : processor < 2 ? "0-1" : "2-3"
                for (name, text) in [("level", "\(level)"), ("size", size), ("shared_cpu_list", sharers)] {
                    try "\(text)\n".write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
                }
            }
        }
        func bytes(_ processors: [Int]) -> Int { Machine.lastLevelCacheBytes(of: processors, root: root) }
        #expect(bytes([0, 1, 2, 3]) == 32 << 20)
        #expect(bytes([0, 1]) == 16 << 20)
        #expect(bytes([0, 2]) == 32 << 20)
        #expect(bytes([7]) == 0)
        try "lots\n".write(toFile: "\(root)/cpu0/cache/index3/size", atomically: true, encoding: .utf8)
        #expect(bytes([0]) == 0)
    }

    @Test func `workers are spread over nodes by their processors, neighbours together`() {
        #expect(Placement(workers: 4, nodes: nodes([2, 2])).nodeOfWorker == [0, 0, 1, 1])
        #expect(Placement(workers: 8, nodes: nodes([24, 8])).nodeOfWorker == [0, 0, 0, 0, 0, 0, 1, 1])
        #expect(Placement(workers: 3, nodes: nodes([1, 1])).nodeOfWorker == [0, 0, 1])
        #expect(Placement(workers: 2, nodes: nodes([4, 4, 4, 4])).nodeOfWorker == [0, 2])
        #expect(!Placement(workers: 1, nodes: nodes([4, 4])).isSpread)
        #expect(!Placement(workers: 8, nodes: nodes([8])).isSpread)
        #expect(Placement(workers: 2, nodes: nodes([1, 1])).isSpread)
    }

    @Test(arguments: [1, 2, 3, 7, 64])
    func `each panel is one worker's own`(workers: Int) {
        let placement = Placement(workers: workers, nodes: nodes([workers]))
        for counts in [[160, 40, 40], [1, 1, 1], [3], [2000], [5, 0, 9]] {
            let items = counts.reduce(0, +)
            var firstItem = 0
            for count in counts {
                let owned = (0..<workers).flatMap { worker in
                    Array(
                        placement.panels(
                            ofWorker: worker, items: items, firstItem: firstItem, panelCount: count))
                }
                #expect(owned == Array(0..<count), "\(counts)")
                firstItem += count
            }
        }
        for count in [1, 2, 431, 432] {
            let owned = (0..<workers).flatMap { worker in
                Array(
                    placement.panels(ofWorker: worker, items: (count + 1) / 2, panelsPerItem: 2, panelCount: count))
            }
            #expect(owned == Array(0..<count), "\(count) panels in pairs")
        }
    }

    /// Two nodes played on this machine's processors.
    @Test(arguments: ["mistral-sliding-window", "llama-rope-linear-bias", "stories260K"])
    func `on two nodes weights are copied and logits have the same bits`(name: String) throws {
        let ids = try Reference(fixture: name).inputIDs
        let processors = Machine.allowedProcessors
        let played = [
            MemoryNode(number: 0, processors: [processors[0]]),
            MemoryNode(number: 1, processors: [processors[processors.count - 1]]),
        ]
        for preset in [Preset.q4, .q8, .f32] {
            let model = try ConvertedModel(name, preset)
            let plain = try model.decoder { $0.threads = 3 }
            #expect(plain.copiedWeightBytes == 0 || Machine.memoryNodes.count > 1)
            let expected = try plain.allLogits(ids, chunk: 7)
            let spread = try model.decoder {
                $0.threads = 3
                $0.memoryNodes = played
            }
            #expect(spread.copiedWeightBytes > 0)
            #expect(!spread.lacksRoomForCopies)
            let full = try model.decoder {
                $0.threads = 3
                $0.memoryNodes = played
                $0.availableMemory = 0
            }
            #expect(full.copiedWeightBytes == 0 && full.lacksRoomForCopies, "read where the file lies")
            let found = try spread.allLogits(ids, chunk: 7)
            #expect(found.map { $0.map(\.bitPattern) } == expected.map { $0.map(\.bitPattern) }, "\(preset)")
            #expect(Machine.allowedProcessors == processors, "the caller is not bound afterwards")
        }
    }

    @Test func `a file in small pages is copied where that was asked for, and logits have the same bits`() throws {
        let name = "mistral-sliding-window"
        let ids = try Reference(fixture: name).inputIDs
        let model = try ConvertedModel(name, .q4)
        let one = [MemoryNode(number: 0, processors: Machine.allowedProcessors)]
        for (rule, fraction, isCopied) in [
            (WeightCopyRule.forNodesAndPages, 0.0, true), (.forNodesAndPages, 1.0, false), (.forNodes, 0.0, false),
            (.never, 0.0, false),
        ] {
            let decoder = try model.decoder {
                $0.memoryNodes = one
                $0.weightCopies = rule
                $0.hugePageFraction = fraction
                $0.leastCopiedBytes = 0
            }
            let canCopy = Machine.hugePages != "never" && Machine.hugePages != "unknown"
            #expect((decoder.copiedWeightBytes > 0) == (isCopied && canCopy), "\(rule) \(fraction)")
            let expected = try model.decoder { $0.memoryNodes = one }.allLogits(ids, chunk: 7)
            let found = try decoder.allLogits(ids, chunk: 7)
            #expect(found.map { $0.map(\.bitPattern) } == expected.map { $0.map(\.bitPattern) })
        }
    }

    @Test func `copies are made when they pay and there is room for them`() {
        func pays(_ bytes: Int = 1000, _ fraction: Double = 0.1, _ setting: String = "madvise", _ free: Int? = 2000)
            -> Bool
        {
            CopyDecision(fileBytes: bytes, hugePageFraction: fraction, hugePages: setting, available: free)
                .areWorthIt(leastBytes: 100)
        }
        #expect(pays())
        #expect(pays(1000, 0, "always", nil))
        #expect(pays(1000, 0, "madvise", 1125))
        #expect(!pays(1000, 0, "madvise", 1124))
        #expect(!pays(1000, 0, "madvise", 0))
        #expect(!pays(99))
        #expect(!pays(1000, 0.5))
        #expect(!pays(1000, 0, "never"))
        #expect(!pays(1000, 0, "unknown"))
    }
}
