import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi verify`: what was recorded comes out again, and what does not is named.
@Suite struct VerifyCommandTests {
    /// With a circuit, which its default one is.
    static let model = try! modelWithCircuit(seed: 0)
    static let other = try! modelWithCircuit(seed: 1)

    static func modelWithCircuit(seed: UInt64) throws -> TemporaryModel {
        let model = try TemporaryModel(layers: 2, heads: 4, width: 32, seed: seed)
        let circuit = #"""
            {"model": "small", "classes": [{"name": "name mover", "heads": ["1.0", "1.2"], "position": "END"},
             {"name": "duplicate token", "heads": ["0.1"], "position": "S2"}],
             "paths": [{"from": "name mover", "to": "logits", "inputs": []},
                       {"from": "duplicate token", "to": "name mover", "inputs": ["q"]}]}
            """#
        try circuit.write(to: model.model.appendingPathComponent("circuit.json"), atomically: true, encoding: .utf8)
        return model
    }

    private enum Plans: ReproductionRuns {}

    /// Where files of a test lie.
    static func folder() throws -> URL {
        let folder = CommandTests.fresh()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// The results file that a command writes.
    static func record(_ arguments: [String], as name: String = "results.json", in folder: URL? = nil) async throws
        -> URL
    {
        let file = try (folder ?? Self.folder()).appendingPathComponent(name)
        let run = try await Program.run(
            arguments + (arguments.contains("--model") ? [] : ["--model", model.model.path])
                + ["--threads", "2", "--quiet", "--out", file.path]
        )
        #expect(run.status == 0, "\(run.errors)")
        return file
    }

    static func verify(_ files: [URL], _ flags: String...) async throws -> Program.Outcome {
        // A comparison of two files takes no threads.
        let threads = flags.contains("--against") ? [] : ["--threads", "2"]
        return try await Program.run(["verify"] + files.map(\.path) + flags + threads + ["--quiet"])
    }

    static let exact = ["--tolerance", "0", "--relative", "0"]

    static func json(_ file: URL) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    /// A copy of a results file with another value somewhere; nil removes it.
    static func altered(_ file: URL, _ path: [Any], to value: Any?) throws -> URL {
        func set(_ tree: Any, _ path: ArraySlice<Any>) -> Any? {
            guard let key = path.first else { return value }
            if let index = key as? Int, var list = tree as? [Any] {
                list[index] = set(list[index], path.dropFirst())!
                return list
            }
            var fields = tree as! [String: Any]
            fields[key as! String] = set(fields[key as! String] ?? [:], path.dropFirst())
            return fields
        }
        let copy = try folder().appendingPathComponent("altered.json")
        try JSONSerialization.data(withJSONObject: set(json(file), path[...])!, options: .sortedKeys).write(to: copy)
        return copy
    }

    // MARK: What was recorded comes out again

    static let commands: [[String]] = [
        ["eval", "--count", "20", "--per-prompt", "--seed", "4", "--held-out"],
        ["eval", "--count", "10", "--dataset", "subject-duplication", "--bos", "--abc", "wang"],
        ["eval", "--count", "20", "--dataset", "agreement", "--held-out", "--per-prompt"],
        ["patch", "--mode", "activation", "--site", "resid", "--position", "S2,END", "--count", "8"],
        [
            "patch", "--mode", "path", "--receiver", "q:1.0,1.2@END", "--path-ln", "freeze", "--count", "8",
            "--per-prompt",
        ],
        [
            "patch", "--mode", "path", "--sender", "mlps", "--knockout", "1.1@END", "--ablate", "resample", "--count",
            "8",
        ],
        [
            "patch", "--mode", "cross-model", "--donor", other.model.path, "--direction", "both", "--random-sets", "3",
            "--count", "6", "--per-prompt", "--scale", "gap",
        ],
        [
            "patch", "--mode", "cross-model", "--donor", other.model.path, "--component", "pattern,v", "--estimate",
            "--exact", "3", "--random-sets", "2", "--count", "6", "--per-prompt",
        ],
        ["patch", "--mode", "activation", "--site", "mlp", "--estimate", "--exact", "4", "--count", "8"],
        ["knockout", "--heads", "all", "--position", "END", "--each", "--count", "8", "--abc-count", "20"],
        ["knockout", "--class", "name mover", "--mlps", "1", "--count", "8", "--scale", "gap"],
        ["faithfulness", "--surface", "--random-sets", "2", "--count", "6"],
        ["faithfulness", "--ablate", "optimal", "--count", "6", "--per-prompt"],
        [
            "circuit", "validate", "--minimality-sets", "greedy", "--objective", "both", "--greedy-runs", "2",
            "--greedy-steps", "2", "--count", "6", "--per-prompt",
        ],
        [
            "circuit", "discover", "--method", "eap-ig", "--rule", "left", "--edges", "40", "--curve", "--resamples",
            "3", "--count", "6",
        ],
        ["circuit", "discover", "--method", "acdc", "--threshold", "0", "--count", "4"],
        ["model", "check"],
    ]

    @Test(arguments: commands)
    func everyCommandComesOutAgain(_ arguments: [String]) async throws {
        let file = try await Self.record(arguments)
        let run = try await Program.run(["verify", file.path, "--threads", "2"] + Self.exact)
        #expect(run.status == 0, "\(run.output) \(run.errors)")
        #expect(run.errors.hasPrefix("model model at \(Self.model.model.path)\n"))
        #expect(run.errors.contains("1 of 1: "))
        let again = try await Self.verify([file], "--format", "json")
        let document = try #require(try JSONSerialization.jsonObject(with: Data(again.output.utf8)) as? [String: Any])
        #expect(document["schema"] as? String == "ioi/1" && document["command"] as? String == "verify")
        let results = try #require(document["results"] as? [String: Any])
        let entry = try #require((results["files"] as? [[String: Any]])?.first)
        #expect(results["passed"] as? Bool == true && (entry["moved"] as? [Any])?.isEmpty == true)
        #expect(entry["command"] as? String == arguments.prefix(2).filter { !$0.hasPrefix("-") }.joined(separator: " "))
        #expect((entry["compared"] as? Int) ?? 0 > 10)
    }

    /// Fields that an older version did not write are no difference.
    @Test func anOlderFileComesOutAgain() async throws {
        let file = try await Self.record(["eval", "--count", "6", "--per-prompt"])
        var older = file
        for field in EvaluationExperiment.later.sorted() {
            older = try Self.altered(older, ["results", field], to: nil)
            for prompt in 0..<6 { older = try Self.altered(older, ["results", "per_prompt", prompt, field], to: nil) }
        }
        let results = try #require(try Self.json(older)["results"] as? [String: Any])
        #expect(results["io_over_names"] == nil && results["logit_difference"] != nil)
        let run = try await Self.verify([older])
        #expect(run.status == 0, "\(run.output)")
        let moved = try Self.altered(file, ["results", "io_over_names", "mean"], to: 99.5)
        #expect(try await Self.verify([moved]).status == 3)
    }

    /// A file of prompts, a circuit and sentences of a user's own are read where they were.
    @Test func filesAreFoundWhereTheyWere() async throws {
        let folder = try Self.folder()
        let circuit = folder.appendingPathComponent("own.json")
        try FileManager.default.copyItem(at: Self.model.model.appendingPathComponent("circuit.json"), to: circuit)
        let prompts = folder.appendingPathComponent("own.jsonl")
        let data = ["data", "--model", Self.model.model.path, "--count", "6", "--out", prompts.path]
        #expect(try await Program.run(data).status == 0)
        let file = try await Self.record(["faithfulness", "--circuit", circuit.path, "--data", prompts.path])
        #expect(try await Program.run(["verify", file.path, "--threads", "2"] + Self.exact).status == 0)

        // Other prompts under the same name are a difference by themselves.
        let lines = try String(contentsOf: prompts, encoding: .utf8).split(separator: "\n")
        try lines.dropLast().joined(separator: "\n").write(to: prompts, atomically: true, encoding: .utf8)
        let changed = try await Self.verify([file])
        #expect(changed.status == 3 && changed.output.contains("\n  dataset.sha256: recorded \""))
        try FileManager.default.removeItem(at: circuit)
        let gone = try await Self.verify([file])
        #expect(gone.status == 1 && gone.complaints.count == 1)
        #expect(gone.errors.contains("\(file.path): cannot be repeated: ") && gone.errors.contains(circuit.path))
    }

    @Test func otherThreadsAreMentionedAndWithinTolerance() async throws {
        let file = try await Self.record(["eval", "--count", "20", "--per-prompt"])
        let run = try await Program.run(["verify", file.path, "--threads", "1"])
        #expect(run.status == 0, "\(run.output)")
        #expect(run.output.contains("note: threads: found 1, recorded 2"))
    }

    /// What fine-tuning leaves, where it was and in a run folder that has moved.
    @Test func theResultsOfARunAreVerified() async throws {
        let folder = try Self.folder()
        let (run, moved) = (folder.appendingPathComponent("run"), folder.appendingPathComponent("moved"))
        let trained = try await Program.run(
            [
                "finetune", "--model", Self.model.model.path, "--count", "64", "--epochs", "1", "--eval-count", "16",
                "--threads", "2", "--out", run.path,
            ]
        )
        #expect(trained.status == 0, "\(trained.errors)")
        func files(_ run: URL) -> [URL] {
            ["000", "001"].map { run.appendingPathComponent("results/eval-epoch-\($0).json") }
        }
        let first = try await Self.verify(files(run), "--tolerance", "0", "--relative", "0")
        #expect(first.status == 0, "\(first.output) \(first.errors)")
        #expect(first.output.contains("passed: all "))
        try FileManager.default.moveItem(at: run, to: moved)
        let second = try await Self.verify(files(moved), "--tolerance", "0", "--relative", "0")
        #expect(second.status == 0, "\(second.output) \(second.errors)")
        #expect(second.errors.contains("epoch-001 at \(moved.path)/checkpoints/epoch-001"))
    }

    /// Also where a model's circuit is searched for and there is none.
    @Test func theResultsOfAPlanAreVerified() async throws {
        let model = try Plans.model()
        let plan = try Plans.plan { plan in
            plan.stages[0].measure.append(.init(.circuit))
            plan.walk?.logits = 1e6
        }
        let record = try Plans.run(model, plan: plan, stages: ["base", "clean"]).record
        let files = record.measurements.map { model.file("run/\($0.file)") }
        #expect(Set(record.measurements.map(\.measure)).count >= 6)
        let run = try await Self.verify(files, "--tolerance", "0", "--relative", "0")
        #expect(run.status == 0, "\(run.output) \(run.errors)")
        #expect(run.output.contains("passed: all ") && run.output.contains(" of \(files.count) files within tolerance"))
    }

    // MARK: The project's own baseline

    /// What Scripts/make-baseline.sh wrote comes out of this version on this machine.
    static let baseline = ["eval", "faithfulness", "patch-path"].map {
        Fixtures.folder.appendingPathComponent("baseline/\($0).json")
    }

    @Test func theBaselineHolds() async throws {
        let run = try await Program.run(["verify"] + Self.baseline.map(\.path))
        #expect(run.status == 0, "\(run.output) \(run.errors)")
    }

    @Test func theBaselineWouldNotHoldOtherwise() async throws {
        for (file, path) in zip(
            Self.baseline,
            [["logit_difference", "mean"], ["ratio"], ["original"]]
        ) {
            let results = try #require(try Self.json(file)["results"] as? [String: Any])
            let value = path.dropFirst().reduce(results[path[0]]) { ($0 as? [String: Any])?[$1] }
            let number = try #require(value as? Double)
            // Less than a hundredth, and more than rounding.
            let altered = try Self.altered(file, ["results"] + path, to: number * 1.008)
            let run = try await Self.verify([altered])
            #expect(run.status == 3)
            let moved = run.output.split(separator: "\n").filter { $0.hasPrefix("  results.") }
            #expect(moved.count == 1 && moved[0].hasPrefix("  results.\(path.joined(separator: ".")): recorded "))
        }
    }

    // MARK: What does not is named

    @Test func aFigureThatMovedIsNamed() async throws {
        let folder = try Self.folder()
        let good = try await Self.record(["eval", "--count", "12"], as: "good.json", in: folder)
        let map = try await Self.record(["patch", "--mode", "activation", "--count", "6"], as: "map.json", in: folder)
        let results = try #require(try Self.json(map)["results"] as? [String: Any])
        let value = (results["effect"] as! [[Double]])[1][2]
        let bad = try Self.altered(map, ["results", "effect", 1, 2], to: value + 5)
        let junit = folder.appendingPathComponent("junit.xml")
        let run = try await Self.verify([good, bad], "--junit", junit.path)
        #expect(run.status == 3 && run.complaints.isEmpty)
        let lines = run.output.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("\(good.path): eval, ") && $0.hasSuffix(", all within tolerance") })
        #expect(lines.contains { $0.hasPrefix("\(bad.path): patch, ") && $0.hasSuffix(", 1 moved") })
        #expect(lines.count { $0.hasPrefix("  results.") } == 1)
        #expect(lines.contains { $0.hasPrefix("  results.effect[1][2]: recorded ") && $0.contains("difference 5, ") })
        #expect(lines.contains { $0.hasPrefix("FAILED: 1 of ") && $0.hasSuffix("in 1 of 2 files") })

        let report = try XMLReader(Data(contentsOf: junit))
        #expect(report.all("testsuite").map { $0["name"] } == [good.path, bad.path])
        #expect(report.all("testsuite").map { $0["failures"] } == ["0", "1"])
        #expect(report.all("testcase").count { $0["name"] == "results.effect" } == 1)
        #expect(report.all("failure").map { $0["message"] } == ["1 of 8 figures moved"])

        let json = try await Self.verify([good, bad], "--format", "json")
        #expect(json.status == 3)
        let document = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let found = try #require(document["results"] as? [String: Any])
        let moved = try #require(((found["files"] as? [[String: Any]])?[1]["moved"] as? [[String: Any]])?.first)
        #expect(found["passed"] as? Bool == false && moved["path"] as? String == "results.effect[1][2]")
        #expect(
            abs((moved["recorded"] as! Double) - (value + 5)) < 1e-9 && abs((moved["found"] as! Double) - value) < 1e-9)
        #expect((moved["tolerance"] as! Double) < 0.1)
        let csv = try await Self.verify([good, bad], "--format", "csv").output.split(separator: "\n")
        #expect(csv.count == 2 && csv[1].hasPrefix("\(bad.path),results.effect[1][2],"))

        #expect(try await Self.verify([bad], "--tolerance", "5.01").status == 0)
        #expect(try await Self.verify([bad], "--relative", "1000").status == 0)
        #expect(try await Self.verify([bad], "--tolerance", "4.9").status == 3)
    }

    @Test func figuresOfPromptsAreComparedWhereTheyAreRecorded() async throws {
        let file = try await Self.record(["eval", "--count", "12", "--per-prompt"])
        let bad = try Self.altered(file, ["results", "per_prompt", 7, "loss"], to: 0.125)
        let run = try await Self.verify([bad])
        #expect(run.status == 3 && run.output.contains("\n  results.per_prompt[7].loss: recorded 0.125, found "))
        let fewer = try Self.altered(file, ["results", "per_prompt"], to: [])
        let missing = try await Self.verify([fewer])
        #expect(missing.status == 3 && missing.output.contains("results.per_prompt: recorded a list of 0 values"))
    }

    @Test func whatIsNoNumberHasToBeEqual() async throws {
        let file = try await Self.record(["faithfulness", "--count", "6"])
        let text = try Self.altered(file, ["results", "worst", 0, "text"], to: "another")
        #expect(
            try await Self.verify([text]).output.contains("\n  results.worst[0].text: recorded \"another\", found "))
        let missing = try Self.altered(file, ["results", "sparsity"], to: nil)
        #expect(try await Self.verify([missing]).output.contains("\n  results.sparsity: recorded nothing, found 0.0"))
        let null = try Self.altered(file, ["results", "ratio"], to: NSNull())
        #expect(try await Self.verify([null]).output.contains("\n  results.ratio: recorded null, found "))
        let seconds = try Self.altered(file, ["seconds"], to: 1e6)
        #expect(try await Self.verify([seconds]).status == 0)
    }

    @Test func anotherModelIsADifferenceUnlessItIsAskedFor() async throws {
        let model = try TemporaryModel(layers: 2, heads: 4, width: 32)
        let file = try await Self.record(["eval", "--count", "12", "--model", model.model.path])
        let weights = model.model.appendingPathComponent("model.safetensors")
        try FileManager.default.removeItem(at: weights)
        try FileManager.default.copyItem(at: Self.other.model.appendingPathComponent("model.safetensors"), to: weights)
        let changed = try await Self.verify([file], "--tolerance", "1e9")
        #expect(changed.status == 3)
        #expect(changed.output.split(separator: "\n").filter { $0.hasPrefix("  ") }.count == 1)
        #expect(changed.output.contains("\n  model.sha256: recorded \""))

        for model in [Self.other.model.path, "model=\(Self.other.model.path)"] {
            let asked = try await Self.verify([file], "--tolerance", "1e9", "--model", model)
            #expect(asked.status == 0, "\(asked.output)")
            #expect(asked.output.contains("note: model: differs from the recorded one, as requested"))
        }
        let moved = try await Self.verify([file], "--model", Self.other.model.path)
        #expect(moved.status == 3 && moved.output.contains("\n  results.logit_difference.mean: recorded "))

        try FileManager.default.removeItem(at: model.model)
        let gone = try await Self.verify([file])
        #expect(gone.status == 1 && gone.complaints.count == 1)
        #expect(gone.errors.contains("\(file.path): model: found no model \"model\" at \(model.model.path)"))
        #expect(try await Self.verify([file], "--model", Self.model.model.path).status == 0)
    }

    @Test func anotherDonorIsADifferenceUnlessItIsAskedFor() async throws {
        let folder = try Self.folder()
        let donor = folder.appendingPathComponent("donor")
        try FileManager.default.copyItem(at: Self.other.model, to: donor)
        let file = try await Self.record(
            ["patch", "--mode", "cross-model", "--donor", donor.path, "--random-sets", "0", "--count", "6"]
        )
        try FileManager.default.removeItem(at: donor)
        let gone = try await Self.verify([file])
        #expect(gone.status == 1 && gone.errors.contains("donor: found no model \"donor\" at \(donor.path)"))
        let same = try await Self.verify([file], "--donor", "donor=\(Self.other.model.path)")
        #expect(same.status == 0, "\(same.output) \(same.errors)")
        try FileManager.default.copyItem(at: Self.model.model, to: donor)
        let changed = try await Self.verify([file])
        #expect(changed.status == 3 && changed.output.contains("\n  donor.sha256: recorded \""))
    }

    // MARK: Two files

    @Test func twoFilesAreComparedAndNothingIsRun() async throws {
        let folder = try Self.folder()
        let model = folder.appendingPathComponent("model")
        try FileManager.default.copyItem(at: Self.model.model, to: model)
        let arguments = ["patch", "--mode", "path", "--model", model.path, "--count"]
        let file = try await Self.record(arguments + ["6"], as: "a.json", in: folder)
        let other = try await Self.record(arguments + ["7"], as: "b.json", in: folder)
        let eval = try await Self.record(["eval", "--model", model.path, "--count", "6"], as: "e.json", in: folder)
        try FileManager.default.removeItem(at: model)
        let same = try await Self.verify([file], "--against", file.path, "--tolerance", "0", "--relative", "0")
        #expect(same.status == 0 && same.errors.isEmpty)
        let changed = try await Self.verify([file], "--against", other.path)
        #expect(changed.status == 3 && changed.output.contains("\n  dataset.sha256: recorded \""))
        #expect(changed.output.contains("\n  results.original: recorded "))
        #expect(changed.output.contains("\n  note: options.prompts.count: found 7, recorded 6"))
        #expect(!changed.output.contains("model.sha256"))
        let strange = try await Self.verify([file], "--against", eval.path)
        #expect(strange.status == 1 && strange.complaints.count == 1)
        #expect(strange.errors.contains("\(eval.path): command: found \"eval\", expected \"patch\""))
    }

    // MARK: What cannot be verified

    static let faults: [(path: [String], value: (any Sendable)?, says: String)] = [
        (["schema"], "ioi/2", "schema: found \"ioi/2\", expected \"ioi/1\""),
        (["schema"], nil, "schema: found nothing, expected a value"),
        (["command"], "bench", "command: found \"bench\", expected results of one of attention, circuit discover, "),
        (["command"], nil, "command: found nothing, expected a value"),
        (["options"], nil, "options: found nothing, expected a value"),
        (["options", "prompts"], nil, "options.prompts: found nothing, expected a value"),
        (["options", "prompts", "count"], "six", "options.prompts.count: found \"six\", expected a number"),
        (["options", "prompts", "count"], -1, "options.prompts.count: found -1, expected 1 to 10000000"),
        (["options", "prompts", "dataset"], "dirty", "options.prompts.dataset: found \"dirty\", "),
        (["options", "random_sets"], -1, "options.random_sets: found -1, expected 0 to 100000"),
        (["options", "method", "abc_count"], 0, "options.method.abc_count: found 0, expected 4 to "),
        (["options", "method", "ablation", "kind"], "optimal", "options.method.ablation.learning.steps: found 0, "),
        (["options", "circuit"], "missing.json", "cannot be repeated: "),
        (["results"], nil, "results: found nothing, expected a value"),
        (["model"], nil, "model: found nothing, expected a value"),
        (["model", "folder"], "/nowhere", "model: found no model \"model\" at /nowhere"),
        (["environment"], "none", "environment: found \"none\", expected an object"),
    ]

    @Test(arguments: faults.indices)
    func aFileThatIsNotAsItHasToBeIsOneComplaint(_ index: Int) async throws {
        let fault = Self.faults[index]
        let file = try await Self.record(["faithfulness", "--count", "4"])
        let run = try await Self.verify([Self.altered(file, fault.path, to: fault.value)])
        #expect(run.status == 1, "\(run.errors)")
        #expect(run.complaints.count == 1 && run.output.isEmpty)
        #expect(run.errors.contains("altered.json: " + fault.says), "\(run.errors)")
    }

    @Test func whatIsNoResultsFileIsOneComplaint() async throws {
        let folder = try Self.folder()
        let file = folder.appendingPathComponent("a.json")
        for (text, says) in [
            ("{\"schema\": ", "not sound JSON"), ("[]", "expected an object"), ("", "not sound JSON"),
        ] {
            try text.write(to: file, atomically: true, encoding: .utf8)
            let run = try await Self.verify([file])
            #expect(run.status == 1 && run.complaints.count == 1, "\(run.errors)")
            #expect(run.errors.contains(file.path) && run.errors.contains(says), "\(run.errors)")
        }
        for file in [folder.appendingPathComponent("missing.json"), folder] {
            let run = try await Self.verify([file])
            #expect(run.status == 1 && run.complaints.count == 1 && run.errors.contains(file.path))
        }
    }

    /// All files are looked at before any is run.
    @Test func aFaultIsFoundBeforeAnythingIsRun() async throws {
        let file = try await Self.record(["eval", "--count", "12"])
        let bad = try Self.altered(file, ["options", "prompts", "seed"], to: "x")
        let run = try await Program.run(["verify", file.path, bad.path])
        #expect(run.status == 1 && run.errors.split(separator: "\n").count == 1, "\(run.errors)")
        #expect(run.errors.contains("options.prompts.seed: found \"x\", expected a number"))
    }

    @Test(arguments: [
        ["--tolerance", "-1"], ["--relative", "nan"], ["--tolerance", "small"], ["--threads", "0"],
        ["--donor", model.model.path], ["--model", "other=\(model.model.path)"], ["--model", "gpt5"],
        ["--model", model.model.path, "--model", other.model.path], ["--against", "FILE", "--model", model.model.path],
    ])
    func wrongUsageIsOneComplaint(_ flags: [String]) async throws {
        let file = try await Self.record(["eval", "--count", "4"])
        let flags = flags.map { $0 == "FILE" ? file.path : $0 }
        let run = try await Program.run(["verify", file.path] + flags)
        #expect(run.status == 64 && run.complaints.count == 1 && run.output.isEmpty, "\(run.errors)")
        if flags.contains("--against") {
            #expect(try await Self.verify([file, file], "--against", file.path).status == 64)
            #expect(try await Program.run(["verify"]).status == 64)
        }
    }

    @Test func anInterruptionIs130() async throws {
        let folder = try Self.folder()
        let file = try await Self.record(["patch", "--mode", "activation", "--count", "4"])
        let long = try Self.altered(file, ["options", "prompts", "count"], to: 40_000)
        let run = try await Program.shell(
            """
            "$IOI" verify '\(long.path)' --junit out.xml 2>errors & process=$!
            while ! grep -q '1 of 1' errors; do sleep 0.05; done
            kill -INT $process; wait $process; code=$?; cat errors >&2; exit $code
            """, in: folder
        )
        #expect(run.status == 130, "\(run.errors)")
        #expect(run.errors.contains("ioi: interrupted at 1 of 1") && run.output.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("out.xml").path))
    }
}
