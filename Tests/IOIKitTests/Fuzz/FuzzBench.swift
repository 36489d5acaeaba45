import Foundation
import TestSupport

@testable import GPT2Kit
@testable import IOIKit

/// A sound file of every kind that the program reads, in a folder of its own.
final class FuzzBench {
    private let model: TemporaryModel
    private let folder: ModelTestFolder
    private(set) var targets: [FuzzTarget] = []

    init() throws {
        model = try TemporaryModel(heads: 2, width: 8, knowing: ChoiceFixture.texts)
        folder = try ModelTestFolder()
        try addModel()
        try addForms()
        try addPrompts()
        try addTasks()
        try addCircuits()
        try addPartialResults()
        try addRun()
        try addPlan()
    }

    private func add(
        _ name: String,
        _ form: DamagedFile.Form,
        _ contents: Data,
        weight: Int = 10,
        read: @escaping (URL) throws -> Void
    ) throws {
        let file = try folder.put("\(name)-file", contents)
        try targets.append(FuzzTarget(name, form, file, weight: weight) { try read(file) })
    }

    private func addModel() throws {
        let copy = folder.file("model")
        try FileManager.default.copyItem(at: model.model, to: copy)
        let workers = Workers(count: 1)
        for (name, form) in [("config.json", DamagedFile.Form.json), ("model.safetensors", .safetensors)] {
            try targets.append(
                FuzzTarget(name, form, copy.appendingPathComponent(name)) {
                    _ = try GPT2(ModelLocation(folder: copy), workers: workers)
                })
        }
        for (name, form) in [("vocab.json", DamagedFile.Form.json), ("merges.txt", .lines)] {
            try targets.append(
                FuzzTarget(name, form, copy.appendingPathComponent(name), weight: 2) {
                    _ = try BPETokenizer(directory: copy)
                })
        }
    }

    /// The model in other forms: a tokenizer in one file, weights in two.
    private func addForms() throws {
        let model = try model.load()
        let vocabulary = try String(contentsOf: self.model.model.appendingPathComponent("vocab.json"), encoding: .utf8)
        let merges = try String(contentsOf: self.model.model.appendingPathComponent("merges.txt"), encoding: .utf8)
            .split(separator: "\n").dropFirst().map(String.init)
        let tokenizer = """
            {"version": "1.0", "added_tokens": [{"id": \(model.config.vocabularySize), "content": "[PAD]", "special": true}],
             "normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
             "post_processor": {"type": "ByteLevel"}, "decoder": {"type": "ByteLevel"},
             "model": {"type": "BPE", "vocab": \(vocabulary),
                       "merges": \(String(decoding: try JSONEncoder().encode(merges), as: UTF8.self))}}
            """
        let file = try folder.put("whole/tokenizer.json", Data(tokenizer.utf8))
        try targets.append(
            FuzzTarget("tokenizer.json", .json, file, weight: 2) {
                _ = try BPETokenizer(directory: file.deletingLastPathComponent())
            })

        let shards = folder.file("shards")
        try FileManager.default.createDirectory(at: shards, withIntermediateDirectories: true)
        let tensors = model.parameters.tensors()
        var map: [String: String] = [:]
        for (name, part) in [("a.safetensors", tensors[..<5]), ("b.safetensors", tensors[5...])] {
            try SafetensorsWriter.write(Array(part), to: shards.appendingPathComponent(name))
            for tensor in part { map[tensor.name] = name }
        }
        let index = try folder.put("shards/model.safetensors.index.json", JSONEncoder().encode(["weight_map": map]))
        try targets.append(
            FuzzTarget("model.safetensors.index.json", .json, index) { _ = try GPT2Checkpoint(contentsOf: index) })
    }

    private func addPrompts() throws {
        let model = try model.load()
        let tokenizer = try model.requireTokenizer()
        func add(_ name: String, _ form: DamagedFile.Form, _ contents: Data) throws {
            try self.add(name, form, contents) { file in
                var source = PromptSource(count: 1)
                source.file = file.path
                _ = try source.data(for: model)
            }
        }
        let ioi = try PromptSource(count: 4).prompts(for: model)
        try add("IOI lines", .lines, ioi.jsonLines)
        var source = PromptSource(count: 4)
        source.dataset = "pronouns"
        let pairs = try source.data(for: model)
        try add("lines", .lines, pairs.contents(as: .lines, tokenizer: tokenizer))
        try add("AutoCircuit", .json, pairs.contents(as: .autoCircuit, tokenizer: tokenizer))
        try add("table", .lines, pairs.contents(as: .table, tokenizer: tokenizer))
        let sentences = ioi.prompts.map { $0.text + $0.answer }.joined(separator: "\n")
        try self.add("sentences", .lines, Data(sentences.utf8)) { file in
            _ = try PromptSource(count: 1).data(ofSentencesIn: file, tokenizer: tokenizer, config: model.config)
        }
        try self.add("text", .lines, Data(sentences.utf8)) { file in
            _ = try TrainingSource.text(TextSource(paths: [file.path])).data(for: model, as: .blocks(of: 8))
        }
    }

    private func addTasks() throws {
        let model = try model.load()
        for (name, form) in [("templates.json", DamagedFile.Form.json), ("names.txt", .lines)] {
            try add(name, form, Data(contentsOf: DataDirectory.file(name)), weight: 2) { file in
                var source = PromptSource(count: 2)
                if form == .json { source.templates = file.path } else { source.names = file.path }
                _ = try source.data(for: model)
            }
        }
        for task in ChoiceTask.allCases {
            let words = try Data(contentsOf: DataDirectory.file("tasks/\(task.rawValue).json"))
            try add("\(task) words", .json, words, weight: 2) { file in
                var source = PromptSource(count: 2)
                (source.dataset, source.templates) = (task.rawValue, file.path)
                _ = try source.data(for: model)
            }
        }
    }

