import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi model check`: whatever is wrong with a folder fails by its name, and nothing else does.
@Suite struct ModelCheckCommandTests {
    static let small = CommandTests.model

    struct Document {
        let status: Int32
        let document: [String: Any]
        let checks: [[String: Any]]

        func names(_ status: String) -> [String] {
            checks.filter { $0["status"] as? String == status }.map { $0["name"] as! String }
        }

        func found(_ name: String) -> String {
            checks.first { $0["name"] as? String == name }?["found"] as? String ?? ""
        }
    }

    static func check(_ folder: URL, data: URL? = nil, _ flags: String...) async throws -> Document {
        let run = try await Program.run(
            ["model", "check", "--model", folder.path, "--format", "json", "--quiet"] + flags,
            environment: data.map { ["IOI_DATA": $0.path] } ?? [:]
        )
        #expect(run.complaints.isEmpty, "\(run.errors)")
        let document = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        let results = try #require(document["results"] as? [String: Any])
        let checks = try #require(results["checks"] as? [[String: Any]])
        let outcome = Document(status: run.status, document: document, checks: checks)
        #expect(results["passed"] as? Bool == outcome.names("failed").isEmpty)
        #expect(run.status == (outcome.names("failed").isEmpty ? 0 : 3))
        for check in checks { #expect(check["expected"] is String && (check["found"] as? String)?.isEmpty == false) }
        return outcome
    }

    /// A copy of the model under a name, as `change` leaves it.
    static func copy(_ name: String = "model", change: (URL) throws -> Void = { _ in }) throws -> URL {
        let parent = CommandTests.fresh()
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        let folder = parent.appendingPathComponent(name)
        try FileManager.default.copyItem(at: small.model, to: folder)
        try change(folder)
        return folder
    }

    /// The program's data with other expectations.
    static func data(_ checks: String) throws -> URL {
        let folder = CommandTests.fresh()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["templates.json", "names.txt"] {
            try FileManager.default.copyItem(at: DataDirectory.file(name), to: folder.appendingPathComponent(name))
        }
        try checks.write(to: folder.appendingPathComponent("checks.json"), atomically: true, encoding: .utf8)
        return folder
    }

    // MARK: Any folder

    @Test func aSoundFolderOfNoKnownModelPasses() async throws {
        let outcome = try await Self.check(Self.small.model)
        #expect(outcome.status == 0)
        #expect(outcome.names("ok") == ["config", "weights", "finite", "tokenizer", "words"])
        #expect(outcome.names("skipped") == ["expectations"])
        #expect(outcome.found("expectations").contains("\"model\""))
        #expect(outcome.document["schema"] as? String == "ioi/1")
        #expect(outcome.document["command"] as? String == "model check" && outcome.document["dataset"] == nil)
        let model = try #require(outcome.document["model"] as? [String: String])
        #expect(try model == ["name": "model", "folder": Self.small.model.path, "sha256": Self.small.load().sha256()])
    }

    struct Fault: Sendable {
        let name: String
        let failed: [String]
        let skipped: [String]
        /// What is found says so.
        let word: String
        let change: @Sendable (URL) throws -> Void
    }

    static func replace(_ file: String, _ folder: URL, _ old: String, _ new: String) throws {
        let url = folder.appendingPathComponent(file)
        let text = try String(contentsOf: url, encoding: .utf8)
        #expect(text.contains(old))
        try text.replacingOccurrences(of: old, with: new).write(to: url, atomically: true, encoding: .utf8)
    }

    static let faults: [Fault] = [
        Fault(name: "a NaN", failed: ["finite"], skipped: [], word: "ln_f.bias holds a NaN") { folder in
            let file = folder.appendingPathComponent("model.safetensors")
            var data = try Data(contentsOf: file)
            data.replaceSubrange(data.count - 4..<data.count, with: [0, 0, 0xc0, 0x7f])
            try data.write(to: file)
        },
        Fault(name: "cut off", failed: ["weights"], skipped: ["finite"], word: "truncated") { folder in
            let file = folder.appendingPathComponent("model.safetensors")
            try Data(contentsOf: file).dropLast(8).write(to: file)
        },
        Fault(name: "another shape", failed: ["weights"], skipped: ["finite"], word: "wpe.weight has shape") {
            try replace("config.json", $0, "\"n_positions\" : 48", "\"n_positions\" : 47")
        },
        Fault(name: "no weights", failed: ["weights"], skipped: ["finite"], word: "found no model.safetensors") {
            try FileManager.default.removeItem(at: $0.appendingPathComponent("model.safetensors"))
        },
        Fault(
            name: "another kind of model", failed: ["config"], skipped: ["weights", "finite"], word: "model_type"
        ) {
            try replace("config.json", $0, "\"model_type\" : \"gpt2\"", "\"model_type\" : \"bert\"")
        },
        Fault(name: "too many tokens", failed: ["tokenizer"], skipped: ["words"], word: "but config.json") { folder in
            let file = folder.appendingPathComponent("vocab.json")
            var vocabulary = try JSONDecoder().decode([String: Int].self, from: Data(contentsOf: file))
            vocabulary["surplus"] = vocabulary.count
            try JSONEncoder().encode(vocabulary).write(to: file)
        },
        Fault(name: "half a tokenizer", failed: ["tokenizer"], skipped: ["words"], word: "merges.txt") {
            try FileManager.default.removeItem(at: $0.appendingPathComponent("merges.txt"))
        },
        Fault(name: "words in pieces", failed: ["words"], skipped: [], word: "one token") {
            try "#version: 0.2\n".write(to: $0.appendingPathComponent("merges.txt"), atomically: true, encoding: .utf8)
        },
        Fault(name: "no tokenizer", failed: [], skipped: ["tokenizer", "words"], word: "token ids") {
            for name in ["vocab.json", "merges.txt"] {
                try FileManager.default.removeItem(at: $0.appendingPathComponent(name))
            }
        },
        Fault(
            name: "several things", failed: ["weights", "tokenizer"], skipped: ["finite", "words"], word: "wte.weight"
        ) { folder in
            let size = try small.load().config.vocabularySize
            try replace("config.json", folder, "\"vocab_size\" : \(size)", "\"vocab_size\" : \(size - 1)")
        },
    ]

    @Test(arguments: faults) func eachFaultFailsByItsName(_ fault: Fault) async throws {
        let outcome = try await Self.check(try Self.copy(change: fault.change))
        #expect(outcome.names("failed") == fault.failed, "\(fault.name)")
        #expect(outcome.names("skipped") == fault.skipped + ["expectations"], "\(fault.name)")
        let name = try #require((fault.failed + fault.skipped).first)
        #expect(outcome.found(name).contains(fault.word), "\(fault.name): \(outcome.found(name))")
    }

    @Test func textAndCSVHaveALineForEachCheck() async throws {
        let folder = try Self.copy(change: Self.faults[0].change)
        let text = try await Program.run(["model", "check", "--model", folder.path])
        #expect(text.status == 3 && text.complaints.isEmpty)
        let lines = text.output.split(separator: "\n").map(String.init)
        try #require(lines.count == 7)
        #expect(lines[0].hasPrefix("ok       config        2 layers of 4 heads"))
        #expect(lines[2].hasPrefix("FAILED   finite        tensor ln_f.bias holds a NaN or an infinity; expected "))
        #expect(lines[5].hasPrefix("skipped  expectations  nothing is expected of a model called \"model\""))
        #expect(lines[6] == "FAILED: 1 of 6 checks: finite")
        let csv = try await Program.run(["model", "check", "--model", folder.path, "--format", "csv"])
        let rows = csv.output.split(separator: "\n")
        #expect(csv.status == 3 && rows.count == 7 && rows[0] == "name,status,found,expected")
        #expect(rows[3].hasPrefix("finite,failed,"))
        let sound = try await Program.run(["model", "check", "--model", Self.small.model.path])
        #expect(sound.status == 0 && sound.output.hasSuffix("\npassed: 5 checks ok, 1 skipped\n"))
    }

    @Test func whatCannotBeCheckedIsOneComplaint() async throws {
        let empty = CommandTests.fresh()
        try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
        for (arguments, status, data) in [
            (["--model", empty.path], Int32(1), nil), (["--model", "./missing"], 1, nil),
            (["--model", Self.small.model.path], 1, try Self.data(#"{"model": {"prompts": "many"}}"#)),
            (["--model", Self.small.model.path], 1, try Self.data("{")),
            (["--model", Self.small.model.path, "--format", "xml"], 64, nil),
            (["--model", "gpt5"], 64, nil), ([Self.small.model.path], 64, nil),
        ] as [([String], Int32, URL?)] {
            let run = try await Program.run(
                ["model", "check"] + arguments, environment: data.map { ["IOI_DATA": $0.path] } ?? [:]
            )
            #expect(run.status == status, "\(arguments): \(run.errors)")
            #expect(run.complaints.count == 1 && run.output.isEmpty, "\(arguments): \(run.errors)")
            if data != nil { #expect(run.errors.contains("checks.json")) }
        }
    }

    // MARK: A model that something is known of

    /// Expectations that the model meets, all found without the program's checks.
    private struct Facts {
        var sha256: String
        var difference, top1: [Double]
        var text, answer: String
        var previous, induction: [Head]

        init() throws {
            let model = try small.load()
            let tokenizer = try model.requireTokenizer()
            sha256 = try model.sha256()
            var source = PromptSource(count: 60)
            (source.seed, source.heldOut) = (3, true)
            let prompts = try source.prompts(for: model).prompts
            let measures = try Evaluator(model.parameters, workers: Workers(count: 1)).measure(prompts)
            let mean = measures.map(\.logitDifference).reduce(0, +) / 60
            difference = [mean - 0.01, mean + 0.01]
            let first = Double(measures.count { $0.ioRank == 1 }) / 60
            top1 = [first, first]
            let naive = NaiveModel(model.parameters)
            (text, answer) = try #require(
                prompts.lazy.map { prompt in
                    let logits = naive.run(prompt.tokens).logits
                    return (prompt.text, tokenizer.decode([logits.indices.max { logits[$0] < logits[$1] }!]))
                }.first { tokenizer.token(for: $0.1) != nil }
            )
            let scores = try RepeatedTokens(model.parameters, length: 20, seed: 3, workers: Workers(count: 1))
            func ranked(_ scores: [[Double]]) -> [Head] {
                model.config.allHeads.sorted { scores[$0.layer][$0.index] > scores[$1.layer][$1.index] }
            }
            (previous, induction) = (Array(ranked(scores.previous)[..<2]), [ranked(scores.induction)[0]])
        }

        var checks: String {
            func list(_ heads: [Head]) -> String { heads.map { "\"\($0)\"" }.joined(separator: ", ") }
            return """
                {"model": {
                  "source": "this test", "sha256": "\(sha256)", "prompts": 60, "seed": 3,
                  "metrics": {"logit_difference": {"bounds": \(difference)}, "accuracy": {"bounds": [0, 1]},
                    "top1": {"bounds": \(top1), "source": "counted"}},
                  "continuations": [{"text": "\(text)", "answer": "\(answer)"}],
                  "repeated_tokens": {"length": 20, "previous": {"heads": [\(list(previous))], "among": 2},
                    "induction": {"heads": [\(list(induction))], "among": 1}}
                }}
                """
        }
    }

    private static let behaviour = [
        "sha256", "logit_difference", "accuracy", "top1", "continuation 1", "previous token heads", "induction heads",
    ]

    @Test func whatIsKnownOfAModelIsChecked() async throws {
        let facts = try Facts()
        let outcome = try await Self.check(Self.small.model, data: try Self.data(facts.checks))
        #expect(outcome.names("ok") == ["config", "weights", "finite", "tokenizer", "words"] + Self.behaviour)
        #expect(outcome.names("skipped").isEmpty)
        let dataset = try #require(outcome.document["dataset"] as? [String: Any])
        #expect(dataset["count"] as? Int == 60 && dataset["seed"] as? Int == 3)
        let options = try #require(outcome.document["options"] as? [String: Any])
        #expect((options["expectations"] as? [String: Any])?["sha256"] as? String == facts.sha256)
        // Accuracy never stands alone.
        #expect(outcome.found("accuracy").contains("IO first of all tokens"))
    }

    @Test func whatIsOtherwiseFailsByItsName() async throws {
        var wrong: [(String, Facts)] = []
        func add(_ name: String, _ change: (inout Facts) -> Void) throws {
            var facts = try Facts()
            change(&facts)
            wrong.append((name, facts))
        }
        try add("sha256") { $0.sha256 = String(repeating: "0", count: 64) }
        try add("logit_difference") { $0.difference = [$0.difference[1], $0.difference[1] + 1] }
        try add("logit_difference") { $0.difference = [$0.difference[0] - 1, $0.difference[0]] }
        try add("top1") { $0.top1 = [$0.top1[0] + 0.001, 1] }
        try add("continuation 1") { $0.answer = $0.answer == " Mary" ? " John" : " Mary" }
        try add("continuation 1") { $0.answer = " Mary John" }
        try add("previous token heads") { facts in
            facts.previous[1] = GPT2Config.allHeads(2, 4).first { !facts.previous.contains($0) }!
        }
        try add("induction heads") { $0.induction = [Head(9, 9)] }
        for (name, facts) in wrong {
            let outcome = try await Self.check(Self.small.model, data: try Self.data(facts.checks))
            #expect(outcome.names("failed") == [name], "\(outcome.checks)")
        }
    }

    @Test func withoutWeightsOrTokenizerWhatNeedsThemIsSkipped() async throws {
        let data = try Self.data(try Facts().checks)
        let silent = try await Self.check(try Self.copy(change: Self.faults[8].change), data: data)
        #expect(silent.status == 0)
        #expect(
            silent.names("skipped") == [
                "tokenizer", "words", "logit_difference", "accuracy", "top1", "continuation 1",
            ]
        )
        let broken = try await Self.check(try Self.copy(change: Self.faults[1].change), data: data)
        #expect(broken.names("failed") == ["weights", "sha256"])
        #expect(broken.names("skipped") == ["finite"] + Self.behaviour.dropFirst())
    }

    /// The published expectations, of a model that has nothing but the name.
    @Test func aRandomModelIsNotGPT2() async throws {
        let outcome = try await Self.check(try Self.copy("gpt2"))
        #expect(outcome.status == 3)
        #expect(outcome.names("ok") == ["config", "weights", "finite", "tokenizer", "words"])
        #expect(
            outcome.names("failed") == [
                "sha256", "logit_difference", "accuracy", "top1", "io_probability", "continuation 1", "continuation 2",
                "continuation 3", "previous token heads", "duplicate token heads", "induction heads",
            ]
        )
        #expect(outcome.names("skipped") == ["published prompts"])
    }

    @Test func gpt2IsKnownByItsPlaceInTheCacheToo() throws {
        let folder = try Self.copy("models--openai-community--gpt2").appendingPathComponent("snapshots/607a")
        try FileManager.default.createDirectory(
            at: folder.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: Self.small.model, to: folder)
        let check = try ModelCheck(ModelLocation(folder: folder))
        #expect(check.name == "607a" && check.options.expectations != nil)
        #expect(try check.options.expectations == ModelExpectations.standard(for: "gpt2"))
        #expect(try ModelCheck(ModelLocation(folder: Self.small.model)).options.expectations == nil)
    }

    // MARK: What others published

    /// Published figures that the model meets, by the naive model.
    private struct Published {
        let file: URL
        var sha256: String
        var mean: Double
        var first: [Double]
        let text: String
        /// The likeliest next tokens.
        var tokens: [(token: String, probability: Double)]

        init() throws {
            let model = try small.load()
            let tokenizer = try model.requireTokenizer()
            let naive = NaiveModel(model.parameters)
            var source = PromptSource(count: 9)
            source.seed = 7
            let dataset = try source.prompts(for: model)
            file = CommandTests.fresh()
            try dataset.jsonLines.write(to: file)
            let lines = dataset.prompts.map { prompt in
                (prompt.tokens + [prompt.ioToken, prompt.sToken]).map { "\($0)" }.joined(separator: " ")
            }
            sha256 = Digest.sha256(of: Data((lines.joined(separator: "\n") + "\n").utf8))
            let differences = dataset.prompts.map { prompt in
                let logits = naive.run(prompt.tokens).logits
                return Double(logits[prompt.ioToken] - logits[prompt.sToken])
            }
            (mean, first) = (differences.reduce(0, +) / 9, Array(differences[..<3]))
            (text, tokens) = try #require(
                dataset.prompts.lazy.map { prompt in
                    let logits = naive.run([tokenizer.endOfText!] + prompt.tokens).logits.map { Double($0) }
                    let total = logits.map { exp($0) }.reduce(0, +)
                    let ranked = logits.indices.sorted { logits[$0] > logits[$1] }[..<4]
                    return (
                        "<|endoftext|>" + prompt.text,
                        ranked.map { (tokenizer.decode([$0]), exp(logits[$0]) / total) }
                    )
                }.first { $0.1.allSatisfy { tokenizer.token(for: $0.0) != nil } }
            )
        }

        var checks: String {
            let list = tokens.map { "\"\($0.token)\": \($0.probability)" }.joined(separator: ", ")
            let answer = tokens.max { $0.probability < $1.probability }!.token
            return """
                {"model": {
                  "continuations": [{"text": "\(text)", "answer": "\(answer)", "probabilities": {\(list)},
                    "tolerance": 0.00001}],
                  "published_prompts": [{"tokens_sha256": "\(sha256)", "count": 9, "logit_difference": \(mean),
                    "first": \(first), "tolerance": 0.0001, "source": "this test"}]
                }}
                """
        }
    }

    @Test func publishedFiguresAreChecked() async throws {
        let published = try Published()
        let data = try Self.data(published.checks)
        let outcome = try await Self.check(Self.small.model, data: data, "--data", published.file.path)
        #expect(outcome.status == 0, "\(outcome.checks)")
        #expect(outcome.names("ok").suffix(2) == ["published prompts", "continuation 1"])
        #expect(outcome.found("published prompts").contains(String(format: "%.4f", published.first[2])))
        #expect(outcome.found("continuation 1").contains(published.tokens[3].token))
        let options = try #require(outcome.document["options"] as? [String: Any])
        #expect(options["data"] as? String == published.file.path)

        // Known by their tokens, whatever the file is called and however it is written.
        let copy = CommandTests.fresh()
        try FileManager.default.copyItem(at: published.file, to: copy)
        try Self.replace(
            copy.lastPathComponent, copy.deletingLastPathComponent(), "\"dataset\":\"clean\"", "\"dataset\": \"x\"")
        #expect(try await Self.check(Self.small.model, data: data, "--data", copy.path).names("failed").isEmpty)
        // Without the file the figures are named, and not checked.
        let without = try await Self.check(Self.small.model, data: data)
        #expect(without.status == 0 && without.names("skipped") == ["published prompts"])
    }

    @Test func otherFiguresThanPublishedFailByName() async throws {
        var wrong: [(String, Published)] = []
        func add(_ name: String, _ change: (inout Published) -> Void) throws {
            var published = try Published()
            change(&published)
            wrong.append((name, published))
        }
        try add("published prompts") { $0.mean += 0.0002 }
        try add("published prompts") { $0.first[1] -= 0.0002 }
        try add("continuation 1") { $0.tokens[2].probability += 0.00002 }
        try add("continuation 1") { published in
            (published.tokens[0].token, published.tokens[3].token) = (
                published.tokens[3].token, published.tokens[0].token
            )
        }
        for (name, published) in wrong {
            let outcome = try await Self.check(
                Self.small.model, data: try Self.data(published.checks), "--data", published.file.path
            )
            #expect(outcome.names("failed") == [name], "\(outcome.checks)")
        }
    }

    @Test func promptsThatNothingIsKnownOfAreRefused() async throws {
        var published = try Published()
        let path = published.file.path
        published.sha256 = String(repeating: "0", count: 64)
        for (environment, expected) in [
            ([:], "none, since no prompts are known for model"),
            (["IOI_DATA": try Self.data(published.checks).path], "those of \(published.sha256)"),
        ] {
            let run = try await Program.run(
                ["model", "check", "--model", Self.small.model.path, "--data", path], environment: environment
            )
            #expect(run.status == 64 && run.output.isEmpty && run.complaints.count == 1, "\(run.errors)")
            #expect(run.complaints.first?.hasPrefix("ioi: --data: found 9 prompts in \(path) with tokens of") == true)
            #expect(run.complaints.first?.hasSuffix("expected \(expected)") == true, "\(run.errors)")
        }
    }

    @Test(
        .enabled(if: Fixtures.publishedData != nil, "there is no folder with the authors' files (IOI_PUBLISHED_DATA)"))
    func authorsPromptsAreKnown() throws {
        let file = try #require(Fixtures.publishedData).appendingPathComponent("prompts-100.jsonl")
        let dataset = try PromptReader().dataset(contentsOf: file)
        let known = try #require(try ModelExpectations.standard(for: "gpt2")).publishedPrompts
        #expect(known.map(\.tokensSHA256) == [dataset.tokensSHA256] && known[0].count == dataset.count)
        // A model that is not GPT-2 has other figures, whatever it is called; one without these tokens has none.
        let check = try ModelCheck(ModelLocation(name: "gpt2", folder: Self.small.model), data: file)
        let found = check.run(workers: Workers(count: 1)).checks.first { $0.name == "published prompts" }
        #expect(found?.status == .failed && found?.found.contains("do not fit the model") == true)
    }

    /// Tokens drawn from the program's names give other scores than those from the whole vocabulary.
    @Test func tokensMayBeDrawnFromNames() async throws {
        func found(_ pool: String) async throws -> String {
            let checks = """
                {"model": {"repeated_tokens": {"length": 20, "drawn_from": "\(pool)",
                  "duplicate": {"heads": ["0.0", "0.1", "0.2", "0.3", "1.0", "1.1", "1.2", "1.3"], "among": 8}}}}
                """
            let outcome = try await Self.check(Self.small.model, data: try Self.data(checks))
            #expect(outcome.status == 0)
            return outcome.found("duplicate token heads")
        }
        #expect(try await found("names") != found("vocabulary"))
    }
}

extension GPT2Config {
    fileprivate static func allHeads(_ layers: Int, _ heads: Int) -> [Head] {
        (0..<layers).flatMap { layer in (0..<heads).map { Head(layer, $0) } }
    }
}
