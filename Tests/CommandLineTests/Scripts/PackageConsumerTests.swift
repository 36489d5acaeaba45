import Foundation
import GPT2Kit
import TestSupport
import Testing

/// The README's library example in a package that depends on this one.
@Suite struct PackageConsumerTests {
    private static let env = URL(fileURLWithPath: "/usr/bin/env")

    /// The README's code, for the embedded model (4 layers of 8 heads) and few prompts.
    private static func example() throws -> String {
        let readme = ModelLocation.sourcePackage.appendingPathComponent("README.md")
        let text = try String(contentsOf: readme, encoding: .utf8)
        let block = try #require(text.firstMatch(of: /```swift\n(import IOIKit\n.*?)```/.dotMatchesNewlines()))
        let code = String(block.output.1)
        #expect(code.contains("find(\"gpt2\")"))
        return [
            ("find(\"gpt2\")", "find(\"embedded\")"), ("count: 100)", "count: 20)"),
            ("layer: 9, head: 9", "layer: 3, head: 0"), ("cells[9 * 12 + 9]", "cells[3 * 8]"),
        ].reduce(code) { $0.replacing($1.0, with: $1.1) }
    }

    /// A package with a program that uses the library `IOIKit`.
    private static func makePackage() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("consumer-\(UUID().uuidString)")
        let sources = folder.appendingPathComponent("Sources/consumer")
        try FileManager.default.createDirectory(at: sources, withIntermediateDirectories: true)
        let library = ModelLocation.sourcePackage
        let manifest = """
            // swift-tools-version: 6.1
            import PackageDescription

            let package = Package(
                name: "consumer",
                platforms: [.macOS(.v15)],
                dependencies: [.package(path: "\(library.path)")],
                targets: [
                    .executableTarget(
                        name: "consumer",
                        dependencies: [.product(name: "IOIKit", package: "\(library.lastPathComponent)")]
                    )
                ]
            )
            """
        try manifest.write(to: folder.appendingPathComponent("Package.swift"), atomically: true, encoding: .utf8)
        try example().write(to: sources.appendingPathComponent("main.swift"), atomically: true, encoding: .utf8)
        try FileManager.default.copyItem(
            at: library.appendingPathComponent("Package.resolved"),
            to: folder.appendingPathComponent("Package.resolved")
        )
        return folder
    }

    @Test func theManifestResolves() async throws {
        let package = try Self.makePackage()
        defer { try? FileManager.default.removeItem(at: package) }
        let run = try await Program.run(
            Self.env,
            [
                "swift", "package", "--package-path", package.path, "--skip-update", "--force-resolved-versions",
                "show-dependencies",
            ],
            in: package, environment: [:]
        )
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("swift-crypto"))
    }

    // Building the dependencies again would take minutes. So the example is compiled, as a module of another package,
    // against the modules that this build made, and linked with the objects of its program. Search paths for OpenBLAS are
    // only needed off Linux.
    @Test(.enabled(if: isLinux)) func theExampleRunsOnTheEmbeddedModel() async throws {
        let package = try Self.makePackage()
        defer { try? FileManager.default.removeItem(at: package) }
        let build = Program.url.deletingLastPathComponent()
        let objects = try String(
            contentsOf: build.appendingPathComponent("ioi.product/Objects.LinkFileList"), encoding: .utf8
        ).split(separator: "\n").filter { !$0.contains("/ioi_cli.build/") && !$0.contains("/ArgumentParser") }
        #expect(objects.contains { $0.contains("/IOIKit.build/") })
        let list = package.appendingPathComponent("objects")
        try objects.joined(separator: "\n").write(to: list, atomically: true, encoding: .utf8)
        let moduleMaps = try Self.moduleMaps(build).flatMap { ["-Xcc", "-fmodule-map-file=\($0.path)"] }
        let mpi = try await Self.mpiFlags()
        let program = package.appendingPathComponent("consumer")
        let compiled = try await Program.run(
            Self.env,
            ["swiftc", "-swift-version", "6", "-package-name", "consumer", "-module-name", "consumer"]
                + ["-I", build.appendingPathComponent("Modules").path] + moduleMaps
                + [package.appendingPathComponent("Sources/consumer/main.swift").path, "@\(list.path)"]
                + mpi + ["-lstdc++", "-o", program.path],
            in: package, environment: [:]
        )
        try #require(compiled.status == 0, "\(compiled.output)\(compiled.errors)")

        let run = try await Program.run(program, [], in: package, environment: ["IOI_DATA": "", "IOI_MODELS": ""])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.split(separator: "\n").count >= 4, "\(run.output)")
    }

    /// The modules of C code that the libraries import.
    /// Where MPI is, if this build has it.
    private static func mpiFlags() async throws -> [String] {
        guard Ranks.library != nil else { return [] }
        let names = "${IOI_MPI_PACKAGE:-mpi-c ompi-c mpich}"
        let found = try await Program.shell("for name in \(names); do pkg-config --cflags --libs $name && break; done")
        return found.output.split(whereSeparator: \.isWhitespace).flatMap { flag in
            flag.hasPrefix("-I") ? ["-Xcc", String(flag)] : [String(flag)]
        }
    }

    private static func moduleMaps(_ build: URL) throws -> [URL] {
        let crypto = build.resolvingSymlinksInPath().appendingPathComponent("../../checkouts/swift-crypto/Sources")
        let targets = try FileManager.default.contentsOfDirectory(at: crypto, includingPropertiesForKeys: nil)
        let maps = targets.map { $0.appendingPathComponent("include/module.modulemap") }
        let own = ["COpenBLAS", "CKernels/include", "CSystem/include"].map {
            ModelLocation.sourcePackage.appendingPathComponent("Sources/\($0)/module.modulemap")
        }
        let mpi =
            Ranks.library == nil
            ? [] : [ModelLocation.sourcePackage.appendingPathComponent("Sources/CMPI/module.modulemap")]
        return own + mpi + maps.filter { FileManager.default.fileExists(atPath: $0.path) }
    }

    private static var isLinux: Bool {
        #if os(Linux)
            true
        #else
            false
        #endif
    }
}