    private func addCircuits() throws {
        let config = try model.load().config
        try add("circuit", .json, Self.circuit.json) { _ = try Circuit(contentsOf: $0, for: config) }
        let edges = EdgeSet(all: Graph(config))
        let scores = (0..<edges.graph.edgeCount).map { Double($0) / 7 - 3 }
        try add("MIB circuit", .json, MIBCircuit(edges, scores: scores, width: config.width).json, weight: 2) {
            _ = try MIBCircuit(contentsOf: $0, for: config)
        }
        try add("receivers", .lines, Data("logits\nq:1.0,1.1@END # comment\n\nm1@S2\n".utf8)) {
            _ = try Receiver.list(contentsOf: $0)
        }
        try add("checks.json", .json, Data(contentsOf: DataDirectory.file("checks.json")), weight: 2) {
            _ = try ModelExpectations.all(contentsOf: $0)
        }
    }

    private static let circuit = try! Circuit(
        model: "m",
        classes: [
            HeadClass(name: "name mover", heads: [Head(1, 0), Head(1, 1)], position: .one(.end)),
            HeadClass(name: "early", heads: [Head(0, 1)], position: .one(.s2)),
        ]
    )

    /// Of a sweep over two prompts that was stopped after the first.
    private func addPartialResults() throws {
        let results = folder.file("patch.json")
        let model = try model.load()
        let experiment = PatchExperiment(
            mode: .activation(.init(site: .z, positions: [.one(.end)], denoise: false)),
            prompts: PromptSource(count: 2),
            aggregation: .ratioOfMeans)
        func resume() throws {
            let partial = try PartialResults(besides: results, deciding: ["fuzz"])
            let settings = RunSettings(workers: Workers(count: 1))
            _ = try experiment.run(on: Subject(of: experiment, model), Work(settings, partial: partial))
        }
        var begun = PatchMeasures(cells: 4)
        (begun.original, begun.donor, begun.patched) = ([1.5], [0], [[1], [2], [3], [4]])
        let partial = try PartialResults(besides: results, deciding: ["fuzz"])
        _ = try? partial.measure("activation", PatchMeasures.Size(cells: 4, prompts: 2)) { _ in
            throw PatchInterruption(measures: begun)
        }
        try targets.append(
            FuzzTarget("partial results", .json, folder.file("patch.json.partial"), weight: 5, read: resume))
    }

    private func addRun() throws {
        _ = try FinetuneRun.start(model, "trained").train()
        let run = RunFolder(model.file("trained"))
        let checkpoint = run.checkpoints.appendingPathComponent("epoch-004")
        let model = try model.load()
        let files: [(String, DamagedFile.Form, URL)] = [
            ("run's config.json", .json, run.configFile), ("metrics.jsonl", .lines, run.metricsFile),
            ("progress.json", .json, checkpoint.appendingPathComponent("progress.json")),
            ("evaluation of an epoch", .json, run.results.appendingPathComponent("eval-epoch-001.json")),
        ]
        for (name, form, file) in files {
            try targets.append(
                FuzzTarget("\(name) in a report", form, file, weight: 2) { try Self.write(run.report()) })
            guard form == .json, name != "evaluation of an epoch" else { continue }
            try targets.append(
                FuzzTarget("\(name) to resume", form, file, weight: 2) {
                    _ = try FinetuneJob.resume(run, load: { _ in model })
                })
        }
        try targets.append(
            FuzzTarget(
                "optimizer.safetensors", .safetensors, checkpoint.appendingPathComponent("optimizer.safetensors")
            ) {
                _ = try Checkpoint(folder: checkpoint).optimizer(
                    model.config, settings: TrainingSettings(epochs: 1, threads: 1, savedEpochs: []),
                    workers: Workers(count: 1)
                )
            })
    }

    private static func write(_ report: any Report) {
        _ = report.html
        _ = report.charts.map(\.svg)
        _ = report.tables.map(\.csv)
    }

    private func addPlan() throws {
        try Self.circuit.json.write(to: model.model.appendingPathComponent("circuit.json"))
        var plan = try PlanRun.plan { $0.model = model.model.path }
        plan.circuit = nil
        try PlanRun.run(model, "plan", plan: plan)
        let run = RunFolder(model.file("plan"))
        try add("plan", .json, JSONEncoder().encode(plan)) { _ = try Plan.named($0.path) }

        let record = run.url.appendingPathComponent(ReproductionRecord.fileName)
        try targets.append(
            FuzzTarget("reproduce.json", .json, record, weight: 2) { try Self.write(run.report()) })
        for name in try FileManager.default.contentsOfDirectory(atPath: run.results.path).sorted()
        where name.hasPrefix("clean@1-") || name.hasPrefix("base-") {
            let file = run.results.appendingPathComponent(name)
            let kind = name.split(separator: "-").prefix(2).joined(separator: " ")
            try targets.append(
                FuzzTarget("\(kind) in a report", .json, file, weight: 2) { try Self.write(run.report()) })
            let sound = try folder.put(name, Data(contentsOf: file))
            try targets.append(
                FuzzTarget("\(kind) to verify", .json, file, weight: 5) {
                    _ = try Verification([file.path], tolerance: .init())
                    let results = try Verification.compare(file.path, against: sound.path, tolerance: .init())
                    _ = JUnitReport(results).xml
                })
        }
    }

    private enum FinetuneRun: FinetuneRuns {}
    private enum PlanRun: ReproductionRuns {}
}
