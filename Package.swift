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
    ],
    targets: [
        .target(
            name: "CIsterKernels", cSettings: kernelFlags,
            linkerSettings: [.linkedLibrary(":libomp.so.5"), .linkedLibrary("m")]),
        .target(name: "IsterTokenizer", swiftSettings: house),
        .target(name: "IsterCheckpoint", dependencies: ["IsterTokenizer"], swiftSettings: house),
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
        .executableTarget(
            name: "ister",
            dependencies: [
                "IsterQuantizer", "IsterCheckpoint", "IsterGenerator", "IsterDecoder", "IsterModelFile",
                "IsterTokenizer", "IsterEvaluation", arguments,
            ], swiftSettings: house),
        .testTarget(
            name: "IsterCommandTests", dependencies: ["ister", "IsterDecoder", "IsterModelFile"], swiftSettings: house),
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
            name: "IsterEvaluationTests",
            dependencies: [
                "IsterEvaluation", "IsterQuantizer", "IsterDecoder", "IsterModelFile", "IsterTokenizer",
            ], resources: [.copy("Golden")], swiftSettings: house),
        .testTarget(
            name: "GoldenTests",
            dependencies: ["IsterQuantizer", "IsterDecoder", "IsterGenerator", "IsterModelFile", "IsterTokenizer"],
            resources: [.copy("Fixtures")], swiftSettings: house),
    ]
)
