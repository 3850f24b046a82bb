// swift-tools-version: 6.2
import PackageDescription

// A package of its own: nobody who builds Ister builds its benchmarks.
let package = Package(
    name: "ister-benchmarks",
    products: [.executable(name: "kernel-bench", targets: ["KernelBench"])],
    dependencies: [
        .package(name: "ister", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    ],
    targets: [
        .target(name: "CCycles"),
        .executableTarget(
            name: "KernelBench",
            dependencies: [
                "CCycles", .product(name: "CIsterKernels", package: "ister"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [
                .strictMemorySafety(),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .treatAllWarnings(as: .error),
            ]),
    ]
)
