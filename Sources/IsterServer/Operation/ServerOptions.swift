import HummingbirdTLS
import NIOSSL

/// How the server is reached.
public struct ServerOptions: Sendable {
    public var address = ListenAddress.host("127.0.0.1", port: 8080)
    public var limits = ConnectionLimits()
    public var access = AccessRules()
    /// nil: plain HTTP.
    public var certificate: CertificateFiles?
    /// How long the server goes on after it was told to stop, with its readiness off, before it refuses requests: a
    /// load balancer needs time to notice.
    public var drainDelaySeconds = 0.0
    /// How long requests may go on after the server was told to stop.
    public var drainSeconds = 30.0
    /// Threads that read and write sockets. Texts are computed elsewhere.
    public var ioThreadCount = 2

    public init() {}
}

/// PEM files.
public struct CertificateFiles: Sendable, Equatable {
    public var chain: String
    public var key: String

    public init(chain: String, key: String) {
        self.chain = chain
        self.key = key
    }

    func configuration() throws(ServerError) -> TLSConfiguration {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(chain).map { NIOSSLCertificateSource.certificate($0) }
            let key = try NIOSSLPrivateKey(file: key, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            // Proves now that key and certificate belong together.
            _ = try NIOSSLContext(configuration: configuration)
            return configuration
        } catch {
            throw .certificate(reason: "\(error)")
        }
    }
}

public enum ServerError: Error, CustomStringConvertible {
    case certificate(reason: String)
    case addressInUse(String)
    case cannotListen(String, reason: String)

    public var description: String {
        switch self {
        case .certificate(let reason): "the TLS certificate or its key cannot be used: \(reason)"
        case .addressInUse(let address): "\(address) is in use by another process"
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        }
    }
}
