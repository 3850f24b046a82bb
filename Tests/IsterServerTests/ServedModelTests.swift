import IsterServer
import Testing

@Suite struct ServedModelTests {
    @Test func `an anonymous client has a partition of its own`() {
        #expect(ClientIdentity.anonymous != ClientIdentity(name: "a", cachePartition: "a"))
    }
}
