import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PublishedDatasetTests {
    @Test func scriptPinsTheSameFiles() throws {
        let script = try String(
            contentsOf: Fixtures.repository.appendingPathComponent("Scripts/fetch-paper-data.sh"), encoding: .utf8
        )
        for dataset in PublishedDataset.allCases {
            #expect(script.contains(" \(dataset.sha256) \(dataset.file)\n"))
            #expect(script.contains(" \(dataset.file) ") && script.contains(" \(dataset.rawValue) "))
            #expect(PromptSource.datasets.contains(dataset.rawValue))
        }
    }

    @Test func fileIsFoundWhereModelsAre() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let (package, models, own) = (
            folder.appendingPathComponent("package"), folder.appendingPathComponent("models"),
            folder.appendingPathComponent("own")
        )
        // A package that is not there, as on another machine than it was built on, is not named.
        try FileManager.default.createDirectory(at: package, withIntermediateDirectories: true)
        let dataset = PublishedDataset.duplication
        func find(_ environment: [String: String]) throws -> String {
            try dataset.url(environment: environment, packageFolder: package).deletingLastPathComponent().path
        }
        let all = ["IOI_MODELS": models.path, "IOI_PAPER_DATA": own.path]
        expectError(
            containing: "published-duplication: not found", "\(models.path)/paper-data/corrIOIDupe.txt",
            "\(package.path)/models/paper-data/corrIOIDupe.txt", "Scripts/fetch-paper-data.sh", "IOI_PAPER_DATA"
        ) { try find(["IOI_MODELS": models.path]) }
        for place in [
            package.appendingPathComponent("models/paper-data"), models.appendingPathComponent("paper-data"), own,
        ] {
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        }
        func put(_ folder: URL) throws { try Data().write(to: folder.appendingPathComponent(dataset.file)) }
        try put(package.appendingPathComponent("models/paper-data"))
        #expect(try find(all.filter { $0.key == "IOI_MODELS" }) == package.path + "/models/paper-data")
        try put(models.appendingPathComponent("paper-data"))
        #expect(try find(["IOI_MODELS": models.path, "IOI_PAPER_DATA": ""]) == models.path + "/paper-data")
        // A folder that is named is the only one.
        expectError(containing: "looked for \(own.path)/corrIOIDupe.txt; run") { try find(all) }
        try put(own)
        #expect(try find(all) == own.path)
    }

    @Test func anotherFileOfTheSameNameIsRefused() throws {
        let reader = SentenceReader(PromptReader(tokenizer: try TaskFixture.shared.get().tokenizer))
        try withFile("Then Mary and John sat. John gave a ring to Mary\n", named: "corrIOIname.txt") { file in
            expectError(
                containing: "corrIOIname.txt: found SHA-256 ", PublishedDataset.nameMoving.sha256,
                "Scripts/fetch-paper-data.sh"
            ) { try PublishedDataset.nameMoving.dataset(from: file, count: 1, seed: 0, reader: reader) }
        }
    }

    @Test func sampleIsDrawnWithoutReplacementInTheOrderOfTheFile() {
        #expect(PublishedDataset.sample(9, of: 9, seed: 1) == Array(0..<9))
        #expect(PublishedDataset.sample(12, of: 9, seed: 1) == Array(0..<9))
        let sample = PublishedDataset.sample(200, of: 1000, seed: 1)
        #expect(sample.count == 200 && sample == Set(sample).sorted())
        #expect(sample.allSatisfy { (0..<1000).contains($0) })
        #expect(sample == PublishedDataset.sample(200, of: 1000, seed: 1))
        #expect(sample != PublishedDataset.sample(200, of: 1000, seed: 2))
        #expect(Set(sample).isSubset(of: PublishedDataset.sample(300, of: 1000, seed: 1)))
        // Each line is as likely: of 600 draws of 5 out of 10, each comes up in 300 give or take 5 σ.
        var counts = [Int](repeating: 0, count: 10)
        for seed in 0..<600 {
            for index in PublishedDataset.sample(5, of: 10, seed: UInt64(seed)) { counts[index] += 1 }
        }
        #expect(counts.allSatisfy { abs($0 - 300) < 62 }, "\(counts)")
    }

    @Test func optionsWithoutEffectAreRefused() throws {
        var source = PromptSource(count: 10)
        source.dataset = "published-clean"
        try source.validate()
        source.heldOut = true
        let heldOut = #expect(throws: IOIError.self) { try source.validate() }
        #expect(heldOut?.field == "held_out" && heldOut?.problem.contains("published-clean") == true)
        source.heldOut = false
        source.templates = "t.json"
        let templates = #expect(throws: IOIError.self) { try source.validate() }
        #expect(templates?.field == "templates")
    }

    @Test func linesOfOtherDatasetsAreTextAndAnswer() throws {
        let dataset = try TaskFixture.shared.get().generator().dataset(TaskFixture.nameMoving, count: 20, seed: 3)
        #expect(
            TaskDataset(dataset).lines == dataset.prompts.map { "\($0.text) \($0.answer.dropFirst())" }
        )
        let choice = try ChoiceTask.agreement.dataset(
            count: 5, seed: 0, tokenizer: ChoiceFixture.shared.get().tokenizer)
        #expect(choice.lines == choice.prompts.map { $0.text + $0.answer })
    }
}
