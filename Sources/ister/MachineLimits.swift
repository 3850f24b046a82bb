import IsterDecoder
import IsterModelFile

/// What the two yardsticks allow a model of H2O-Danube-1.8B's size, and why, in sentences.
struct MachineLimits {
    static let modelName = "H2O-Danube-1.8B"
    /// Rows, columns and how often: 24 layers of query and output, key and value, gate and up, down.
    private static let layerMatrices = [
        (2560, 2560, 48), (640, 2560, 48), (6912, 2560, 48), (2560, 6912, 24),
    ]
    private static let headMatrix = (32000, 2560)

    let yardsticks: Yardsticks

    /// The load of this model with layers in one format: q4, whose preset has the head in q8, or q8g32 with all in it.
    static func load(_ layers: WeightFormat) -> ModelLoad {
        var load = ModelLoad()
        for (rows, columns, count) in layerMatrices {
            load.streamedBytes += layers.byteCount(rows: rows, columns: columns) * count
            load.layerProducts += rows * columns * count
        }
        let head = layers == .q4 ? WeightFormat.q8 : layers
        load.streamedBytes += head.byteCount(rows: headMatrix.0, columns: headMatrix.1)
        load.headProducts = headMatrix.0 * headMatrix.1
        return load
    }

    /// Most tokens per second of one sequence: each reads all weights once.
    func decodeLimit(_ layers: WeightFormat) -> Double {
        yardsticks.bandwidth / Double(Self.load(layers).streamedBytes)
    }

    /// Most tokens per second of a 512-token prompt.
    var promptLimit: Double {
        512 * yardsticks.integerPeak / Self.load(.q4).promptProducts(tokens: 512)
    }

    var decodeSentence: String {
        let rate = decimals(yardsticks.bandwidth / 1e9, 1)
        let q4 = Self.load(.q4).streamedBytes
        return """
            Memory bandwidth limits decoding: a token reads all weights, \(decimals(Double(q4) / 1e9, 2)) GB of a 1.8B \
            model in q4, so at the \(rate) GB/s measured just now q4 of a 1.8B model cannot decode faster than \
            \(decimals(decodeLimit(.q4), 1)) tokens/s here, q8 not faster than \(decimals(decodeLimit(.q8g32), 1)). \
            Sequences that run together share the reads.
            """
    }

    func promptSentence(isa: String) -> String {
        let products = Double(Self.load(.q4).layerProducts) / 1e9
        return """
            Integer arithmetic limits prompts: a token of a 1.8B model takes \(decimals(products, 2)) G multiply-adds, \
            so at the \(decimals(yardsticks.integerPeak / 1e9, 0)) GMAC/s measured just now with \(isa) a prompt of a 1.8B model cannot run \
            faster than \(decimals(promptLimit, 0)) tokens/s here, in q4 and q8 alike.
            """
    }
}

/// What a machine's settings mean for speed, in sentences.
enum MachineAdvice {
    static func threads(_ budget: ThreadBudget, processors: Int, cores: Int) -> String {
        let reason = "Ister runs \(budget.count) threads: \(budget.reason)."
        if budget.count > processors {
            return reason + " Only \(processors) processors are there: the others' turns make all of them wait."
        }
        guard processors > cores else { return reason }
        return reason + " \(processors) processors share \(cores) cores; two threads of a core share its multipliers."
    }

    /// processors: that other processes used while the yardsticks ran.
    static func otherWork(_ processors: Double?) -> String? {
        guard let processors, processors >= 0.1 else { return nil }
        return """
            Warning: other processes used \(decimals(processors, 1)) processors while this was measured, so the rates above \
            may be too low: measure on an idle machine.
            """
    }

    /// - Parameter during: periods throttled while the yardsticks ran.
    static func throttling(_ throttling: Throttling?, during: UInt64) -> String? {
        guard let throttling, throttling.throttledPeriods > 0 else { return nil }
        let share = "\(throttling.throttledPeriods) of \(throttling.periods) periods"
        let now = during > 0 ? ", \(during) of them while this was measured, so the rates above are too low" : ""
        return """
            Warning: the control group's CPU quota stopped this group in \(share), for \
            \(decimals(throttling.seconds, 1)) s in all\(now). Each stop stalls every thread: raise the quota or give \
            fewer threads with -t.
            """
    }

    /// nodes: of memory, whose threads have copies of the weights in small pages, since a large one would belong to
    /// several.
    static func hugePages(_ setting: String, nodes: Int) -> String? {
        let what = nodes > 1 ? "keys and values" : "keys, values and weights that are copied"
        return switch setting {
        case "never": "Huge pages are off: with \"madvise\" \(what) lie in them, and decoding is faster."
        case "always", "madvise": "Huge pages are on for \(what) (\"\(setting)\")."
        default: nil
        }
    }

    static func memoryNodes(_ count: Int, threads: Int) -> String? {
        guard count > 1 else { return nil }
        guard threads > 1 else { return "Memory has \(count) nodes; one thread reads all of them where they are." }
        return """
            Memory has \(count) nodes: threads stay on the processors of theirs, and weights are copied so that each thread \
            reads its own node's memory, if there is room: the copies take about as much memory as the file.
            """
    }
}
