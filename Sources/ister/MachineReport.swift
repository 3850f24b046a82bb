import Glibc
import IsterDecoder
import IsterModelFile

/// What `doctor` tells.
struct MachineReport {
    private let isa: String
    private let threads: ThreadBudget
    private let yardsticks: Yardsticks
    private let throttling: Throttling?
    /// Periods throttled while the yardsticks were measured.
    private let throttledMeanwhile: UInt64
    /// Processors that other processes used meanwhile; nil when the system does not tell.
    private let otherProcessors: Double?
    private let limits: [(name: String, value: UInt64?)]
    private let totalMemory: Int
    private let availableMemory: Int

    init(threads requested: Int?) throws(DecoderError) {
        isa = try Machine.instructionSet()
        threads = ThreadBudget.ofThisMachine(requested: requested)
        let before = Machine.throttling?.throttledPeriods ?? 0
        let others = OtherWork()
        yardsticks = try Yardsticks(threads: threads.count)
        otherProcessors = others.processors
        throttling = Machine.throttling
        let after = throttling?.throttledPeriods ?? 0
        throttledMeanwhile = after > before ? after - before : 0
        limits = [
            ("address_space_bytes", Self.limit(RLIMIT_AS)),
            ("open_files", Self.limit(RLIMIT_NOFILE)),
        ]
        let page = sysconf(Int32(_SC_PAGESIZE))
        totalMemory = sysconf(Int32(_SC_PHYS_PAGES)) * page
        availableMemory = Machine.availableMemory ?? sysconf(Int32(_SC_AVPHYS_PAGES)) * page
    }

    /// nil: unlimited.
    private static func limit(_ resource: __rlimit_resource) -> UInt64? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max else {
            return nil
        }
        return UInt64(limit.rlim_cur)
    }

    private var limitsOfModel: MachineLimits { MachineLimits(yardsticks: yardsticks) }

    private var sentences: [String] {
        let limits = limitsOfModel
        let advice = [
            limits.decodeSentence, limits.promptSentence(isa: isa),
            MachineAdvice.threads(
                threads, processors: Machine.allowedProcessors.count, cores: Machine.physicalCoreCount),
            MachineAdvice.otherWork(otherProcessors),
            MachineAdvice.throttling(throttling, during: throttledMeanwhile),
            MachineAdvice.hugePages(Machine.hugePages, nodes: min(Machine.memoryNodes.count, threads.count)),
            MachineAdvice.memoryNodes(Machine.memoryNodes.count, threads: threads.count),
        ]
        return advice.compactMap(\.self)
    }

    var json: JSONText {
        .object([
            ("version", .string(Ister.toolVersion)),
            ("cpu", .string(Machine.processorName)),
            ("isa", .string(isa)),
            ("available_isas", .array(Machine.availableInstructionSets.map(JSONText.string))),
            ("threads", .object([("count", .integer(threads.count)), ("reason", .string(threads.reason))])),
            ("memory_bandwidth_bytes_per_second", .number(yardsticks.bandwidth)),
            ("integer_peak_macs_per_second", .number(yardsticks.integerPeak)),
            ("model_limits", modelLimits),
            ("physical_cores", .integer(Machine.physicalCoreCount)),
            ("allowed_processors", .integer(Machine.allowedProcessors.count)),
            ("last_level_cache_bytes", .integer(Machine.lastLevelCacheBytes)),
            ("memory_bytes", .integer(totalMemory)),
            ("free_memory_bytes", .integer(availableMemory)),
            ("memory_nodes", .integer(Machine.memoryNodes.count)),
            ("huge_pages", .string(Machine.hugePages)),
            ("throttling", throttling.map(Self.json) ?? .null),
            ("limits", .object(limits.map { ($0.name, $0.value.map(JSONText.unsigned) ?? .null) })),
            ("explanations", .array(sentences.map(JSONText.string))),
        ])
    }

    private var modelLimits: JSONText {
        .object([
            ("model", .string(MachineLimits.modelName)),
            ("q4_decode_tokens_per_second", .number(limitsOfModel.decodeLimit(.q4))),
            ("q8_decode_tokens_per_second", .number(limitsOfModel.decodeLimit(.q8g32))),
            ("prompt_tokens_per_second", .number(limitsOfModel.promptLimit)),
        ])
    }

    private static func json(_ throttling: Throttling) -> JSONText {
        .object([
            ("periods", .unsigned(throttling.periods)),
            ("throttled_periods", .unsigned(throttling.throttledPeriods)),
            ("throttled_seconds", .number(throttling.seconds)),
        ])
    }

    var table: String {
        let count = threads.count
        var lines = [
            "ister             \(Ister.toolVersion)",
            "processor         \(Machine.processorName)",
            "instruction set   \(isa), of \(Machine.availableInstructionSets.joined(separator: ", "))",
            "threads           \(count): \(threads.reason)",
            "cores             \(Machine.physicalCoreCount) behind \(Machine.allowedProcessors.count) processors",
            "memory bandwidth  \(decimals(yardsticks.bandwidth / 1e9, 1)) GB/s, streaming read by \(count) threads",
            "integer peak      \(decimals(yardsticks.integerPeak / 1e9, 1)) GMAC/s, int8 dots by \(count) threads",
            "last-level cache  \(binarySize(Machine.lastLevelCacheBytes))",
            "memory            \(binarySize(totalMemory)), \(binarySize(availableMemory)) available",
            "memory nodes      \(Machine.memoryNodes.count)",
            "huge pages        \(Machine.hugePages)",
        ]
        for limit in limits {
            let name = limit.name.split(separator: "_").joined(separator: " ")
            lines.append("limit: \(name) \(limit.value.map(String.init) ?? "unlimited")")
        }
        return (lines + [""] + sentences).joined(separator: "\n") + "\n"
    }
}
