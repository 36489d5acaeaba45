import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi circuit show`, `diff` and `validate`: documents, exit codes, one-line errors, interruptions.
@Suite struct CircuitCommandTests {
    static let small = CommandTests.model
    static let published = try! DataDirectory.file("circuits/gpt2-small.json").path
    static let naive = try! DataDirectory.file("circuits/gpt2-small-naive.json").path
    /// A circuit of the small model.
    static let own: String = {
        let file = CommandTests.fresh()
        try! TemporaryModel.circuit.json.write(to: file)
        return file.path
    }()

    // MARK: show and diff

    @Test func showWritesTheCircuit() async throws {
        let json = try await Program.run(["circuit", "show", Self.published, "--format", "json"])
        #expect(json.status == 0 && json.errors.isEmpty)
        #expect(Data(json.output.utf8) == (try Data(contentsOf: URL(fileURLWithPath: Self.published))))
        let csv = try await Program.run(["circuit", "show", Self.naive, "--format", "csv"])
        let lines = csv.output.split(separator: "\n")
        #expect(lines.count == 14 && lines[0] == "class,position,head" && lines[13] == "previous token,S1+1,4.11")
        let text = try await Program.run(["circuit", "show", Self.naive])
        #expect(text.output.contains("S-inhibition     END       7.3 7.9 8.6 8.10\n"))
        #expect(text.output.hasSuffix("13 heads in all\n"))
    }

    @Test func theProgramsCircuitsAreTakenByName() async throws {
        let json = try await Program.run(["circuit", "show", "gpt2-small", "--format", "json"])
        #expect(Data(json.output.utf8) == (try Data(contentsOf: URL(fileURLWithPath: Self.published))))
        let diff = try await Program.run(["circuit", "diff", "gpt2-small", "gpt2-small-naive"])
        #expect(try await diff.output == Program.run(["circuit", "diff", Self.published, Self.naive]).output)
        let unknown =
            "found \"grater-than\", expected default, embedded, gpt2-small, gpt2-small-naive, greater-than or a file"
        for (arguments, field) in [
            (["circuit", "show", "grater-than"], "circuit"),
            (
                ["faithfulness", "--circuit", "grater-than", "--count", "2", "--model", Self.small.model.path],
                "--circuit"
            ),
        ] {
            let run = try await Program.run(arguments)
            #expect(run.status == 64 && run.complaints == ["ioi: \(field): \(unknown)"], "\(run.complaints)")
        }
    }

    @Test func aModelsOwnCircuitIsTheDefault() async throws {
        let model = try TemporaryModel()
        let without = try await Program.run(["circuit", "show", "--model", model.model.path])
        #expect(without.status == 64 && without.complaints.count == 1 && without.output.isEmpty)
        #expect(without.complaints.first?.hasPrefix("ioi: circuit: found default, but no circuit belongs to") == true)
        try TemporaryModel.circuit.json.write(to: model.model.appendingPathComponent("circuit.json"))
        let shown = try await Program.run(["circuit", "show", "--format", "json", "--model", model.model.path])
        #expect(shown.status == 0 && Data(shown.output.utf8) == TemporaryModel.circuit.json)
        #expect(shown.errors == "model model at \(model.model.path)\n")
        let diff = try await Program.run(
            ["circuit", "diff", "default", Self.own, "--format", "csv", "--model", model.model.path])
        #expect(
            diff.output
                == "head,from,to\n0.1,early,early\n0.2,early,early\n1.0,late,late\n1.2,late,late\n1.3,late,late\n")
    }

    /// The folder's name says nothing of what is in it.
    @Test func theShapeOfGPT2BorrowsItsCircuit() async throws {
        let model = try TemporaryModel(layers: 12, heads: 12, width: 24)
        let circuit = ["circuit", "show", "--model", model.model.path]
        let run = try await Program.run(circuit + ["--format", "json"])
        #expect(run.status == 0)
        #expect(run.output == (try String(contentsOf: DataDirectory.file("circuits/gpt2-small.json"), encoding: .utf8)))
        let note = "circuit gpt2-small: published for GPT-2 small, taken because this model has 12 layers of 12 heads"
        #expect(run.complaints == [note])
        let knockout = ["knockout", "--model", model.model.path, "--count", "2", "--class", "name mover"]
        #expect(try await Program.run(knockout + ["--quiet"]).complaints == [note])
        #expect(try await Program.run(knockout + ["--circuit", "gpt2-small", "--quiet"]).complaints.isEmpty)
        let heads = ["knockout", "--model", model.model.path, "--count", "2", "--heads", "9.9", "--quiet"]
        #expect(try await Program.run(heads).complaints.isEmpty)

        let small = try TemporaryModel()
        let named = small.file("gpt2")
        try FileManager.default.copyItem(at: small.model, to: named)
        let refused = try await Program.run(["circuit", "show", "--model", named.path])
        #expect(refused.status == 64)
        #expect(refused.complaints.first?.contains("gpt2-small is for models of 12 layers of 12 heads") == true)
    }

    @Test func diffTellsWhatChanged() async throws {
        let run = try await Program.run(["circuit", "diff", Self.published, Self.naive, "--format", "json"])
        #expect(run.status == 0 && run.errors.isEmpty)
        let diff = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect(diff["head_jaccard"] as? Double == 0.5 && (diff["lost"] as? [Any])?.count == 13)
        let text = try await Program.run(["circuit", "diff", Self.published, Self.naive])
        #expect(text.output.contains("Jaccard  0.500 of the heads"))
        let csv = try await Program.run(["circuit", "diff", Self.naive, Self.published, "--format", "csv"])
        #expect(
            csv.output.contains("\n9.0,,backup name mover\n") && csv.output.contains("\n9.9,name mover,name mover\n"))
    }

    @Test func aHeadBeyondTheModelIsRefused() async throws {
        for arguments in [["show", Self.published], ["diff", Self.own, Self.published]] {
            let run = try await Program.run(["circuit"] + arguments + ["--model", Self.small.model.path])
            #expect(run.status == 1 && run.output.isEmpty)
            #expect(run.complaints.count == 1 && run.errors.contains("\(Self.published): heads of class"))
        }
    }

    // MARK: validate

    static func validate(_ arguments: [String], model: String = PatchCommandTests.path) async throws -> [String: Any] {
        let run = try await Program.run(
            ["circuit", "validate"] + arguments
                + ["--format", "json", "--model", model, "--count", "6", "--seed", "2", "--quiet"]
        )
        #expect(run.status == 0 && run.complaints.isEmpty, "\(run.errors)")
        return try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    }

    @Test func theDocumentIsTheContracts() async throws {
        let document = try await Self.validate(
            ["--circuit", Self.published, "--random-sets", "3", "--greedy-runs", "2", "--greedy-steps", "2"]
        )
        #expect(document["schema"] as? String == "ioi/1" && document["command"] as? String == "circuit validate")
        let options = try #require(document["options"] as? [String: Any])
        #expect(options["minimality"] as? String == "auto" && options["objectives"] as? [String] == ["change"])
        #expect(options["completeness"] as? [String] == ["random", "class", "greedy"])
        let results = try #require(document["results"] as? [String: Any])
        for key in ["model", "circuit"] {
            let (mean, bounds) = (results[key] as! Double, results["\(key)_ci95"] as! [Double])
            #expect(bounds[0] <= mean && mean <= bounds[1])
        }
        let minimality = try #require(results["minimality"] as? [[String: Any]])
        #expect(minimality.count == 26 && minimality[2]["head"] as? String == "9.6")
        #expect(minimality[2]["k"] as? [String] == ["9.9", "10.0"] && minimality[0]["k"] as? [String] == [])
        for entry in minimality {
            let bounds = entry["ci95"] as! [Double]
            #expect(entry["score"] is Double && bounds[0] <= bounds[1] && entry["class"] is String)
        }
        let completeness = try #require(results["completeness"] as? [[String: Any]])
        let kinds = completeness.map { $0["kind"] as! String }
        let known = ["empty", "random", "random", "random"] + Array(repeating: "class", count: 7)
        #expect(Array(kinds.prefix(11)) == known)
        #expect((12...13).contains(kinds.count) && kinds.suffix(from: 11).allSatisfy { $0 == "greedy" })
        #expect(completeness.last?["name"] as? String == "change")
        #expect(results["per_prompt"] == nil)
    }

    @Test func eachPartMayBeLeftOut() async throws {
        let small = Self.small.model.path
        let minimal = try await Self.validate(["--circuit", Self.own, "--completeness", "none"], model: small)
        let results = try #require(minimal["results"] as? [String: Any])
        #expect((results["minimality"] as? [Any])?.count == 5 && results["completeness"] == nil)
        let complete = try await Self.validate(
            ["--circuit", Self.own, "--no-minimality", "--completeness", "greedy", "--objective", "both"], model: small)
        let other = try #require(complete["results"] as? [String: Any])
        #expect(other["minimality"] == nil)
        let names = (other["completeness"] as! [[String: Any]]).map { $0["name"] as? String }
        #expect(names.first == .some(nil) && Set(names.dropFirst()).isSubset(of: ["change", "gap"]))
    }

    @Test func positionsAndMoreCounterfactualsChangeTheFigures() async throws {
        func circuit(_ arguments: [String]) async throws -> [Double] {
            let document = try await Self.validate(
                ["--circuit", Self.own, "--completeness", "none"] + arguments, model: Self.small.model.path)
            let results = try #require(document["results"] as? [String: Any])
            return [results["model"] as! Double, results["circuit"] as! Double]
        }
        let plain = try await circuit([])
        for arguments in [["--positions", "all"], ["--abc-count", "100"], ["--ablate", "zero"]] {
            let other = try await circuit(arguments)
            #expect(other[0] == plain[0] && other[1] != plain[1], "\(arguments)")
        }
        #expect(try await circuit(["--positions", "circuit"]) == plain)
    }

    @Test func textAndCSVAreForPeopleAndTables() async throws {
        let common = [
            "circuit", "validate", "--circuit", Self.own, "--model", Self.small.model.path, "--count", "5",
            "--completeness", "class",
        ]
        let text = try await Program.run(common)
        #expect(text.status == 0 && text.output.hasPrefix("5 clean prompts\nF(M)  "))
        #expect(text.output.contains(" of 5 heads change F by 1 % of F(M) or more\n"))
        #expect(text.output.contains("\nlargest: ") && text.output.contains("∅"))
        let csv = try await Program.run(common + ["--format", "csv"])
        let lines = csv.output.split(separator: "\n")
        #expect(lines.count == 9 && lines[0].hasPrefix("criterion,kind,name,k,circuit,"))
        #expect(lines[1].hasPrefix("minimality,late,1.0,1.2 1.3,") && lines[6].hasPrefix("completeness,empty,,,"))
        let columns = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }
        #expect(Set(columns) == [13])
    }

    static let wrongUsage: [[String]] = [
        ["circuit", "describe"], ["circuit", "diff", own], ["circuit", "show", own, naive],
        ["circuit", "show", own, "--format", "yaml"], ["circuit", "diff", "default", own],
        ["circuit", "validate"], ["circuit", "validate", "--positions", "END"],
        ["circuit", "validate", "--minimality-sets", "some"], ["circuit", "validate", "--completeness", "random,all"],
        ["circuit", "validate", "--completeness", ""], ["circuit", "validate", "--objective", "largest"],
        ["circuit", "validate", "--no-minimality", "--completeness", "none"],
        ["circuit", "validate", "--no-minimality", "--minimality-sets", "class"],
        ["circuit", "validate", "--random-sets", "0"], ["circuit", "validate", "--greedy-runs", "0"],
        ["circuit", "validate", "--greedy-steps", "-1"], ["circuit", "validate", "--greedy-candidates", "0"],
        ["circuit", "validate", "--greedy-prompts", "0"],
        ["circuit", "validate", "--completeness", "class", "--random-sets", "5"],
        ["circuit", "validate", "--completeness", "class", "--objective", "gap"],
        ["circuit", "validate", "--completeness", "none", "--greedy-steps", "5"],
        ["circuit", "validate", "--minimality-sets", "greedy", "--completeness", "none", "--greedy-runs", "5"],
        ["circuit", "validate", "--abc-count", "2"], ["circuit", "validate", "--ablate", "zero", "--abc-count", "20"],
        ["circuit", "validate", "--ablate", "resample", "--mean-group", "global"],
        ["circuit", "validate", "--circuit", own, "--minimality-sets", "published"],
        ["circuit", "validate", "--memory", "0"], ["circuit", "validate", "--count", "0"],
    ]

    @Test(arguments: wrongUsage)
    func wrongUsageIsOneLineAndCode64(_ arguments: [String]) async throws {
        var arguments = arguments + ["--model", Self.small.model.path]
        if arguments[1] == "validate", !arguments.contains("--count") { arguments += ["--count", "3"] }
        let run = try await Program.run(arguments)
        #expect(run.status == 64, "\(run.errors)")
        #expect(run.complaints.count == 1 && run.output.isEmpty, "\(run.errors)")
    }

    @Test func aCircuitFileThatIsNotThereIsOneComplaint() async throws {
        for arguments in [["validate", "--circuit", "missing.json", "--count", "3"], ["show", "missing.json"]] {
            let run = try await Program.run(["circuit"] + arguments + ["--model", Self.small.model.path])
            #expect(run.status == 1 && run.complaints.count == 1 && run.output.isEmpty, "\(run.errors)")
        }
    }

    @Test func helpTeaches() async throws {
        for command in [[], ["show"], ["diff"], ["validate"]] {
            let run = try await Program.run(["circuit"] + command + ["--help"])
            #expect(run.status == 0 && run.output.contains("USAGE: ioi circuit"))
        }
    }

    @Test func anInterruptedValidationIsKeptAndGoesOn() async throws {
        let arguments = [
            "circuit", "validate", "--model", PatchCommandTests.path, "--circuit", Self.published, "--count", "130",
            "--greedy-runs", "3", "--greedy-steps", "3", "--format", "json", "--threads", "2",
        ]
        try await InterruptTests.expectSameResultsOfStopped(arguments, first: 200)
    }
}
