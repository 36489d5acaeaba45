// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "ioi",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "ioi", targets: ["ioi-cli"]),
        .library(name: "IOIKit", targets: ["IOIKit"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
    ],
    targets: [
        .systemLibrary(
            name: "COpenBLAS",
            pkgConfig: "openblas",
            providers: [.apt(["libopenblas-dev", "liblapacke-dev"])]
        ),
        .target(
            name: "IOIKit",
            dependencies: ["COpenBLAS", .product(name: "Crypto", package: "swift-crypto")]
        ),
        .executableTarget(
            name: "ioi-cli",
            dependencies: [
                "IOIKit",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]
        ),
        .testTarget(
            name: "IOIKitTests",
            dependencies: ["IOIKit"],
            exclude: ["Fixtures"]
        ),
    ],
    swiftLanguageModes: [.v6]
)
