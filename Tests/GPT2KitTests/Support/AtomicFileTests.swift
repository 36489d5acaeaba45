import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct AtomicFileTests {
    struct Interruption: Error {}

    /// The number of a process that has ended.
    private func deadProcess() throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "exit 0"]
        try process.run()
        process.waitUntilExit()
        return process.processIdentifier
    }

    private func permissions(_ url: URL) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions] as? Int
    }

    @Test func piecesSmallAndLargeStandInOrder() throws {
        let folder = try ModelTestFolder()
        let large = Data((0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        var expected = Data()
        try AtomicFile.write(to: folder.file("out")) { writer in
            for index in 0..<5000 {
                try writer.write("piece \(index)\n")
                expected += Data("piece \(index)\n".utf8)
                if index % 2000 == 7 {
                    try writer.write(large)
                    expected += large
                }
                try [UInt8(1), 2].withUnsafeBytes { bytes in try writer.write(bytes) }
                expected += [1, 2]
            }
        }
        #expect(try Data(contentsOf: folder.file("out")) == expected)
        #expect(try folder.names == ["out"])
    }

    @Test func aNewFileReplacesAnOldOneAndKeepsItsPermissions() throws {
        let folder = try ModelTestFolder()
        let target = try folder.put("out", "a longer text than the new one")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: target.path)
        try AtomicFile.write(Data("new".utf8), to: target)
        #expect(try String(contentsOf: target, encoding: .utf8) == "new")
        #expect(try permissions(target) == 0o640)
        #expect(try folder.names == ["out"])
    }

    @Test func whileItIsWrittenTheOldFileStands() throws {
        let folder = try ModelTestFolder()
        let target = try folder.put("out", "old")
        try AtomicFile.write(to: target) { writer in
            try writer.write(Data(count: 1 << 20))
            #expect(try String(contentsOf: target, encoding: .utf8) == "old")
            #expect(try folder.names == [".out.partial-\(getpid())", "out"])
        }
        #expect(try Data(contentsOf: target).count == 1 << 20)
    }

    @Test func twoWritersOfOneFileDoNotMix() throws {
        let folder = try ModelTestFolder()
        let target = folder.file("out")
        try AtomicFile.write(to: target) { outer in
            try outer.write("outer")
            try AtomicFile.write(Data("inner".utf8), to: target)
            #expect(try String(contentsOf: target, encoding: .utf8) == "inner")
        }
        #expect(try String(contentsOf: target, encoding: .utf8) == "outer")
        #expect(try folder.names == ["out"])
    }

    @Test func aBodyThatFailsLeavesEverythingAsItWas() throws {
        let folder = try ModelTestFolder()
        let old = try folder.put("old", "old")
        for target in [old, folder.file("new")] {
            #expect(throws: Interruption.self) {
                try AtomicFile.write(to: target) { writer in
                    try writer.write(Data(count: 1 << 20))
                    throw Interruption()
                }
            }
        }
        #expect(try folder.names == ["old"])
        #expect(try String(contentsOf: old, encoding: .utf8) == "old")
    }

    @Test func aLinkIsFollowed() throws {
        let folder = try ModelTestFolder()
        let target = try folder.put("real/file", "old")
        let link = folder.file("link")
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: target)
        try AtomicFile.write(Data("new".utf8), to: link)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == target.path)
        #expect(try String(contentsOf: target, encoding: .utf8) == "new")
        #expect(try folder.names == ["link", "real"])
    }

    @Test func errorsNameTheFile() throws {
        let folder = try ModelTestFolder()
        let missing = folder.file("missing/out")
        let inFile = try folder.put("file").appendingPathComponent("out")
        for (target, reason) in [
            (missing, "No such file or directory"), (inFile, "Not a directory"),
            (folder.url, "found a folder, expected a file"),
            (folder.file(String(repeating: "n", count: 300)), "File name too long"),
        ] {
            let error = ioiError { try AtomicFile.write(Data("x".utf8), to: target) }
            #expect(error?.description == IOIError("\(target.path): cannot be written: \(reason)").description)
            #expect(error?.description.hasSuffix("cannot be written: \(reason)") == true)
        }
        #expect(try folder.names == ["file"])
    }

    #if os(Linux)
        @Test func aFullDiskTellsTheRoomNeeded() throws {
            let full = URL(fileURLWithPath: "/dev/full")
            for size in [3, 1 << 20] {
                let error = ioiError { try AtomicFile.write(Data(count: size), to: full) }
                let text = try #require(error?.description)
                #expect(text.hasPrefix("/dev/full: cannot be written: No space left on device: "))
                #expect(text.hasSuffix(" bytes free, \(size) bytes needed"))
            }
            #expect(FileManager.default.fileExists(atPath: full.path))
        }

        @Test func anErrorThatTheBodyHidesStillCounts() throws {
            let error = ioiError {
                try AtomicFile.write(to: URL(fileURLWithPath: "/dev/full")) { writer in
                    try? writer.write(Data(count: 1 << 20))
                    #expect(throws: IOIError.self) { try writer.write("more") }
                }
            }
            #expect(error?.description.contains("No space left") == true)
        }

        @Test func aDeviceStaysADevice() throws {
            try AtomicFile.write(Data("x".utf8), to: URL(fileURLWithPath: "/dev/null"))
            let type =
                try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
            #expect(type == .typeCharacterSpecial)
        }
    #endif

    @Test func aFolderAppearsWhole() throws {
        let folder = try ModelTestFolder()
        let target = folder.file("epoch-003")
        try AtomicFolder.create(at: target) { partial in
            #expect(!FileManager.default.fileExists(atPath: target.path))
            try AtomicFile.write(Data("a".utf8), to: partial.appendingPathComponent("a"))
            let inner = partial.appendingPathComponent("inner")
            try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: false)
            try Data("b".utf8).write(to: inner.appendingPathComponent("b"))
        }
        #expect(try folder.names == ["epoch-003"])
        #expect(try String(contentsOf: folder.file("epoch-003/a"), encoding: .utf8) == "a")
        #expect(try String(contentsOf: folder.file("epoch-003/inner/b"), encoding: .utf8) == "b")
    }

    @Test func aFolderThatFailsLeavesNothing() throws {
        let folder = try ModelTestFolder()
        #expect(throws: Interruption.self) {
            try AtomicFolder.create(at: folder.file("new")) { partial in
                try Data("b".utf8).write(to: partial.appendingPathComponent("b"))
                throw Interruption()
            }
        }
        #expect(try folder.names.isEmpty)
    }

    @Test func aFolderReplacesNothing() throws {
        let folder = try ModelTestFolder()
        let target = folder.file("target")
        // Standing before, and made while the new one is filled.
        let late = ioiError {
            try AtomicFolder.create(at: target) { _ in
                try FileManager.default.createDirectory(at: target, withIntermediateDirectories: false)
            }
        }
        let early = ioiError { try AtomicFolder.create(at: target) { _ in Issue.record("filled") } }
        let expected = "\(target.path): exists already, expected the name of a new folder"
        #expect(early?.description == expected)
        #expect(late?.description == expected)
        let orphan = ioiError { try AtomicFolder.create(at: folder.file("no/folder")) { _ in } }
        #expect(
            orphan?.description
                == "\(folder.file("no/folder").path): cannot be written: No such file or directory"
        )
        #expect(try folder.names == ["target"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: target.path).isEmpty)
    }

    @Test func leftoversOfDeadProcessesGo() throws {
        let folder = try ModelTestFolder()
        let dead = try deadProcess()
        let own = getpid()
        let kept = [
            ".config.json.partial-\(own)", ".partial-\(dead)", ".x.partial-", ".x.partial-12x",
            ".x.partial-\(dead)-1-2", "x.partial-\(dead)",
        ]
        for name in kept + [".model.safetensors.partial-\(dead)", ".x.partial-\(dead)-3"] {
            try folder.put(name)
        }
        try folder.put(".epoch-003.partial-\(dead)/model.safetensors", "x")
        let removed = AtomicFile.removeLeftovers(in: folder.url)
        #expect(
            removed.map(\.lastPathComponent) == [
                ".epoch-003.partial-\(dead)", ".model.safetensors.partial-\(dead)", ".x.partial-\(dead)-3",
            ]
        )
        #expect(try folder.names == kept.sorted())

        #expect(
            AtomicFile.removeLeftovers(in: folder.url, all: true).map(\.lastPathComponent)
                == [".config.json.partial-\(own)"]
        )
        #expect(AtomicFile.removeLeftovers(in: folder.file("missing")).isEmpty)
    }
}
