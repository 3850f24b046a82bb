/// How far the native stack has grown since this was made. Frames differ between builds, so that a count of calls alone
/// is no bound in bytes.
struct TemplateStack: Sendable {
    private let start = Self.place

    func check() throws(ChatTemplateError) {
        let place = Self.place
        let distance = place < start ? start - place : place - start
        // Another thread's or a sanitizer's stack is far away: nothing can be told there.
        if distance > TemplateLimits.stackBytes, distance < 16 << 20 {
            throw .limit(.nesting, allowed: TemplateLimits.nesting)
        }
    }

    /// Address of a variable of the caller's depth.
    @inline(never)
    private static var place: UInt {
        var mark: UInt8 = 0
        return unsafe withUnsafeMutablePointer(to: &mark) { UInt(bitPattern: $0) }
    }
}
