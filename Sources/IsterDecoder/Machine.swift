internal import CIsterKernels
internal import Glibc

/// What the processor is and can do.
public enum Machine {
    /// Names of the kernel tables that this processor can run, best first.
    public static var availableInstructionSets: [String] {
        unsafe kernelTables.map { unsafe String(cString: $0.pointee.name) }
    }

    /// Processors that this process may be scheduled on.
    public static var allowedProcessors: [Int] {
        var numbers = [Int32](repeating: 0, count: 1024)
        let count = unsafe ister_allowed_processors(&numbers, numbers.count)
        return count == 0 ? [0] : numbers[..<min(count, numbers.count)].map(Int.init)
    }

    /// Processors of the machine, or of what a container sees of it.
    static var onlineProcessors: [Int] {
        let allowed = allowedProcessors
        let online = TextFile.read("/sys/devices/system/cpu/online").flatMap(MemoryNode.parse) ?? []
        return online.count < allowed.count ? allowed : online
    }

    /// Cores behind the allowed processors.
    public static var physicalCoreCount: Int { physicalCoreCount(of: allowedProcessors) }

    /// Hyperthreads that share a core count once.
    static func physicalCoreCount(of processors: [Int]) -> Int {
        let siblings = processors.map { processor in
            TextFile.read("/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list") ?? "\(processor)"
        }
        return max(Set(siblings).count, 1)
    }

    public static var processorName: String {
        let lines = TextFile.read("/proc/cpuinfo")?.split(separator: "\n") ?? []
        let model = lines.first { $0.hasPrefix("model name") }?.split(separator: ":", maxSplits: 1).last
        return model.map { String($0.drop(while: \.isWhitespace)) } ?? "unknown"
    }

    /// "always", "madvise" or "never": when the kernel backs anonymous memory with 2 MiB pages.
    public static var hugePages: String {
        let text = TextFile.read("/sys/kernel/mm/transparent_hugepage/enabled") ?? ""
        let chosen = text.split(separator: "[").last?.split(separator: "]").first
        return text.contains("[") ? chosen.map(String.init) ?? "unknown" : "unknown"
    }

    /// The table that `ISTER_ISA` names, else the best. Throws when the name is unknown or the processor lacks it.
    public static func instructionSet() throws(DecoderError) -> String {
        unsafe String(cString: try kernels().pointee.name)
    }

    static func kernels(named requested: String? = nil) throws(DecoderError) -> UnsafePointer<ister_kernels> {
        let forced = unsafe getenv("ISTER_ISA").map { unsafe String(cString: $0) } ?? ""
        let name = requested ?? forced
        if name.isEmpty { return unsafe kernelTables[0] }
        guard let table = unsafe ister_kernels_named(name) else {
            throw .instructionSetUnavailable(name: name, available: availableInstructionSets)
        }
        return unsafe table
    }

    private static var kernelTables: [UnsafePointer<ister_kernels>] {
        let none = unsafe ister_kernels_named("scalar")!  // every build has it
        var tables = unsafe [UnsafePointer<ister_kernels>](repeating: none, count: 8)
        let count = unsafe tables.withUnsafeMutableBufferPointer { buffer in
            unsafe ister_available_kernels(buffer.baseAddress!, buffer.count)
        }
        return unsafe Array(tables[..<count])
    }
}
