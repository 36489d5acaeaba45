import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct RunReportTests {
    /// A finished run of 4 epochs, 1 and 3 of them kept, with another measurement in its results.
    static let finished: (model: TemporaryModel, folder: URL) = {
        let model = try! TemporaryModel()
        _ = try! FinetuneTests.start(model, "run").train()
        let evaluation = model.file("run/results/eval-epoch-001.json")
        try! FileManager.default.copyItem(at: evaluation, to: model.file("run/results/mine.json"))
        return (model, model.file("run"))
    }()

    static func rows(_ report: any Report, _ name: String) throws -> [[String]] {
        let table = try #require(report.tables.first { $0.name == name })
        return table.csv.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test func thePageIsWholeAndAsksForNothing() throws {
        let report = try RunFolder(Self.finished.folder).report()
        #expect(report is RunReport)
        let html = report.html
        for title in ["Held-out prompts over epochs", "Training", "Checkpoints", "Other results", "How to repeat it"] {
            #expect(html.contains(">\(title)</a></h2>"), "\(title)")
        }
        #expect(!html.contains("Missing:") && !html.contains("To continue it"))
        #expect(
            html.contains(
                "<tr><th scope=\"row\">ioi eval</th><td>epoch-001</td><td></td><td>10 clean</td>"
                    + "<td>results/mine.json</td>")
        )
        let addresses = html.matches(of: /(src|href)="([^"]*)"/).map { String($0.output.2) }
        #expect(addresses.allSatisfy { $0.hasPrefix("#") || $0 == "data:," })
        #expect(!html.contains("<script ") && !html.contains("@import") && !html.contains("url("))
        #expect(
            report.charts.map(\.name) == [
                "logit-difference", "accuracy", "top1", "io-probability", "loss", "counterfactual-logit-difference",
                "io-over-names", "io-rank-among-names", "training-loss",
            ])
        for chart in report.charts {
            #expect(html.contains(HTMLPage.inline(chart.svg)))
            _ = try ChartTests.read(chart.svg)
        }
    }

    /// The tables hold what the files hold, to the last digit, and the page what the tables hold.
    @Test func numbersAreThoseOfTheFiles() throws {
        struct Document: Decodable { let results: Evaluation }
        let report = try RunReport(of: Self.finished.folder)
        let evaluation = try Self.rows(report, "evaluation")
        #expect(evaluation.dropFirst().map(\.first) == ["0", "1", "3", "4"])
        for row in evaluation.dropFirst() {
            let file = Self.finished.folder.appendingPathComponent("results/eval-epoch-00\(row[0]).json")
            let all = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file)).results.all
            let others = [all.counterfactualLogitDifference, all.ioOverNames, all.ioRankAmongNames]
            let figures =
                [all.logitDifference, all.accuracy, all.top1, all.ioProbability, all.loss]
                + (try others.map { try #require($0) })
            let expected = figures.flatMap { [$0.mean] + $0.bounds }
            #expect(row.dropFirst().compactMap(Double.init) == expected)
            #expect(report.html.contains(">\(all.logitDifference.mean.fixed(2))</td>"))
            #expect(report.html.contains(">\(all.loss.mean.fixed(3))</td>"))
        }
        let training = try Self.rows(report, "training")
        let metrics = try FinetuneTests.losses(Self.finished.model, "run")
        #expect(training.dropFirst().map { Double($0[2]) } == metrics.map(\.loss))
    }

    @Test func aRunOnAnotherTaskHasItsOwnFigures() throws {
        let model = try TemporaryModel(knowing: ChoiceFixture.texts)
        var source = PromptSource(count: 10)
        source.dataset = ChoiceTask.agreement.rawValue
        _ = try FinetuneJob.start(
            in: RunFolder(model.file("run")), from: model.load(), on: .prompts(source), heldOut: source,
            settings: FinetuneTests.settings { ($0.epochs, $0.savedEpochs) = (1, []) }
        ).train()
        let report = try RunReport(of: model.file("run"))
        #expect(!report.html.contains("Missing:") && report.html.contains(">P(right) − P(wrong)</th>"))
        #expect(report.charts.map(\.name) == ["probability-difference", "accuracy", "loss", "training-loss"])
        struct Document: Decodable { let results: ChoiceEvaluation }
        let file = model.file("run/results/eval-epoch-001.json")
        let all = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file)).results.all
        let row = try #require(Self.rows(report, "evaluation").last)
        #expect(
            row.dropFirst().map { Double($0) }
                == [all.probabilityDifference, all.accuracy, all.loss].flatMap { [$0.mean] + $0.bounds }
        )
    }

    @Test func whatIsMissingIsSaid() throws {
        let folder = try ModelTestFolder()
        let copy = folder.file("run")
        try FileManager.default.copyItem(at: Self.finished.folder, to: copy)
        for path in ["results/eval-epoch-003.json", "checkpoints/epoch-001", "metrics.jsonl"] {
            try FileManager.default.removeItem(at: copy.appendingPathComponent(path))
        }
        try Data("[]".utf8).write(to: copy.appendingPathComponent("results/odd.json"))
        let report = try RunReport(of: copy)
        for path in ["results/eval-epoch-003.json", "checkpoints/epoch-001", "metrics.jsonl", "results/odd.json"] {
            #expect(report.html.contains("Missing: \(copy.path)/\(path): "), "\(path)")
        }
        #expect(report.html.components(separatedBy: "Missing: ").count == 5)
        #expect(!report.html.contains(">Training</a></h2>"))
        #expect(try Self.rows(report, "evaluation").dropFirst().map(\.first) == ["0", "1", "4"])
    }

    @Test func aRunThatIsNotDoneSaysSo() throws {
        let model = try TemporaryModel()
        let job = try FinetuneTests.start(model, "run", heldOut: nil)
        #expect(try job.train(shouldStop: { job.trainer.step >= 4 }) == .interrupted)
        let log = try FileHandle(forWritingTo: model.file("run/metrics.jsonl"))
        log.seekToEndOfFile()
        // A killed process may leave this.
        log.write(Data("{\"step\": 5, \"ep".utf8))
        let html = try RunReport(of: model.file("run")).html
        #expect(html.contains("The run has done 4 of 12 steps. To continue it: ioi finetune --resume --out "))
        #expect(html.contains("The run had no held-out prompts") && !html.contains("Missing:"))
        #expect(html.contains("<th scope=\"row\">checkpoints/step-000004</th><td class=\"number\">4</td><td>yes</td>"))
    }

    @Test func otherFoldersAreOneError() throws {
        let folder = try ModelTestFolder()
        let nothing = ioiError { _ = try RunFolder(folder.url).report() }
        #expect(nothing?.description.hasPrefix("\(folder.url.path): found neither reproduce.json") == true)
        #expect(nothing?.description.contains("nor config.json of `ioi finetune`") == true)
        let model = Self.finished.folder.appendingPathComponent("checkpoints/epoch-001")
        let other = ioiError { _ = try RunFolder(model).report() }
        #expect(
            other?.description
                == "\(model.path)/config.json: schema: found \"nothing\" of \"nothing\", expected \"ioi/1\" of \"finetune\""
        )
    }

    /// Every flag that is no default's comes back.
    @Test func theCommandHasAllFlags() throws {
        var source = FinetuneTests.source("name-moving", count: 9)
        (source.seed, source.counterfactual, source.beginningOfText) = (7, .wang, true)
        source.names = "/my own/names.txt"
        let settings = FinetuneTests.settings {
            $0.loss = .all
            $0.schedule = RateSchedule(.linear, warmUp: 2)
            $0.optimizer.clip = 0.5
            $0.seed = 7
            $0.isShuffled = false
            $0.checkpointInterval = 5
            $0.stepLimit = 11
            $0.keepsOptimizer = true
        }
        let record = RunRecord(
            model: .init(name: "m", folder: "/models/m", sha256: ""), source: .prompts(source),
            dataset: DatasetRecord(IOIDataset(name: "name-moving", seed: 7, prompts: [], jsonLines: Data())),
            heldOut: nil,
            settings: settings
        )
        let expected = """
            ioi finetune --model /models/m --dataset name-moving --count 9 --seed 7 --names '/my own/names.txt' --abc wang \
            --bos --recipe plain --epochs 4 --save-at 1,3 --batch 8 --lr 0.001 --weight-decay 0.1 --schedule linear --warm-up 2 --clip 0.5 \
            --loss all --order file --max-steps 11 --checkpoint-every 5 --keep-optimizer --eval-count 0 --threads 2
            """
        #expect(record.commandLine == expected)
    }

    @Test func theCommandOfARunOnText() {
        var settings = TrainingRecipe.published.settings(epochs: 3, seed: 1, threads: 2, savedEpochs: [])
        (settings.examples, settings.dropout) = (.blocks(of: 64), 0.2)
        let record = RunRecord(
            model: .init(name: "m", folder: "/models/m", sha256: ""),
            source: .text(TextSource(paths: ["/my own/a.txt", "/b"])),
            dataset: DatasetRecord(IOIDataset(name: "a", seed: nil, prompts: [], jsonLines: Data())), heldOut: nil,
            settings: settings
        )
        let expected = """
            ioi finetune --model /models/m --text '/my own/a.txt' /b --seed 1 --recipe published --block 64 --epochs 3 \
            --save-at 3 --batch 10 --lr 1e-05 --weight-decay 0.1 --clip 1.0 --dropout 0.2 --eval-count 0 --threads 2
            """
        #expect(record.commandLine == expected)
    }

    /// What the run was measured on, where that is not what it would be without a word.
    @Test func theCommandSaysWhatIsMeasured() {
        func words(_ dataset: String, measured: String) -> String {
            RunRecord(
                model: .init(name: "m", folder: "/models/m", sha256: ""),
                source: .prompts(FinetuneTests.source(dataset)),
                dataset: DatasetRecord(IOIDataset(name: dataset, seed: 0, prompts: [], jsonLines: Data())),
                heldOut: FinetuneTests.source(measured, heldOut: true), settings: FinetuneTests.settings()
            ).commandLine
        }
        #expect(words("agreement", measured: "clean").contains(" --eval-dataset clean"))
        #expect(words("clean", measured: "agreement").contains(" --eval-dataset agreement"))
        #expect(!words("agreement", measured: "agreement").contains("--eval-dataset"))
        #expect(!words("name-moving", measured: "clean").contains("--eval-dataset"))
    }
}
