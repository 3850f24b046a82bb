/// Running values on one line of stderr, which must end before anything else is said there.
final class ProgressLine {
    private var isBegun = false

    func add(_ text: String) {
        StandardError.write(text)
        isBegun = true
    }

    func end() {
        if isBegun { StandardError.write("\n") }
        isBegun = false
    }
}
