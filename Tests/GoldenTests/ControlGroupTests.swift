import Foundation
import Testing

@testable import IsterDecoder

/// What containers set, read from folders as the kernel lays them out.
@Suite struct ControlGroupTests {
    /// Writes files below a folder of its own and runs `body` with its path.
    private func with<T>(_ files: [String: String], _ body: (String) throws -> T) throws -> T {
        let root = NSTemporaryDirectory() + "ister-groups-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in files {
            let place = URL(fileURLWithPath: "\(root)/\(path)")
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: place, atomically: true, encoding: .utf8)
        }
        return try body(root)
    }

    private func quota(_ membership: String, _ files: [String: String]) throws -> Double? {
        try with(files.merging(["self": membership]) { $1 }) {
            ControlGroup.processorQuota(root: $0, membership: "\($0)/self")
        }
    }

    private func memory(_ membership: String, _ files: [String: String]) throws -> Int? {
        try with(files.merging(["self": membership]) { $1 }) {
            ControlGroup.availableMemory(root: $0, membership: "\($0)/self")
        }
    }

    @Test func `the least quota of a group and its ancestors counts`() throws {
        #expect(
            try quota(
                "0::/system/ister.service\n",
                [
                    "system/ister.service/cpu.max": "max 100000\n", "system/cpu.max": "150000 100000\n",
                    "cpu.max": "800000 100000\n",
                ]) == 1.5)
        #expect(try quota("0::/a/b\n", ["a/b/cpu.max": "50000 100000\n", "a/cpu.max": "400000 100000\n"]) == 0.5)
    }

    @Test func `a container sees its own group as the root`() throws {
        #expect(try quota("0::/\n", ["cpu.max": "200000 100000\n"]) == 2)
    }

    @Test func `the first version's controllers are read where they are mounted`() throws {
        let membership = "12:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x\n0::/docker/x\n"
        #expect(
            try quota(
                membership,
                [
                    "cpu/docker/x/cpu.cfs_quota_us": "-1\n", "cpu/docker/x/cpu.cfs_period_us": "100000\n",
                    "cpu/docker/cpu.cfs_quota_us": "300000\n", "cpu/docker/cpu.cfs_period_us": "100000\n",
                ]) == 3)
    }

    @Test(arguments: [
        "max 100000\n", "-1 100000\n", "0 100000\n", "100000 0\n", "100000\n", "x y\n", "",
    ])
    func `what is no quota limits nothing`(text: String) throws {
        #expect(try quota("0::/a\n", ["a/cpu.max": text]) == nil)
    }

    @Test(arguments: ["", "nonsense\n", "0:\n", "7:pids:/a\n"])
    func `without a group that counts there is no limit`(membership: String) throws {
        #expect(try quota(membership, ["a/cpu.max": "100000 100000\n"]) == nil)
        #expect(try memory(membership, ["a/memory.max": "5000\n", "a/memory.current": "1\n"]) == nil)
    }

    @Test func `files that are not there limit nothing`() throws {
        #expect(try quota("0::/gone\n", [:]) == nil)
        #expect(ControlGroup.processorQuota(root: "/none", membership: "/none/self") == nil)
    }

    @Test func `the group that was stopped most often is the one that is told`() throws {
        let files = [
            "a/b/cpu.stat": "nr_periods 50\nnr_throttled 2\nthrottled_usec 1000000\n",
            "a/cpu.stat": "nr_periods 90\nnr_throttled 12\nthrottled_usec 2500000\n", "self": "0::/a/b\n",
        ]
        let found = try with(files) { ControlGroup.throttling(root: $0, membership: "\($0)/self") }
        #expect(found == Throttling(periods: 90, throttledPeriods: 12, seconds: 2.5))
    }

    @Test func `pages of files on a disk are free memory, those of a file system in memory are not`() throws {
        let files = ["a/memory.max": "1000\n", "a/memory.current": "900\n"]
        func left(_ statistics: String) throws -> Int? {
            try memory("0::/a\n", files.merging(["a/memory.stat": statistics]) { $1 })
        }
        #expect(try left("anon 300\nfile 600\nshmem 0\n") == 700)
        #expect(try left("anon 300\nfile 600\nshmem 500\n") == 200)
        #expect(try left("") == 100)
    }

    @Test(arguments: [("1000", "600", 500), ("max", "600", 500), ("1000", "max", 900), ("max", "max", nil as Int?)])
    func `the limit that slows a group down counts as the one that ends it`(
        most: String, high: String, left: Int?
    ) throws {
        let files = ["a/memory.max": "\(most)\n", "a/memory.high": "\(high)\n", "a/memory.current": "100\n"]
        #expect(try memory("0::/a\n", files) == left)
    }

    @Test func `memory of the first version's groups, and the least of all ancestors`() throws {
        let files = [
            "memory/a/b/memory.limit_in_bytes": "9223372036854771712\n", "memory/a/b/memory.usage_in_bytes": "10\n",
            "memory/a/memory.limit_in_bytes": "1000\n", "memory/a/memory.usage_in_bytes": "400\n",
            "memory/a/memory.stat": "total_cache 300\ntotal_shmem 100\n",
            "memory/memory.limit_in_bytes": "5000\n", "memory/memory.usage_in_bytes": "400\n",
        ]
        #expect(try memory("4:memory:/a/b\n", files) == 800)
    }
}
