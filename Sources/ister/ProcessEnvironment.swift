import Foundation

enum ProcessEnvironment {
    static var all: [String: String] { ProcessInfo.processInfo.environment }
}
