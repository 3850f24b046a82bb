/// A large block of numbers outside Swift's arrays: several threads write parts of it at the same time.
/// Sendable: the owner lets threads write disjoint parts only.
@safe final class SharedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
    let base: UnsafeMutablePointer<Element>
    let count: Int

    /// Filled with `value`; on a cache line's boundary.
    init(repeating value: Element, count: Int) {
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: max(count, 1) * MemoryLayout<Element>.stride, alignment: 64)
        unsafe base = unsafe raw.bindMemory(to: Element.self, capacity: count)
        unsafe base.initialize(repeating: value, count: count)
        self.count = count
    }

    deinit { unsafe base.deallocate() }
}
