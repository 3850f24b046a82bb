/// Product of counts from a file; nil when it leaves 64 bits or a factor is negative.
func checkedProduct(_ factors: [Int]) -> Int? {
    var product = 1
    for factor in factors {
        let (next, overflow) = product.multipliedReportingOverflow(by: factor)
        if overflow || factor < 0 { return nil }
        product = next
    }
    return product
}

/// Sum of counts from a file; nil when it leaves 64 bits.
func checkedSum(_ left: Int, _ right: Int) -> Int? {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? nil : sum
}

/// The next multiple of `alignment`, a power of two; nil when it leaves 64 bits.
func alignedUp(_ offset: Int, to alignment: Int) -> Int? {
    checkedSum(offset, alignment - 1).map { $0 & ~(alignment - 1) }
}
