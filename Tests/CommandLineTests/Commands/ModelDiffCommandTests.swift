import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi model diff`, by the program itself.
@Suite struct ModelDiffCommandTests: FinetuneRuns {
    /// A model and a checkpoint of its fine-tuning.
    static let trained: (model: TemporaryModel, checkpoint: String) = {
        let model = try! TemporaryModel()
        _ = try! start(model, "run", heldOut: nil).train()
        return (model, model.file("run/checkpoints/epoch-003").path)
    }()
    static var path: String { trained.model.model.path }

    static func diff(_ a: String, _ b: String, _ flags: String...) async throws -> Program.Outcome {
        try await Program.run(["model", "diff", a, b, "--threads", "2"] + flags)
    }

    @Test func theDocumentHasBothModelsAndWhatIsDifferent() async throws {
        let file = CommandTests.fresh()
        let run = try await Self.diff(Self.path, Self.checkpoint, "--out", file.path, "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors == "model model at \(Self.path)\ndonor epoch-003 at \(Self.checkpoint)\n")
        let written = try String(contentsOf: file, encoding: .utf8)
        #expect(run.output == written + "\n")
        let document = try VerifyCommandTests.json(file)
        #expect(document["schema"] as? String == "ioi/1" && document["command"] as? String == "model diff")
        #expect(document["dataset"] == nil && (document["options"] as? [String: Any])?.isEmpty == true)
        let donor = try #require(document["donor"] as? [String: String])
        #expect(donor["folder"] == Self.checkpoint)
        let weights = URL(fileURLWithPath: "\(Self.checkpoint)/model.safetensors")
        #expect(try donor["sha256"] == Digest.sha256(of: weights))
        let results = try #require(document["results"] as? [String: Any])
        #expect(results["same_weights"] as? Bool == false && results["tokenizer"] as? String == "same")
        let difference = try ModelDifference(
            Self.trained.model.load(),
            GPT2(ModelLocation(folder: URL(fileURLWithPath: Self.checkpoint)), workers: Workers()),
            workers: Workers(count: 1)
        )
        struct Document: Decodable {
            struct Figures: Decodable { let change, relative: Double? }
            struct Results: Decodable {
                let total: Figures
                let tensors, components: [Figures]
            }
            let results: Results
        }
        // To the last digit, which JSONSerialization does not read.
        let figures = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file)).results
        #expect(figures.tensors.map(\.change) == difference.tensors.map(\.size.change))
        #expect(figures.components.map(\.relative) == difference.parts.map(\.size.relative))
        #expect(figures.total.relative == difference.total.relative)

        let verified = try await VerifyCommandTests.verify([file], "--tolerance", "0", "--relative", "0")
        #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
        let replaced = try await VerifyCommandTests.verify([file], "--donor", Self.path)
        #expect(replaced.status == 3 && replaced.output.contains("results.same_weights: recorded false, found true"))
    }

    static var checkpoint: String { trained.checkpoint }

    /// The csv and the text have the same figures.
    @Test func peopleSeeTheMostChangedTensorsFirst() async throws {
        let csv = try await Self.diff(Self.path, Self.checkpoint, "--format", "csv").output.split(separator: "\n")
        #expect(csv[0] == "kind,block,name,count,change,reference,relative,largest")
        let rows = csv.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        #expect(rows.filter { $0[0] == "total" }.count == 1)
        // 7 parts of 2 blocks, and 3 of none.
        #expect(rows.filter { $0[0] == "component" }.count == 17)
        let tensors = rows.filter { $0[0] == "tensor" }
        #expect(tensors.count == 28)
        // Biases start from 0, so that no share of them can be told.
        let new = tensors.filter { $0[6].isEmpty }
        #expect(!new.isEmpty && new.allSatisfy { $0[2].hasSuffix(".bias") && $0[5] == "0.0" })

        let text = try await Self.diff(Self.path, Self.checkpoint).output
        let first = new.max { Double($0[4])! < Double($1[4])! }!
        let lines = text.split(separator: "\n").map(String.init)
        let header = try #require(lines.firstIndex { $0.hasPrefix("most changed") })
        #expect(lines[header + 1].hasPrefix("\(first[2]) ") && lines[header + 1].contains(" from 0 "))
        #expect(lines[header + 1].contains(String(format: " %#.3g ", Double(first[4])!)))
        #expect(text.contains("\nthe same config, the same tokenizer\n") && text.contains("\nblock 1 "))
        #expect(text.contains("and \(tensors.count - 12) tensors more"))
        #expect(
            lines.last
                == "next: ioi patch --mode cross-model --component z --model \(Self.path) --donor \(Self.checkpoint)")
    }

    @Test func aModelIsTheSameAsItself() async throws {
        let run = try await Self.diff(Self.path, Self.path)
        #expect(run.status == 0)
        #expect(run.output.hasPrefix("the same weights: all ") && run.output.split(separator: "\n").count == 1)
    }

    @Test func whatCannotBeComparedIsOneComplaint() async throws {
        let other = try TemporaryModel(layers: 1)
        let shape = try await Self.diff(Self.path, other.model.path)
        #expect(shape.status == 1 && shape.output.isEmpty)
        #expect(shape.errors.hasSuffix("\nioi: the donor's n_layer: found 1, expected the model's 2\n"))
        let missing = try await Self.diff(Self.path, "runs/none/checkpoints/epoch-001")
        #expect(missing.status == 1 && missing.errors.contains("epoch-001: found nothing, expected a model folder"))
        #expect(try await Program.run(["model", "diff", Self.path]).status == 64)
    }
}
