// swift-tools-version: 6.2
import PackageDescription

/// One set of rules for every Swift target: pointers are spelled `unsafe`, a warning is an error.
let house: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// `-O3` also in debug builds: tests run the kernels that users run. Contraction stays off, or two
/// instruction sets would round differently.
let kernelFlags: [CSetting] = [
    .unsafeFlags(["-O3", "-fopenmp", "-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra", "-Werror"])
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let tls: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "ister",
    products: [
        .executable(name: "ister", targets: ["ister"]),
        // For Benchmarks/, which measures single kernels.
        .library(name: "CIsterKernels", targets: ["CIsterKernels"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
    ],
    targets: [
        .target(
            name: "CIsterKernels", cSettings: kernelFlags,
            linkerSettings: [.linkedLibrary(":libomp.so.5"), .linkedLibrary("m")]),
        .target(name: "IsterJSON", swiftSettings: house),
        .target(name: "IsterTokenizer", swiftSettings: house),
        .target(name: "IsterCheckpoint", dependencies: ["IsterTokenizer", "IsterJSON"], swiftSettings: house),
        .target(
            name: "IsterModelFile", dependencies: ["CIsterKernels", crypto],
            exclude: ["Format.md"], swiftSettings: house),
        .target(
            name: "IsterQuantizer",
            dependencies: ["IsterCheckpoint", "IsterTokenizer", "IsterModelFile", "CIsterKernels", crypto],
            swiftSettings: house),
        .target(name: "IsterDecoder", dependencies: ["IsterModelFile", "CIsterKernels"], swiftSettings: house),
        .target(
            name: "IsterGenerator", dependencies: ["IsterDecoder", "IsterModelFile", "IsterTokenizer"],
            swiftSettings: house),
        .target(
            name: "IsterEvaluation",
            dependencies: ["IsterGenerator", "IsterDecoder", "IsterModelFile", "IsterTokenizer"], swiftSettings: house),
        .target(
            name: "IsterServer",
            dependencies: [
                "IsterGenerator", "IsterTokenizer", "IsterJSON", hummingbird, tls, log, metrics, lifecycle, crypto,
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            // In the binary, which needs no files beside it.
            resources: [
                "page.html", "page.css", "api.js", "markdown.js", "markup.js", "conversation.js", "page.js",
            ].map { .embedInCode("Page/\($0)") },
            swiftSettings: house),
        .executableTarget(
            name: "ister",
            dependencies: [
                "IsterQuantizer", "IsterCheckpoint", "IsterGenerator", "IsterDecoder", "IsterModelFile",
                "IsterTokenizer", "IsterEvaluation", "IsterServer", httpClient, log, lifecycle, arguments,
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: house),
        .testTarget(
            name: "IsterCommandTests",
            dependencies: [
                "ister", "IsterServer", "IsterEvaluation", "IsterDecoder", "IsterModelFile", "IsterQuantizer",
                arguments,
            ],
            swiftSettings: house),
        .testTarget(name: "CIsterKernelsTests", dependencies: ["CIsterKernels"], swiftSettings: house),
        .testTarget(
            name: "IsterTokenizerTests", dependencies: ["IsterTokenizer", "IsterCheckpoint"],
            resources: [.copy("Golden")], swiftSettings: house),
        .testTarget(
            name: "IsterCheckpointTests", dependencies: ["IsterCheckpoint"],
            resources: [.copy("Golden")], swiftSettings: house),
        .testTarget(
            name: "IsterModelFileTests", dependencies: ["IsterModelFile", "CIsterKernels"], swiftSettings: house),
        .testTarget(
            name: "IsterGeneratorTests", dependencies: ["IsterGenerator", "IsterDecoder"],
            resources: [.copy("Golden")], swiftSettings: house),
        .testTarget(
            name: "IsterServerTests",
            dependencies: [
                "IsterServer", "IsterGenerator", "IsterDecoder", "IsterTokenizer", httpClient, log, metrics,
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ], resources: [.copy("Golden")], swiftSettings: house),
        .testTarget(
            name: "IsterEvaluationTests",
            dependencies: [
                "IsterEvaluation", "IsterGenerator", "IsterQuantizer", "IsterDecoder", "IsterModelFile",
                "IsterTokenizer",
            ], resources: [.copy("Golden")], swiftSettings: house),
        .testTarget(
            name: "GoldenTests",
            dependencies: ["IsterQuantizer", "IsterDecoder", "IsterGenerator", "IsterModelFile", "IsterTokenizer"],
            resources: [.copy("Fixtures")], swiftSettings: house),
    ]
)
