import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi predict`, `ioi lens` and `ioi cache`.
@Suite struct ReadingCommandTests {
    private static let model = TemporaryModel.shared
    private static let text = "Then, Mary and John went to the store. John gave a drink to"

    private static func run(_ arguments: String...) async throws -> Program.Outcome {
        try await Program.run(arguments + ["--model", model.model.path])
    }

    private static func fails(_ arguments: [String], _ status: Int32, _ complaint: String) async throws {
        let run = try await Program.run(arguments + ["--model", model.model.path])
        #expect(run.status == status && run.output.isEmpty, "\(arguments): \(run.errors)")
        #expect(run.complaints == ["ioi: \(complaint)"], "\(arguments): \(run.errors)")
    }

    private struct Document<Options: Decodable, Results: Decodable>: Decodable {
        let schema, command: String
        let options: Options
        let results: Results
    }

    private static func document<Kind: Experiment>(_ kind: Kind.Type, _ run: Program.Outcome) throws
        -> Document<Kind, Kind.Results>
    {
        #expect(run.status == 0, "\(run.errors)")
        let document = try JSONDecoder().decode(Document<Kind, Kind.Results>.self, from: Data(run.output.utf8))
        #expect(document.schema == "ioi/1" && document.command == kind.name)
        return document
    }

    // MARK: predict

    @Test func predictionsInEveryFormat() async throws {
        let json = try await Self.run(
            "predict", Self.text, "--top", "4", "--answer", " Mary", "--answer", " John", "--format", "json")
        let document = try Self.document(PredictExperiment.self, json)
        #expect(document.options.input == TextInput(Self.text) && document.options.top == 4)
        let results = document.results
        #expect(results.tokens.map(\.text).joined() == Self.text && results.against == nil)
        #expect(results.candidates.map { $0.figures[0]?.rank } == [1, 2, 3, 4])
        #expect(results.answers?.map(\.text) == [" Mary", " John"])

        let text = try await Self.run("predict", Self.text, "--top", "4", "--answer", " Mary")
        let lines = text.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(
            lines[0] == "\(results.tokens.count) tokens:"
                && lines[1].hasPrefix("\(results.tokens[0].text.quoted) \(results.tokens[0].id), "))
        #expect(lines.allSatisfy { $0.count <= 80 })
        for candidate in results.candidates {
            let figure = try #require(candidate.figures[0])
            #expect(
                lines.contains {
                    $0.contains(candidate.text.quoted) && $0.contains(" \(candidate.id) ")
                        && $0.contains(figure.logit.fixed(3))
                })
        }
        #expect(text.errors.contains("next: ioi lens 'Then, Mary"))

        let csv = try await Self.run("predict", Self.text, "--top", "4", "--answer", " Mary", "--format", "csv")
        let rows = csv.output.split(separator: "\n").map(String.init)
        #expect(rows[0] == "kind,token,id,model,rank,logit,probability" && rows.count == 6)
        let first = try #require(results.candidates[0].figures[0])
        #expect(rows[1].hasSuffix(",1,\(first.logit),\(first.probability)") && rows[5].hasPrefix("answer, Mary,"))
        for format in ["latex", "markdown"] {
            let run = try await Self.run("predict", Self.text, "--format", format)
            #expect(run.status == 0 && run.output.contains("probability") && !run.output.contains("tokens:"))
        }
    }

    @Test func textsFromStandardInput() async throws {
        let given = try await Self.run("predict", "Then, Mary and John", "--format", "csv")
        for line in ["Then, Mary and John\\n", "Then, Mary and John", "Then, Mary and John\\r\\n"] {
            let read = try await Program.shell(
                "printf '\(line)' | \"$IOI\" predict - --format csv --model \(Self.model.model.path)")
            #expect(read.status == 0 && read.output == given.output, "\(line): \(read.errors)")
        }
        let lens = try await Program.shell(
            "printf 'Then, Mary and John\\n' | \"$IOI\" lens - --format csv --model \(Self.model.model.path)")
        #expect(try await Self.run("lens", "Then, Mary and John", "--format", "csv").output == lens.output)
        // A blank at the end counts.
        let spaced = try await Self.run("predict", "Then, Mary and John ", "--format", "csv")
        #expect(spaced.status == 0 && spaced.output != given.output)
    }

    @Test(arguments: ["predict", "lens"])
    func textsThatCannotBeRead(_ command: String) async throws {
        try await Self.fails([command, ""], 64, "<text>: found nothing, expected a text of at least one token")
        try await Self.fails([command, "-"], 64, "<text>: found nothing, expected a text of at least one token")
        let long = Array(repeating: " the", count: 49).joined()
        try await Self.fails(
            [command, long], 64, "<text>: found 49 tokens, expected at most 48, the context of model")
        let bytes = try await Program.shell(
            "printf '\\377' | \"$IOI\" \(command) - --model \(Self.model.model.path)")
        #expect(bytes.status == 1 && bytes.errors.contains("ioi: standard input: found bytes that are no UTF-8"))
    }

    @Test func answersOfSeveralTokensAreRefused() async throws {
        let run = try await Self.run("predict", Self.text, "--answer", "Mary")
        #expect(run.status == 64 && run.complaints.count == 1)
        let complaint = try #require(run.complaints.first)
        #expect(complaint.hasPrefix("ioi: --answer: found \"Mary\", which is "))
        #expect(complaint.hasSuffix(", expected one token, such as \" Mary\""))
        try await Self.fails(
            ["predict", Self.text, "--answer", ""], 64, "--answer: found nothing, expected the text of a token")
        try await Self.fails(["predict", Self.text, "--top", "0"], 64, "--top: found 0, expected 1 to 1000")
    }

    @Test func theBeginningOfTextIsATokenOfItsOwn() async throws {
        let run = try await Self.run("predict", " the", "--bos", "--format", "json")
        let document = try Self.document(PredictExperiment.self, run)
        #expect(document.results.tokens.map(\.text) == ["<|endoftext|>", " the"])
        let lens = try Self.document(
            LensExperiment.self, try await Self.run("lens", " the", "--bos", "--format", "json"))
        guard case .text(let found) = lens.results else { throw IOIError("no lens of a text") }
        #expect(found.tokens == document.results.tokens)
        // The last layer's reading is the prediction.
        let (end, first) = (found.layers[1][1], document.results.candidates[0])
        let figure = try #require(first.figures[0])
        #expect(end.id == first.id && abs(end.probability - figure.probability) < 1e-6)
    }

    @Test func modelsSideBySide() async throws {
        let other = try TemporaryModel(layers: 1, heads: 2, width: 16, seed: 5)
        let out = Self.model.file("\(UUID().uuidString).json")
        let run = try await Self.run(
            "predict", Self.text, "--top", "3", "--answer", " Mary", "--against", other.model.path, "--out", out.path)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("A: model\nB: model\n") && run.output.contains("logit B"))
        #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(run.errors.contains("against model at \(other.model.path)"))
        let document = try JSONDecoder().decode(
            Document<PredictExperiment, PredictResults>.self, from: Data(contentsOf: out))
        func alone(_ model: TemporaryModel) async throws -> PredictResults {
            try Self.document(
                PredictExperiment.self,
                try await Program.run(
                    [
                        "predict", Self.text, "--top", "1000", "--answer", " Mary", "--format", "json", "--model",
                        model.model.path,
                    ])
            ).results
        }
        let (one, two) = (try await alone(Self.model), try await alone(other))
        let top = one.candidates.prefix(3).map(\.id)
        #expect(document.results.candidates.prefix(3).map(\.id) == top)
        let union = Set(top + two.candidates.prefix(3).map(\.id))
        #expect(document.results.candidates.count == union.count)
        for candidate in document.results.candidates {
            for (figure, results) in zip(candidate.figures, [one, two]) {
                guard let alone = results.candidates.first(where: { $0.id == candidate.id }) else { continue }
                #expect(figure == alone.figures[0])
            }
        }
        #expect(document.results.answers?[0].figures == [one.answers?[0].figures[0], two.answers?[0].figures[0]])

        #expect(try await Program.run(["verify", out.path]).status == 0)
        // A further model that changed is found, and one that is gone is named.
        let weights = other.model.appendingPathComponent("model.safetensors")
        let changed = try TemporaryModel(layers: 1, heads: 2, width: 16, seed: 6)
        try FileManager.default.removeItem(at: weights)
        try FileManager.default.copyItem(
            at: changed.model.appendingPathComponent("model.safetensors"), to: weights)
        #expect(try await Program.run(["verify", out.path]).status == 3)
        try FileManager.default.removeItem(at: weights)
        let gone = try await Program.run(["verify", out.path])
        #expect(gone.status == 1 && gone.errors.contains(other.model.path), "\(gone.errors)")

        let foreign = try TemporaryModel(layers: 1, heads: 2, width: 16, knowing: ["zebra unicorn"])
        let refused = try await Self.run("predict", Self.text, "--against", foreign.model.path)
        #expect(refused.status == 64 && refused.errors.contains("ioi: --against: model: found "), "\(refused.errors)")
        let missing = try await Self.run("predict", Self.text, "--against", "/nowhere/x")
        #expect(missing.status != 0 && missing.errors.contains("ioi: --against: "), "\(missing.errors)")
    }

    // MARK: lens

    @Test func theLensOfATextInEveryFormat() async throws {
        let chart = Self.model.file("\(UUID().uuidString).svg")
        let json = try await Self.run("lens", Self.text, "--format", "json", "--chart", chart.path)
        let document = try Self.document(LensExperiment.self, json)
        guard case .text(let lens) = document.results else { throw IOIError("no lens of a text") }
        #expect(lens.layers.count == 2 && lens.embedding.count == lens.tokens.count)

        let text = try await Self.run("lens", Self.text)
        let lines = text.output.split(separator: "\n").map(String.init)
        #expect(lines.allSatisfy { $0.count <= 80 })
        // Each block has a row for the embedding and each layer, and all positions are in one of them.
        let headers = lines.filter { $0.hasPrefix("layer ") }
        #expect(lines.filter { $0.hasPrefix("embedding ") }.count == headers.count && headers.count > 1)
        for position in lens.tokens.indices { #expect(headers.contains { $0.contains(" \(position):") }) }

        let csv = try await Self.run("lens", Self.text, "--format", "csv")
        let rows = csv.output.split(separator: "\n").map(String.init)
        #expect(rows[0] == "layer,position,token,token_id,top,top_id,logit,probability")
        #expect(rows.count == 1 + 3 * lens.tokens.count)
        let last = try #require(lens.layers[1].last)
        #expect(rows.last?.hasSuffix(",\(last.id),\(last.logit),\(last.probability)") == true)

        let svg = try String(contentsOf: chart, encoding: .utf8)
        #expect(svg.contains("Top token after each layer") && svg.contains(last.text.shownToken(8).xml))
        for format in ["latex", "markdown"] {
            #expect(try await Self.run("lens", Self.text, "--format", format).output.contains("embedding"))
        }
    }

    @Test func theLensOfPromptsInEveryFormat() async throws {
        let chart = Self.model.file("\(UUID().uuidString).svg")
        let out = Self.model.file("\(UUID().uuidString).json")
        let run = try await Self.run(
            "lens", "--dataset", "duplication", "--count", "6", "--per-prompt", "--out", out.path, "--chart", chart.path
        )
        #expect(run.status == 0, "\(run.errors)")
        let document = try JSONDecoder().decode(
            Document<LensExperiment, LensResults>.self, from: Data(contentsOf: out))
        guard case .prompts(let lens) = document.results else { throw IOIError("no lens of prompts") }
        #expect(lens.count == 6 && lens.perPrompt?.count == 6 && lens.afterMLP.count == 2)
        let rows = ["embedding", "0 attention", "0 MLP", "1 attention", "1 MLP"]
        let lines = run.output.split(separator: "\n").map(String.init)
        #expect(
            lines.count == 7 && lines[0] == "6 duplication prompts, read at END"
                && lines[1].contains("logit difference") && lines.allSatisfy { $0.count <= 80 })
        for (line, row) in zip(lines.dropFirst(2), rows) { #expect(line.hasPrefix("\(row) ")) }
        #expect(lines[6].contains(" \(lens.mlpAdds[1].mean.fixed(3)) "))
        #expect(try String(contentsOf: chart, encoding: .utf8).contains("attention adds"))
        #expect(try await Program.run(["verify", out.path]).status == 0)

        // The last reading is what eval measures.
        let eval = try await Self.run("eval", "--dataset", "duplication", "--count", "6", "--format", "json")
        let evaluation = try JSONDecoder().decode(
            Document<EvaluationExperiment, Evaluation>.self, from: Data(eval.output.utf8))
        #expect(abs(evaluation.results.all.logitDifference.mean - lens.afterMLP[1].mean) < 1e-5)

        let csv = try await Self.run("lens", "--dataset", "duplication", "--count", "6", "--format", "csv").output
        let table = csv.split(separator: "\n").map(String.init)
        #expect(table[0] == "layer,after,value,ci95_low,ci95_high,added,added_ci95_low,added_ci95_high")
        #expect(
            table.count == 6 && table[1].hasPrefix(",embedding,\(lens.embedding.mean),") && table[1].hasSuffix(",,,"))
        #expect(table[5].hasPrefix("1,mlp,\(lens.afterMLP[1].mean),"))

        let divergence = try await Self.run("lens", "--count", "3", "--metric", "kl", "--format", "json")
        let kl = try Self.document(LensExperiment.self, divergence)
        guard case .prompts(let readings) = kl.results else { throw IOIError("no lens of prompts") }
        #expect(kl.options.metric == .divergence && abs(readings.afterMLP[1].mean) < 1e-6)
        #expect(readings.embedding.mean > 1e-3)
    }

    @Test func promptsFromStandardInputAreNotRepeated() async throws {
        let prompts = Self.model.file("\(UUID().uuidString).jsonl")
        let out = Self.model.file("\(UUID().uuidString).json")
        #expect(try await Self.run("data", "--count", "3", "--out", prompts.path).status == 0)
        let run = try await Program.shell(
            "\"$IOI\" lens --data - --out \(out.path) --model \(Self.model.model.path) < \(prompts.path)")
        #expect(run.status == 0, "\(run.errors)")
        let verify = try await Program.run(["verify", out.path])
        #expect(
            verify.status == 1
                && verify.complaints == [
                    "ioi: \(out.path): options.prompts.file: found -, standard input, which cannot be read again; "
                        + "expected prompts from a file"
                ])
    }

    // MARK: cache

    @Test func activationsAreWritten() async throws {
        let (file, folder) = (Self.model.file("\(UUID().uuidString).safetensors"), TemporaryModel.fresh())
        let sites = ["--count", "4", "--sites", "z,pattern,resid_post", "--position", "END"]
        let run = try await Program.run(
            ["cache", "--out", file.path, "--layers", "1", "--model", Self.model.model.path] + sites)
        #expect(run.status == 0, "\(run.errors)")
        let size = try SafetensorsFile(contentsOf: file).tensors.values.reduce(0) { $0 + $1.byteRange.count }
        #expect(run.output.hasPrefix("3 tensors of activations [4, 4, "))
        #expect(run.output.hasSuffix("4 rows of 4 prompts, \(DiskSpace.size(Double(size))) in \(file.path)\n"))
        #expect(run.output.split(separator: "\n").count == 1)

        let json = try await Program.run(
            ["cache", "--out", folder.path + "/", "--format", "json", "--model", Self.model.model.path] + sites)
        struct Results: Decodable {
            struct Tensor: Decodable {
                let name: String
                let shape: [Int]
            }
            let tensors: [Tensor]
        }
        struct Written: Decodable {
            let schema, command: String
            let results: Results
        }
        let document = try JSONDecoder().decode(Written.self, from: Data(json.output.utf8))
        #expect(document.schema == "ioi/1" && document.command == "cache")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(names) == Set(document.results.tensors.map { "\($0.name).npy" } + ["metadata.json"]))
        #expect(document.results.tensors.contains { $0.name == "blocks.0.hook_resid_post" && $0.shape == [4, 32] })
        for (format, part) in [("csv", "blocks.0.hook_resid_post,F32,4x32"), ("markdown", "| tokens | I64 |")] {
            let other = try await Program.run(
                [
                    "cache", "--out", TemporaryModel.fresh().path, "--format", format, "--model",
                    Self.model.model.path,
                ] + sites)
            #expect(other.output.contains(part), "\(other.errors)")
        }
    }

    @Test func whatCannotBeWrittenIsRefusedFirst() async throws {
        let out = TemporaryModel.fresh().path
        func fails(_ flags: [String], _ complaint: String, status: Int32 = 64) async throws {
            try await Self.fails(["cache", "--count", "2"] + flags, status, complaint)
            #expect(!FileManager.default.fileExists(atPath: out))
        }
        try await fails(
            ["--sites", "z", "--out", "\(out).npz"],
            "--out: \(out).npz: found the extension .npz, expected .safetensors, or none for a folder of .npy files")
        try await fails(
            ["--sites", "z", "--out", out, "--layers", "0,2"], "--layers: found 2, expected 0 to 1")
        try await fails(
            ["--sites", "z", "--out", out, "--layers", "0@END"],
            "--layers: found \"0@END\", expected layers such as 0,3,9, or all")
        try await fails(
            ["--sites", "z", "--out", out, "--position", "X"],
            "--position: found the position X, expected one of IO, S1, S1+1, S2, END, which the prompts name, or all")
        let site = try await Self.run("cache", "--sites", "z,w", "--out", out)
        #expect(
            site.status == 64 && site.complaints[0].hasPrefix("ioi: --sites: found \"w\", expected one of resid_pre"))
        try await fails(
            ["--sites", "z", "--out", Self.model.model.path],
            "--out: \(Self.model.model.path): exists already, expected the name of a new folder", status: 1)
        let pipe = Self.model.file("\(UUID().uuidString).safetensors").path
        #expect(mkfifo(pipe, 0o600) == 0)
        try await fails(
            ["--sites", "z", "--out", pipe],
            "--out: \(pipe): found a pipe, a device or standard output, expected a file, which is written in parts")
    }

    @Test func ctrlCLeavesNothing() async throws {
        let folder = TemporaryModel.fresh()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let out = folder.appendingPathComponent("acts.safetensors")
        // Long enough that the signal comes before the end.
        let process = try Program.start(
            [
                "cache", "--count", "60000", "--sites", "resid_post", "--position", "END", "--out", out.path,
                "--memory", "0.05",
                "--model", "embedded", "--threads", "1",
            ])
        func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path) }
        /// The bytes of the unfinished file, which has none when it is tried before the work.
        @Sendable func size() -> Int {
            let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return files.filter { $0.contains(".partial-") }.reduce(0) { sum, name in
                var status = stat()
                return stat(folder.appendingPathComponent(name).path, &status) == 0 ? sum + Int(status.st_size) : sum
            }
        }
        // In a thread of its own, because other tests may keep those of tasks for longer than the work takes.
        let status = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                while process.isRunning, size() < 100_000 { usleep(5000) }
                kill(process.processIdentifier, SIGINT)
                process.waitUntilExit()
                continuation.resume(returning: process.terminationStatus)
            }
        }
        #expect(status == 130)
        #expect(try names().filter { !$0.hasSuffix(".lock") } == [])
    }
}
