// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "ioi",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "ioi", targets: ["ioi-cli"]),
        .library(name: "GPT2Kit", targets: ["GPT2Kit"]),
        .library(name: "IOIKit", targets: ["IOIKit"]),
    ],
    traits: [
        .trait(name: "MPI", description: "Share work among processes, as mpirun and srun start them.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        // Documentation: swift package generate-documentation --target IOIKit
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
    ],
    targets: [
        .systemLibrary(
            name: "COpenBLAS",
            pkgConfig: "openblas",
            providers: [.apt(["libopenblas-dev", "liblapacke-dev"])]
        ),
        // Debian's name for the implementation of MPI that is chosen; elsewhere ompi-c or mpich.
        .systemLibrary(
            name: "CMPI",
            pkgConfig: Context.environment["IOI_MPI_PACKAGE"] ?? "mpi-c",
            providers: [.apt(["libopenmpi-dev"])]
        ),
        .target(name: "CKernels"),
        .target(name: "CSystem"),
        .target(
            name: "GPT2Kit",
            dependencies: [
                "CKernels", "CSystem", "COpenBLAS", .target(name: "CMPI", condition: .when(traits: ["MPI"])),
                .product(name: "Crypto", package: "swift-crypto"),
            ]
        ),
        .target(name: "IOIKit", dependencies: ["GPT2Kit"]),
        .executableTarget(
            name: "ioi-cli",
            dependencies: [
                "IOIKit", "CSystem",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            plugins: ["Commit"]
        ),
        .plugin(name: "Commit", capability: .buildTool()),
        .target(
            name: "TestSupport", dependencies: ["GPT2Kit", "IOIKit"], path: "Tests/Support", exclude: ["inspect.js"]),
        .testTarget(name: "GPT2KitTests", dependencies: ["GPT2Kit", "TestSupport"]),
        .testTarget(name: "IOIKitTests", dependencies: ["GPT2Kit", "IOIKit", "TestSupport"]),
        // These run the program, which is built before them.
        .testTarget(name: "CommandLineTests", dependencies: ["GPT2Kit", "IOIKit", "TestSupport", "ioi-cli"]),
    ],
    swiftLanguageModes: [.v6]
)
