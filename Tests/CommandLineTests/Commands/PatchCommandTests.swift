import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi patch` and `ioi knockout`: documents, exit codes, one-line errors, interruptions.
@Suite struct PatchCommandTests {
    /// Of the shape whose circuit is known, and narrow; the circuit lies with it.
    static let model = {
        let model = try! TemporaryModel(layers: 12, heads: 12, width: 24)
        try! FileManager.default.copyItem(
            at: DataDirectory.file("circuits/gpt2-small.json"), to: model.model.appendingPathComponent("circuit.json")
        )
        return model
    }()
    static let other = try! TemporaryModel(layers: 12, heads: 12, width: 24, seed: 1)
    static let small = CommandTests.model
    static var path: String { model.model.path }

    static func document(_ arguments: [String]) async throws -> [String: Any] {
        let run = try await Program.run(
            arguments + ["--format", "json", "--model", Self.path, "--count", "6", "--seed", "2", "--quiet"]
        )
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.complaints.filter { !$0.hasPrefix("donor ") }.isEmpty)
        return try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    }

    @Test func aHeadMapIsTheContracts() async throws {
        for arguments in [
            ["patch", "--mode", "activation", "--site", "z", "--position", "END", "--per-prompt"],
            ["patch", "--mode", "path", "--receiver", "q:9.9,9.6@END", "--receiver", "v:8.6@S2", "--per-prompt"],
        ] {
            let document = try await Self.document(arguments)
            #expect(document["schema"] as? String == "ioi/1" && document["command"] as? String == "patch")
            #expect((document["options"] as? [String: Any])?["mode"] as? String == arguments[2])
            let results = try #require(document["results"] as? [String: Any])
            let original = try #require(results["original"] as? Double)
            let patched = try #require(results["patched"] as? [[Double]])
            let effect = try #require(results["effect"] as? [[Double]])
            let intervals = try #require(results["ci95"] as? [[[Double]]])
            #expect(patched.count == 12 && patched.allSatisfy { $0.count == 12 })
            let each = try #require((results["per_prompt"] as? [String: Any])?["patched"] as? [[[Double]]])
            var largest = 0.0
            for layer in 0..<12 {
                for head in 0..<12 {
                    let mean = each[layer][head].reduce(0, +) / 6
                    #expect(abs(mean - patched[layer][head]) < 1e-9)
                    #expect(abs(effect[layer][head] - 100 * (mean - original) / original) < 1e-6)
                    #expect(intervals[layer][head][0] <= intervals[layer][head][1])
                    largest = max(largest, abs(effect[layer][head]))
                }
            }
            #expect(largest > 0.001)
        }
    }

    @Test func aLayerMapHasAnEntryForEachLayer() async throws {
        for arguments in [
            ["patch", "--mode", "path", "--sender", "mlps"],
            ["patch", "--mode", "activation", "--site", "mlp", "--position", "S2"],
        ] {
            let results = try #require(try await Self.document(arguments)["results"] as? [String: Any])
            #expect((results["patched"] as? [Double])?.count == 12)
            #expect((results["ci95"] as? [[Double]])?.count == 12)
        }
        let results = try #require(
            try await Self.document(["patch", "--mode", "activation", "--site", "resid"])["results"] as? [String: Any]
        )
        #expect(results["positions"] as? [String] == ["IO", "S1", "S1+1", "S2", "END"])
        #expect((results["effect"] as? [[Double]])?.map(\.count) == Array(repeating: 5, count: 12))
    }

    @Test func crossModelMapsEachDirectionAndTheCircuitAgainstOthers() async throws {
        let document = try await Self.document(
            [
                "patch", "--mode", "cross-model", "--donor", Self.other.model.path, "--component", "pattern",
                "--direction", "both", "--random-sets", "3",
            ]
        )
        #expect((document["donor"] as? [String: Any])?["sha256"] as? String == (try Self.other.load().sha256()))
        let results = try #require(document["results"] as? [String: [String: Any]])
        #expect(Set(results.keys) == ["donor-to-host", "host-to-donor"])
        let (there, back) = (results["donor-to-host"]!, results["host-to-donor"]!)
        #expect(abs((there["original"] as! Double) - (back["donor"] as! Double)) < 1e-6)
        #expect((there["effect"] as? [[Double]])?.count == 12 && (there["recovered"] as? [[Double]])?.count == 12)
        let sets = try #require(there["sets"] as? [[String: Any]])
        #expect(sets.count == 9 && sets[0]["name"] as? String == "circuit" && sets[8]["name"] as? String == "outside")
        #expect((sets[0]["heads"] as? [String])?.count == 26 && (sets[8]["heads"] as? [String])?.count == 118)
        #expect(((there["random_sets"] as? [String: Any])?["effects"] as? [Double])?.count == 3)
    }

    @Test func knockoutGivesWhatIsLeft() async throws {
        let document = try await Self.document(
            ["knockout", "--class", "name mover", "--heads", "0.1@S2,3.0", "--mlps", "0@END", "--each", "--per-prompt"]
        )
        let results = try #require(document["results"] as? [String: Any])
        let (original, left) = (results["original"] as! Double, results["knocked_out"] as! Double)
        #expect(abs((results["effect"] as! Double) - 100 * (left - original) / original) < 1e-9)
        let each = try #require(results["each"] as? [[String: Any]])
        #expect(each.map { $0["name"] as? String } == ["0.1@S2", "3.0", "name mover", "MLP 0@END"])
        #expect(((results["per_prompt"] as? [String: Any])?["knocked_out"] as? [Double])?.count == 6)
    }

    @Test func moreCounterfactualsMakeOtherMeans() async throws {
        let few = try await Self.document(["knockout", "--heads", "all"])["results"] as! [String: Any]
        let many =
            try await Self.document(["knockout", "--heads", "all", "--abc-count", "300"])["results"] as! [String: Any]
        #expect(few["original"] as? Double == many["original"] as? Double)
        #expect(few["knocked_out"] as? Double != many["knocked_out"] as? Double)
    }

    @Test func textAndCSVAreForPeopleAndTables() async throws {
        let common = ["--model", Self.path, "--count", "4"]
        let text = try await Program.run(["patch", "--mode", "activation"] + common)
        #expect(text.status == 0)
        #expect(text.output.contains("z at END from counterfactual into prompt: effect in %, 4 clean prompts"))
        #expect(!text.output.contains("\u{1B}"), "colours in a pipe")
        let csv = try await Program.run(["patch", "--mode", "path", "--format", "csv"] + common)
        let lines = csv.output.split(separator: "\n")
        #expect(lines.count == 145 && lines[0].hasPrefix("layer,column,patched,") && lines[12].hasPrefix("0,11,"))
    }

    /// What a user types after a fine-tuning; the donor is found, or the error says how to make one.
    @Test func theNewestCheckpointOfTheModelIsTheDonor() async throws {
        let folder = CommandTests.fresh().resolvingSymlinksInPath()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let sweep = ["patch", "--mode", "cross-model", "--model", "embedded", "--count", "3", "--threads", "2"]
        let missing = try await Program.run(sweep, in: folder)
        #expect(missing.status == 64 && missing.complaints.count == 1 && missing.output.isEmpty)
        #expect(
            missing.complaints.first
                == "ioi: --donor: missing, and no run below \(folder.path)/runs has a checkpoint trained from "
                + "embedded; expected a model, or such a run as ioi finetune --model embedded makes"
        )
        let training = ["finetune", "--model", "embedded", "--max-steps", "2", "--eval-count", "0", "--threads", "2"]
        let trained = try await Program.run(training + ["--count", "40", "--epochs", "1"], in: folder)
        #expect(trained.status == 0, "\(trained.errors)")
        let found = try await Program.run(sweep + ["--format", "json", "--random-sets", "1"], in: folder)
        #expect(found.status == 0, "\(found.errors)")
        let checkpoint = "\(folder.path)/runs/embedded-clean/checkpoints/epoch-001"
        #expect(found.complaints.first?.hasPrefix("donor epoch-001 at \(checkpoint)") == true, "\(found.errors)")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(found.output.utf8)) as? [String: Any])
        let weights = URL(fileURLWithPath: "\(checkpoint)/model.safetensors")
        #expect(try (document["donor"] as? [String: Any])?["sha256"] as? String == Digest.sha256(of: weights))
        let named = try await Program.run(
            sweep + ["--format", "json", "--random-sets", "1", "--donor", checkpoint], in: folder)
        let again = try #require(try JSONSerialization.jsonObject(with: Data(named.output.utf8)) as? [String: Any])
        #expect(again["results"] as? NSDictionary == document["results"] as? NSDictionary)
        // From the checkpoint itself nothing was trained; a donor that nobody needs is not looked for.
        let next = try await Program.run(
            ["patch", "--mode", "cross-model", "--model", checkpoint, "--count", "3"], in: folder)
        #expect(next.status == 64 && next.complaints.count == 1)
        let alone = try await Program.run(
            ["patch", "--mode", "path", "--model", "embedded", "--count", "3"], in: folder)
        #expect(alone.status == 0 && !alone.errors.contains("donor"))
        let diff = try await Program.run(["model", "diff", "embedded"], in: folder)
        #expect(diff.status == 0 && diff.complaints.first?.hasPrefix("donor epoch-001 at \(checkpoint)") == true)
    }

    @Test func theScaleIsSaidAndRecorded() async throws {
        let arguments = ["patch", "--mode", "path", "--scale", "gap"]
        let document = try await Self.document(arguments + ["--per-prompt"])
        #expect((document["options"] as? [String: Any])?["scale"] as? String == "gap")
        let results = try #require(document["results"] as? [String: Any])
        let evaluation = try await Self.document(["eval", "--per-prompt"])
        let prompts = (evaluation["results"] as? [String: Any])?["per_prompt"] as? [[String: Any]]
        func mean(_ field: String) throws -> Double {
            try #require(prompts).map { $0[field] as! Double }.reduce(0, +) / 6
        }
        let counterfactual = try mean("counterfactual_logit_difference")
        let gap = try mean("logit_difference") - counterfactual
        #expect(abs((results["counterfactual"] as! Double) - counterfactual) < 1e-6)
        #expect(abs((results["gap"] as! Double) - gap) < 1e-6)
        let patched = ((results["per_prompt"] as? [String: Any])?["patched"] as! [[[Double]]])[9][6]
        let effect = 100 * (patched.reduce(0, +) / 6 - (results["original"] as! Double)) / gap
        #expect(abs((results["effect"] as! [[Double]])[9][6] - effect) < 1e-3)
        let text = try await Program.run(arguments + ["--model", Self.path, "--count", "6", "--seed", "2"])
        // With few prompts the gap of a random model may be next to nothing, which the text then says instead.
        let isMeaningless = results["effect_note"] as? String == "meaningless"
        let said = isMeaningless ? "a share of the gap is meaningless here" : "effect in % of the counterfactual gap, 6"
        #expect(text.status == 0 && text.output.contains(said), "\(text.output)")
        let knockout = ["knockout", "--heads", "9.9", "--scale", "gap", "--model", Self.path, "--count", "6"]
        #expect(try await Program.run(knockout).output.contains("effects are in % of the counterfactual gap"))
    }

    @Test func estimatesComeWithTheStrongestMeasured() async throws {
        let arguments = ["patch", "--mode", "cross-model", "--donor", Self.other.model.path, "--estimate"]
        let document = try await Self.document(arguments + ["--exact", "5", "--direction", "both"])
        let options = try #require(document["options"] as? [String: Any])
        #expect((options["estimate"] as? [String: Any])?["exact"] as? Int == 5)
        let results = try #require(document["results"] as? [String: [String: Any]])
        for direction in ["donor-to-host", "host-to-donor"] {
            let found = try #require(results[direction])
            #expect((found["effect"] as? [[Double]])?.count == 12 && (found["sets"] as? [Any])?.count == 9)
            let check = try #require(found["estimate"] as? [String: Any])
            let cells = try #require(check["exact"] as? [[String: Any]])
            #expect(cells.count == 5 && cells.allSatisfy { $0["effect"] is Double && $0["ci95"] is [Double] })
            let map = try #require(found["effect"] as? [[Double]])
            for cell in cells {
                let head = try #require(Head(cell["cell"] as! String))
                #expect(cell["estimate"] as? Double == map[head.layer][head.index])
            }
            #expect(check["rank_correlation"] is Double)
            #expect((check["largest_error"] as! Double) >= (check["mean_error"] as! Double))
        }

        let common = ["--model", Self.path, "--count", "4", "--quiet"]
        let text = try await Program.run(arguments + common)
        #expect(text.status == 0 && text.output.contains(": estimated effect in %, 4 clean prompts"))
        #expect(text.output.contains("the 20 strongest estimates, and what was measured\n"))
        #expect(text.output.contains("\nrank correlation of estimate and effect  "))
        let bare = try await Program.run(arguments + ["--exact", "0"] + common)
        #expect(bare.status == 0 && bare.output.contains("strongest estimates, with 95 % intervals\n"))
        #expect(!bare.output.contains("rank correlation"))
        let csv = try await Program.run(
            ["patch", "--mode", "activation", "--estimate", "--exact", "2", "--format", "csv"] + common)
        let lines = csv.output.split(separator: "\n")
        #expect(lines.count == 145 && lines[0].hasSuffix(",recovered_high,exact,exact_low,exact_high"))
        #expect(lines.dropFirst().count { !$0.hasSuffix(",,,") } == 2)
    }

    @Test func onlyActivationAndCrossModelSweepsAreEstimated() async throws {
        for (arguments, complaint) in [
            (
                ["--mode", "path", "--estimate"],
                "ioi: --estimate: belongs to --mode activation or cross-model, found --mode path"
            ),
            (
                ["--mode", "activation", "--exact", "3"],
                "ioi: --exact: needs --estimate, whose strongest effects it measures"
            ),
            (
                ["--mode", "activation", "--estimate", "--exact", "2000000"],
                "ioi: --exact: found 2000000, expected 0 to 1000000"
            ),
        ] {
            let run = try await Program.run(["patch"] + arguments + ["--model", Self.small.model.path, "--count", "3"])
            #expect(run.status == 64 && run.complaints == [complaint] && run.output.isEmpty, "\(run.errors)")
        }
    }

    static let wrongUsage: [[String]] = [
        ["patch"], ["patch", "--mode", "other"], ["patch", "--mode", "path", "--scale", "double"],
        ["patch", "--mode", "path", "--site", "z"], ["patch", "--mode", "activation", "--receiver", "logits"],
        ["patch", "--mode", "activation", "--site", "zz"], ["patch", "--mode", "activation", "--position", "S3"],
        ["patch", "--mode", "path", "--receiver", "q:9.9"], ["patch", "--mode", "path", "--receiver", "q:9.9@END"],
        ["patch", "--mode", "path", "--sender", "neurons"], ["patch", "--mode", "path", "--path-mlp", "melt"],
        ["patch", "--mode", "path", "--ablate", "zero"], ["patch", "--mode", "path", "--knockout", "9,9@END"],
        ["patch", "--mode", "cross-model"], ["patch", "--mode", "path", "--aggregate", "median"],
        ["patch", "--mode", "cross-model", "--donor", path, "--component", "q,pattern"],
        ["patch", "--mode", "cross-model", "--donor", path, "--component", "resid_pre"],
        ["patch", "--mode", "cross-model", "--donor", path, "--direction", "up"],
        ["patch", "--mode", "activation", "--memory", "0"],
        ["knockout"], ["knockout", "--heads", "9"], ["knockout", "--heads", "7.7"], ["knockout", "--mlps", "9"],
        ["knockout", "--heads", "0.1@S9"], ["knockout", "--heads", "0.1", "--ablate", "maim"],
        ["knockout", "--heads", "0.1", "--abc-count", "2"], ["knockout", "--heads", "0.1", "--circuit", "default"],
        ["knockout", "--class", "name mover"], ["patch", "--mode", "path", "--knockout", "7.7"],
        ["knockout", "--heads", "0.1", "--ablate", "zero", "--mean-group", "global"],
    ]

    @Test(arguments: wrongUsage)
    func wrongUsageIsOneLineAndCode64(_ arguments: [String]) async throws {
        let run = try await Program.run(arguments + ["--model", Self.small.model.path, "--count", "3"])
        #expect(run.status == 64, "\(run.errors)")
        #expect(run.complaints.filter { !$0.hasPrefix("donor ") }.count == 1, "\(run.errors)")
        #expect(run.output.isEmpty)
    }

    @Test func modelsOfDifferentShapeAreRefused() async throws {
        let run = try await Program.run(
            ["patch", "--mode", "cross-model", "--model", Self.path, "--donor", Self.small.model.path, "--count", "3"]
        )
        #expect(run.status == 1)
        #expect(run.errors.hasSuffix("ioi: the donor's n_layer: found 2, expected the host's 12\n"))
    }

    @Test func anErrorNamesTheFlagThatIsBeyondTheModel() async throws {
        for (flag, value, found) in [("--heads", "0.1,7.7@END", "head 7.7"), ("--mlps", "0,9", "MLP 9")] {
            let run = try await Program.run(
                ["knockout", flag, value, "--each", "--model", Self.small.model.path, "--count", "3"]
            )
            #expect(run.status == 64)
            #expect(run.complaints.first?.hasPrefix("ioi: \(flag): found \(found), expected 0") == true)
        }
    }

    @Test func receiversMayStandInAFile() async throws {
        let file = CommandTests.fresh()
        try "# the name movers\nq:9.9,9.6@END\n\nv:8.6@S2 # and more\n".write(
            to: file, atomically: true, encoding: .utf8
        )
        let read = try await Self.document(["patch", "--mode", "path", "--receiver", file.path])
        let options = try #require(read["options"] as? [String: Any])
        #expect(options["receivers"] as? [String] == ["q:9.9,9.6@END", "v:8.6@S2"])
        try "q:9.9@END\nlogit\n".write(to: file, atomically: true, encoding: .utf8)
        let run = try await Program.run(
            ["patch", "--mode", "path", "--receiver", file.path, "--model", Self.path, "--count", "2"])
        #expect(run.status == 1)
        #expect(run.errors.contains("\(file.path) line 2: found \"logit\", expected"))
    }

    @Test func anInterruptedSweepIsKeptAndGoesOn() async throws {
        let arguments = [
            "patch", "--mode", "cross-model", "--model", Self.path, "--donor", Self.other.model.path, "--circuit",
            "none", "--count", "300", "--format", "json", "--threads", "2",
        ]
        try await InterruptTests.expectSameResultsOfStopped(arguments, first: 100)
    }
}
