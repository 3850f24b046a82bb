import Crypto
import FoundationEssentials
import HTTPTypes
public import Hummingbird
import NIOCore

/// The chat page: one document without anything from outside, so that its policy can forbid all but itself.
struct WebPage {
    /// UTF-8.
    let document: [UInt8]
    /// The value of Content-Security-Policy: only this document's own script and style run, and they talk only to this
    /// server.
    let policy: String

    static let built = WebPage()

    init() {
        let style = Self.text(PackageResources.page_css)
        let scripts = [
            PackageResources.api_js, PackageResources.markdown_js, PackageResources.markup_js,
            PackageResources.conversation_js, PackageResources.page_js,
        ]
        let script = Self.text(scripts.flatMap { $0 })
        var document = Substring(Self.text(PackageResources.page_html))
        var whole = ""
        for (mark, content) in [("/*STYLE*/", style), ("/*SCRIPT*/", script)] {
            guard let place = document.firstRange(of: mark) else { continue }
            whole += document[..<place.lowerBound] + content
            document = document[place.upperBound...]
        }
        self.document = Array((whole + document).utf8)
        policy = [
            "default-src 'none'", "script-src '\(Self.hash(script))'", "style-src '\(Self.hash(style))'",
            "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ].joined(separator: "; ")
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func hash(_ text: String) -> String {
        "sha256-" + Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString()
    }

    var response: Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/html; charset=utf-8",
                .contentSecurityPolicy: policy,
                .xContentTypeOptions: "nosniff",
                .cacheControl: "no-cache",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: document)))
    }
}

/// The page at `/`. It holds no secrets and needs no key: what it asks of the other routes does.
public func addWebPage(to router: Router<ServerContext>) {
    router.get("/") { _, _ in WebPage.built.response }
}
