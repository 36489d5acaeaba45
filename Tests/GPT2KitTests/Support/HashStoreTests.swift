import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct HashStoreTests {
    static let contents = Data("weights".utf8)
    static let expected = Digest.sha256(of: contents)
    static let forged = String(repeating: "0", count: 64)

    let folder: ModelTestFolder
    var target: URL { folder.file("model.safetensors") }
    var memory: URL { folder.file("cache/ioi/hashes.json") }

    init() throws {
        folder = try ModelTestFolder()
        try Self.contents.write(to: target)
    }

    /// A store that sees the file some seconds after it was written.
    func store(least: Int = 0, after seconds: Double = 10) -> HashStore {
        HashStore(file: memory, least: least, now: { Date() + seconds })
    }

    /// Puts a wrong hash in place of the remembered one, so that its use can be told.
    func forge() throws {
        let text = try String(contentsOf: memory, encoding: .utf8)
        #expect(text.contains(Self.expected))
        try text.replacing(Self.expected, with: Self.forged).write(to: memory, atomically: true, encoding: .utf8)
    }

    @Test func aHashIsRememberedUntilItsFileChanges() throws {
        #expect(try store().sha256(of: target) == Self.expected)
        try forge()
        #expect(try store().sha256(of: target) == Self.forged)
        // A link leads to the same file.
        let link = folder.file("link")
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: target)
        #expect(try store().sha256(of: link) == Self.forged)

        // Written in place, as long as before and with the time of modification that it had.
        let attributes = try FileManager.default.attributesOfItem(atPath: target.path)
        let handle = try FileHandle(forWritingTo: target)
        try handle.write(contentsOf: Data("WEIGHTS".utf8))
        try handle.close()
        try FileManager.default.setAttributes(
            [.modificationDate: attributes[.modificationDate]!], ofItemAtPath: target.path
        )
        let changed = Digest.sha256(of: Data("WEIGHTS".utf8))
        #expect(try store().sha256(of: target) == changed)

        // Replaced by another file.
        try Self.contents.write(to: target, options: .atomic)
        #expect(try store().sha256(of: target) == Self.expected)
        try forge()
        #expect(try store().sha256(of: target) == Self.forged)
    }

    @Test func aFileJustWrittenIsNotRemembered() throws {
        #expect(try store(after: 1).sha256(of: target) == Self.expected)
        #expect(!FileManager.default.fileExists(atPath: memory.path))
        #expect(try store(after: 3).sha256(of: target) == Self.expected)
        #expect(FileManager.default.fileExists(atPath: memory.path))
    }

    @Test func smallFilesAreNotRemembered() throws {
        #expect(try store(least: Self.contents.count + 1).sha256(of: target) == Self.expected)
        #expect(!FileManager.default.fileExists(atPath: memory.path))
    }

    @Test(arguments: ["", "{", "[]", #"{"model": {"sha256": 1}}"#])
    func aBrokenMemoryIsReplaced(_ text: String) throws {
        let parent = memory.deletingLastPathComponent()
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        try text.write(to: memory, atomically: true, encoding: .utf8)
        #expect(try store().sha256(of: target) == Self.expected)
        try forge()
        #expect(try store().sha256(of: target) == Self.forged)
    }

    @Test func aRememberedHashThatIsNoneIsComputed() throws {
        _ = try store().sha256(of: target)
        let text = try String(contentsOf: memory, encoding: .utf8)
        try text.replacing(Self.expected, with: "").write(to: memory, atomically: true, encoding: .utf8)
        #expect(try store().sha256(of: target) == Self.expected)
    }

    @Test func withoutRoomEveryHashIsComputed() throws {
        // A file where the folder should be.
        try Data().write(to: folder.file("cache"))
        for _ in 0..<2 { #expect(try store().sha256(of: target) == Self.expected) }
        #expect(try HashStore(file: nil, least: 0).sha256(of: target) == Self.expected)
    }

    @Test func filesThatAreGoneAreForgotten() throws {
        let other = folder.file("other")
        try Data("other".utf8).write(to: other)
        _ = try store().sha256(of: other)
        try FileManager.default.removeItem(at: other)
        _ = try store().sha256(of: target)
        let text = try String(contentsOf: memory, encoding: .utf8)
        #expect(text.contains("model.safetensors") && !text.contains("other"))
        #expect(throws: IOIError.self) { try store().sha256(of: other) }
    }

    @Test func theUsersMemoryLiesInTheCacheFolder() {
        let home = URL(fileURLWithPath: "/home/user", isDirectory: true)
        func path(_ environment: [String: String]) -> String? {
            HashStore.users(environment: environment, home: home).file?.path
        }
        #expect(path([:]) == "/home/user/.cache/ioi/hashes.json")
        #expect(path(["XDG_CACHE_HOME": "/caches"]) == "/caches/ioi/hashes.json")
        #expect(path(["XDG_CACHE_HOME": "/caches", "IOI_CACHE": "/own"]) == "/own/hashes.json")
    }

    @Test func aHashThatWasBegunIsComputedOnce() throws {
        let hash = try FileHash(of: OpenFile(target), store: store())
        hash.begin()
        #expect(try hash.value() == Self.expected)
        try forge()
        #expect(try hash.value() == Self.expected)
    }

    /// Whatever has its name when the hash is asked for.
    @Test func theHashIsOfTheFileThatWasOpened() throws {
        for replace in [
            { try FileManager.default.removeItem(at: target) },
            { try Data("others".utf8).write(to: target, options: .atomic) },
        ] {
            try Self.contents.write(to: target, options: .atomic)
            let hash = try FileHash(of: OpenFile(target), store: store())
            try replace()
            #expect(try hash.value() == Self.expected)
        }
    }

    @Test func aFileThatIsWrittenToWhileItIsInUseIsRefused() throws {
        let file = try OpenFile(target)
        let (hash, late) = (FileHash(of: file, store: store()), FileHash(of: file, store: store()))
        #expect(try hash.value() == Self.expected)
        // Touched, its contents are the same.
        let handle = try FileHandle(forWritingTo: target)
        try handle.write(contentsOf: Self.contents)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: target.path)
        #expect(try hash.value() == Self.expected)
        try handle.seek(toOffset: 0)
        try handle.write(contentsOf: Data("WEIGHTS".utf8))
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 2)], ofItemAtPath: target.path)
        for hash in [hash, late] {
            let error = ioiError { _ = try hash.value() }
            #expect(error?.description.hasPrefix("\(target.path): was written to while it was in use") == true)
        }
    }
}
