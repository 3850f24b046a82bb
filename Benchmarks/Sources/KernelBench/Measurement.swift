import CCycles

/// What one kernel did on one workload, per second of the median slice.
struct Measurement {
    let isa: String
    let kernel: String
    /// What distinguishes workloads of one kernel: format, length, depth.
    let variant: String
    var tokens: Int?
    /// Of weights, cache or input that a pass walks.
    let workingBytes: Int
    let macsPerSecond: Double?
    let macsPerCycle: Double?
    let bytesPerSecond: Double?
    let elementsPerCycle: Double?
    /// Of one call of the kernel.
    let nanoseconds: Double
    let sliceCount: Int
    let clockHertz: Double
}

/// How long a measurement runs.
struct Effort {
    /// Of all slices of one measurement.
    var seconds = 0.3
    /// Of one slice: long beside reading the clock, short beside what else the machine does.
    var sliceSeconds = 200e-6
    var leastSlices = 9
}

extension Effort {
    /// Calls `body` over and over; call number n is given n. Returns the median seconds of a call and the slices taken.
    func median(_ body: (Int) -> Void) -> (seconds: Double, slices: Int) {
        var call = 0
        func slice(_ calls: Int) -> Double {
            let start = ContinuousClock.now
            for _ in 0..<calls {
                body(call)
                call += 1
            }
            return start.duration(to: .now) / .seconds(1)
        }
        var calls = 1
        while slice(calls) < sliceSeconds, calls < 1 << 24 { calls *= 2 }
        var samples: [Double] = []
        let start = ContinuousClock.now
        while samples.count < leastSlices || start.duration(to: .now) < .seconds(seconds) {
            samples.append(slice(calls) / Double(calls))
        }
        samples.sort()
        return (samples[samples.count / 2], samples.count)
    }
}

/// The clock's rate now: the best of a few chains of a tenth of a millisecond.
func clockHertz() -> Double {
    var best = 0.0
    for _ in 0..<8 {
        let start = ContinuousClock.now
        let cycles = ister_run_cycles(2000)
        best = max(best, Double(cycles) / (start.duration(to: .now) / .seconds(1)))
    }
    return best
}
