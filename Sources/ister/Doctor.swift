import ArgumentParser
import IsterDecoder

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tells what this machine can do and which settings matter.")

    @Flag(help: "One JSON document.") var json = false
    @OptionGroup var threadOption: ThreadOption

    func run() throws {
        let report = try reporting("this machine") { try MachineReport(threads: threadOption.threads) }
        if json {
            try StandardOutput.write(report.json.line)
        } else {
            try StandardOutput.write(report.table)
        }
    }
}
