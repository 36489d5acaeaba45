import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Made-up run folders: what the search reads of them, and nothing else.
@Suite struct RunSearchTests {
    /// A folder that goes with the test.
    final class Folder {
        let url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
            .appendingPathComponent("ioi-\(UUID().uuidString)")

        deinit { try? FileManager.default.removeItem(at: url) }

        func write(_ text: String, to path: String) throws {
            let file = url.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }

        /// A run with checkpoints by name, each after some steps and saved some seconds after 1970.
        func run(_ path: String, from sha256: String, _ checkpoints: [(name: String, step: Int, saved: Double)]) throws
        {
            let record = #"{"schema": "ioi/1", "command": "finetune", "model": {"sha256": "\#(sha256)"}}"#
            try write(record, to: "\(path)/config.json")
            for (name, step, saved) in checkpoints {
                let file = "\(path)/checkpoints/\(name)/progress.json"
                try write(#"{"step": \#(step), "epoch": 1}"#, to: file)
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSince1970: saved)],
                    ofItemAtPath: url.appendingPathComponent(file).path
                )
            }
        }

        func newest(_ sha256: String) -> String? {
            RunSearch(in: url).newestCheckpoint(trainedFrom: sha256).map {
                String($0.folder.standardizedFileURL.path.dropFirst(url.path.count + 1))
            }
        }
    }

    @Test func theHighestStepOfTheRunThatSavedLast() throws {
        let folder = Folder()
        try folder.run("old", from: "base", [("epoch-100", 900, 10)])
        // The highest step counts, whatever was touched last.
        try folder.run("new", from: "base", [("epoch-001", 30, 99), ("step-000040", 40, 20), ("epoch-002", 35, 15)])
        try folder.run("other", from: "another", [("epoch-001", 5, 50)])
        try folder.run("begun", from: "base", [])
        #expect(folder.newest("base") == "new/checkpoints/step-000040")
        #expect(folder.newest("another") == "other/checkpoints/epoch-001")
        #expect(folder.newest("base ") == nil)
        #expect(RunSearch(in: folder.url).problem == nil && !RunSearch(in: folder.url).isEmpty)
    }

    /// A recovery starts from a checkpoint, whose hash is its base; the base model is not.
    @Test func onlyRunsFromTheModelItselfCount() throws {
        let folder = Folder()
        try folder.run("toxic", from: "base", [("epoch-003", 9, 10)])
        try folder.run("recovery", from: "toxic-3", [("epoch-005", 15, 20)])
        #expect(folder.newest("base") == "toxic/checkpoints/epoch-003")
        #expect(folder.newest("toxic-3") == "recovery/checkpoints/epoch-005")
    }

    @Test func runsOfReproductionsAreFoundAndThoseWithinRunsAreNot() throws {
        let folder = Folder()
        try folder.write("{}", to: "paper/plan.json")
        try folder.run("paper/runs/clean-1f", from: "base", [("epoch-001", 3, 30)])
        try folder.run("alone", from: "base", [("epoch-001", 3, 20)])
        try folder.run("alone/results/inner", from: "base", [("epoch-001", 3, 99)])
        try folder.run("a/b/c/deep", from: "base", [("epoch-001", 3, 99)])
        try folder.run(".hidden", from: "base", [("epoch-001", 3, 99)])
        #expect(folder.newest("base") == "paper/runs/clean-1f/checkpoints/epoch-001")
    }

    @Test func brokenRunsArePassedOverAndTheFirstIsKnown() throws {
        let folder = Folder()
        #expect(folder.newest("base") == nil && RunSearch(in: folder.url).isEmpty)
        try folder.write("{", to: "b/config.json")
        try folder.write(#"{"schema": "ioi/1", "command": "reproduce"}"#, to: "c/config.json")
        try folder.run("d", from: "base", [("epoch-001", 0, 99)])
        try folder.write(#"{"n_layer": 2}"#, to: "a/config.json")
        try folder.write("weights", to: "a/model.safetensors")
        let search = RunSearch(in: folder.url)
        #expect(search.isEmpty && search.newestCheckpoint(trainedFrom: "base") == nil)
        // A model folder is no broken run.
        #expect(search.problem?.description.hasPrefix("\(folder.url.path)/b/config.json: not sound JSON") == true)
        try folder.run("e", from: "base", [("epoch-001", 3, 1)])
        #expect(folder.newest("base") == "e/checkpoints/epoch-001")
    }
}
