import Crypto
import FoundationEssentials
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import IsterServer

struct WebPageTests {
    private let text = String(decoding: WebPage.built.document, as: UTF8.self)

    /// What stands between a start and the next end; nil: nowhere.
    private func part(from start: String, to end: String) -> String? {
        guard let begin = text.firstRange(of: start)?.upperBound,
            let finish = text[begin...].firstRange(of: end)?.lowerBound
        else { return nil }
        return String(text[begin..<finish])
    }

    @Test(arguments: [("<style>", "</style>", "style-src"), ("<script type=\"module\">", "</script>", "script-src")])
    func `the policy allows exactly the page's own script and style`(
        start: String, end: String, directive: String
    ) throws {
        let content = try #require(part(from: start, to: end))
        #expect(content.utf8.count > 1000)
        let hash = Data(SHA256.hash(data: Data(content.utf8))).base64EncodedString()
        #expect(WebPage.built.policy.contains("\(directive) 'sha256-\(hash)';"))
        #expect(WebPage.built.policy.hasPrefix("default-src 'none';"))
    }

    @Test func `the page names no other host and makes no markup from text`() {
        let hosts = text.split(separator: "http://www.w3.org/2000/svg").joined()
        #expect(!hosts.contains("http://") && !hosts.contains("https://"))
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "/*STYLE*/"] {
            #expect(!text.contains(word))
        }
    }

    @Test func `the page needs no key and tells its policy`() async throws {
        let router = Router(context: ServerContext.self)
        addWebPage(to: router)
        try await Application(router: router).test(.router) { client in
            try await client.execute(uri: "/", method: .get) { response in
                #expect(response.status == .ok)
                #expect(response.headers[.contentType] == "text/html; charset=utf-8")
                #expect(response.headers[.contentSecurityPolicy] == WebPage.built.policy)
                #expect(Array(response.body.readableBytesView) == WebPage.built.document)
            }
        }
    }
}
