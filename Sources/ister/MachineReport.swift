import Glibc
import IsterDecoder

/// What `doctor` tells.
struct MachineReport {
    private let isa: String
    private let threads: ThreadBudget
    /// Bytes per second of a streaming read by all threads.
    private let bandwidth: Double
    private let limits: [(name: String, value: UInt64?)]
    private let totalMemory: Int
    private let availableMemory: Int

    init(threads requested: Int?) throws(DecoderError) {
        isa = try Machine.instructionSet()
        threads = ThreadBudget.ofThisMachine(requested: requested)
        bandwidth = try Machine.streamingBandwidth(threads: threads.count)
        limits = [
            ("locked_memory_bytes", Self.limit(__RLIMIT_MEMLOCK)),
            ("address_space_bytes", Self.limit(RLIMIT_AS)),
            ("open_files", Self.limit(RLIMIT_NOFILE)),
        ]
        let page = sysconf(Int32(_SC_PAGESIZE))
        totalMemory = sysconf(Int32(_SC_PHYS_PAGES)) * page
        availableMemory = sysconf(Int32(_SC_AVPHYS_PAGES)) * page
    }

    /// nil: unlimited.
    private static func limit(_ resource: __rlimit_resource) -> UInt64? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max else {
            return nil
        }
        return UInt64(limit.rlim_cur)
    }

    var json: JSONText {
        .object([
            ("version", .string(Ister.toolVersion)),
            ("cpu", .string(Machine.processorName)),
            ("isa", .string(isa)),
            ("available_isas", .array(Machine.availableInstructionSets.map(JSONText.string))),
            ("threads", .object([("count", .integer(threads.count)), ("reason", .string(threads.reason))])),
            ("memory_bandwidth_bytes_per_second", .number(bandwidth)),
            ("physical_cores", .integer(Machine.physicalCoreCount)),
            ("allowed_processors", .integer(Machine.allowedProcessors.count)),
            ("memory_bytes", .integer(totalMemory)),
            ("free_memory_bytes", .integer(availableMemory)),
            ("huge_pages", .string(Machine.hugePages)),
            ("limits", .object(limits.map { ($0.name, $0.value.map(JSONText.unsigned) ?? .null) })),
        ])
    }

    var table: String {
        var lines = [
            "ister             \(Ister.toolVersion)",
            "processor         \(Machine.processorName)",
            "instruction set   \(isa), of \(Machine.availableInstructionSets.joined(separator: ", "))",
            "threads           \(threads.count): \(threads.reason)",
            "cores             \(Machine.physicalCoreCount) behind \(Machine.allowedProcessors.count) processors",
            "memory bandwidth  \(decimals(bandwidth / 1e9, 1)) GB/s, streaming read by \(threads.count) threads",
            "memory            \(binarySize(totalMemory)), \(binarySize(availableMemory)) free",
            "huge pages        \(Machine.hugePages)",
        ]
        for limit in limits {
            let name = limit.name.split(separator: "_").joined(separator: " ")
            lines.append("limit: \(name) \(limit.value.map(String.init) ?? "unlimited")")
        }
        if Machine.hugePages == "never" {
            lines.append("Huge pages are off; decoding long contexts is faster with \"madvise\".")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
