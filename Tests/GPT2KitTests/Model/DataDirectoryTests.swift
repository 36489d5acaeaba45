import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct DataDirectoryTests {
    private let nowhere = URL(fileURLWithPath: "/nonexistent")

    private func withTree(_ files: [String], _ body: (URL) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for file in files {
            let url = root.appendingPathComponent(file)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data().write(to: url)
        }
        try body(root.resolvingSymlinksInPath())
    }

    @Test func environmentComesFirst() throws {
        try withTree(["mine/templates.json", "share/ioi/templates.json", "bin/ioi"]) { root in
            let found = try DataDirectory.find(
                environment: ["IOI_DATA": root.appendingPathComponent("mine").path],
                executable: root.appendingPathComponent("bin/ioi"),
                package: nowhere
            )
            #expect(found.path == root.appendingPathComponent("mine").path)
        }
    }

    @Test func environmentThatIsWrongIsNotPassedOver() throws {
        try withTree(["share/ioi/templates.json", "bin/ioi"]) { root in
            expectError(containing: "IOI_DATA", root.path + "/mine", "templates.json") {
                try DataDirectory.find(
                    environment: ["IOI_DATA": root.path + "/mine"],
                    executable: root.appendingPathComponent("bin/ioi"),
                    package: nowhere
                )
            }
        }
    }

    @Test func installedDataIsFoundThroughALink() throws {
        try withTree(["prefix/share/ioi/templates.json", "prefix/bin/ioi", "elsewhere/file"]) { root in
            let link = root.appendingPathComponent("elsewhere/ioi")
            try FileManager.default.createSymbolicLink(
                at: link,
                withDestinationURL: root.appendingPathComponent("prefix/bin/ioi")
            )
            let found = try DataDirectory.find(environment: [:], executable: link, package: nowhere)
            #expect(found.path == root.appendingPathComponent("prefix/share/ioi").path)
        }
    }

    /// A chain of relative links, as `/usr/local/bin/ioi` -> `../../opt/ioi/current/bin/ioi` -> …
    @Test func installedDataIsFoundThroughLinksToLinks() throws {
        try withTree(["opt/ioi/2/share/ioi/templates.json", "opt/ioi/2/bin/ioi", "usr/bin/file"]) { root in
            for (link, target) in [("opt/ioi/current", "2"), ("usr/bin/ioi", "../../opt/ioi/current/bin/ioi")] {
                try FileManager.default.createSymbolicLink(
                    atPath: root.appendingPathComponent(link).path, withDestinationPath: target)
            }
            let found = try DataDirectory.find(
                environment: [:], executable: root.appendingPathComponent("usr/bin/ioi"), package: nowhere)
            #expect(found.path == root.appendingPathComponent("opt/ioi/2/share/ioi").path)
        }
    }

    @Test func packageThatBuiltItComesLast() throws {
        try withTree(["Data/templates.json", "bin/ioi"]) { root in
            let found = try DataDirectory.find(
                environment: ["IOI_DATA": ""],
                executable: root.appendingPathComponent("bin/ioi"),
                package: root
            )
            #expect(found.path == root.appendingPathComponent("Data").path)
        }
    }

    @Test func missingFolderSaysWhereItLooked() throws {
        try withTree(["bin/ioi"]) { root in
            expectError(containing: "IOI_DATA", root.path + "/share/ioi", root.path + "/Data") {
                try DataDirectory.find(
                    environment: [:],
                    executable: root.appendingPathComponent("bin/ioi"),
                    package: root
                )
            }
        }
    }

    @Test func missingFileIsNamed() {
        expectError(containing: "no-such.json", "missing") { try DataDirectory.file("no-such.json") }
    }
}
