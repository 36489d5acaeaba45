import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ValidateExperimentTests {
    static func options(_ folder: URL) throws -> ValidateExperiment {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("circuit.json")
        try TemporaryModel.circuit.json.write(to: file)
        var source = PromptSource(count: 70)
        source.seed = 5
        var options = ValidateExperiment(prompts: source)
        options.circuit = file.path
        options.minimality = .greedy
        options.objectives = [.change, .gap]
        (options.greedy.runs, options.greedy.steps, options.greedy.candidates) = (2, 2, 2)
        options.greedy.prompts = 66
        return options
    }

    private func json(_ results: ValidateResults) throws -> NSDictionary {
        let data = try JSONEncoder().encode(results)
        return try #require(try JSONSerialization.jsonObject(with: data) as? NSDictionary)
    }

    @Test func anInterruptedValidationGoesOnAsIfNever() throws {
        let model = try TemporaryModel.shared.load()
        let folder = TemporaryModel.fresh()
        let options = try Self.options(folder)
        let subject = try Subject(of: options, model)
        let out = folder.appendingPathComponent("results.json")
        let file = URL(fileURLWithPath: out.path + ".partial")
        /// Ends after so many pieces of work; the settings make batches of a few prompts.
        func run(pieces: Int) throws -> ValidateResults {
            let asked = Counter()
            var settings = RunSettings(workers: Workers(count: 2), memory: 1_000_000)
            settings.isInterrupted = { asked.next() > pieces }
            let partial = try PartialResults(besides: out, deciding: ["test"])
            return try options.run(on: subject, Work(settings, partial: partial, perPrompt: true))
        }
        let whole = try json(try run(pieces: .max))
        #expect(!FileManager.default.fileExists(atPath: file.path))
        var (stops, results): (Int, ValidateResults?) = (0, nil)
        while results == nil, stops < 2000 {
            do {
                results = try run(pieces: 15)
            } catch is PatchInterruption {
                stops += 1
                #expect(FileManager.default.fileExists(atPath: file.path))
            }
        }
        #expect(stops > 3)
        #expect(try json(try #require(results)) == whole)
    }

    @Test func progressNeverFallsAndEndsAtTheEnd() throws {
        let model = try TemporaryModel.shared.load()
        var options = try Self.options(TemporaryModel.fresh())
        for minimality in [Minimality.Sets.greedy, .auto, nil] {
            for kinds in [[Completeness.Kind.random, .headClass, .greedy], [], nil] as [[Completeness.Kind]?]
            where minimality != nil || kinds != nil {
                (options.minimality, options.completeness) = (minimality, kinds)
                var shares: [Double] = []
                _ = try options.run(
                    on: Subject(of: options, model),
                    Work(RunSettings(workers: Workers(count: 2)), progress: { shares.append($0) })
                )
                #expect(shares == shares.sorted() && shares.allSatisfy { (0...1).contains($0) })
                #expect(
                    try #require(shares.last) > 0.7, "\(String(describing: minimality)), \(String(describing: kinds))")
            }
        }
    }

    @Test func resultsAreTheMeansOfTheirPrompts() throws {
        let model = try TemporaryModel.shared.load()
        let options = try Self.options(TemporaryModel.fresh())
        let work = Work(RunSettings(workers: Workers(count: 2)), perPrompt: true)
        let results = try json(try options.run(on: Subject(of: options, model), work))
        let perPrompt = try #require(results["per_prompt"] as? [String: Any])
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        func means(_ key: String) throws -> [[String]: Double] {
            let rows = try #require(perPrompt[key] as? [[String: Any]])
            return Dictionary(
                uniqueKeysWithValues: rows.map {
                    ($0["k"] as! [String], mean($0["logit_difference"] as! [Double]))
                }
            )
        }
        let (circuit, whole) = (try means("circuit"), try means("model"))
        let original = mean(try #require(perPrompt["original"] as? [Double]))
        #expect(abs(original - (results["model"] as! Double)) < 1e-12 && whole[[]] == original)
        #expect(abs(circuit[[]]! - (results["circuit"] as! Double)) < 1e-12)
        let minimality = try #require(results["minimality"] as? [[String: Any]])
        #expect(minimality.map { $0["head"] as? String } == ["1.0", "1.2", "1.3", "0.1", "0.2"])
        for entry in minimality {
            let k = entry["k"] as! [String]
            let both = (k + [entry["head"] as! String]).compactMap(Head.init).sorted().map(\.description)
            #expect(abs(entry["before"] as! Double - circuit[k]!) < 1e-12)
            #expect(abs(entry["after"] as! Double - circuit[both]!) < 1e-12)
            let score = entry["score"] as! Double
            #expect(abs(score - abs(circuit[both]! - circuit[k]!) / abs(original)) < 1e-9)
            #expect(entry["passes"] as? Bool == (score >= 0.01))
        }
        let completeness = try #require(results["completeness"] as? [[String: Any]])
        let kinds = completeness.map { $0["kind"] as! String }
        #expect(kinds == ["empty", "random", "class", "greedy"].flatMap { kind in kinds.filter { $0 == kind } })
        for (index, entry) in completeness.enumerated() {
            let k = entry["k"] as! [String]
            #expect(abs(entry["circuit"] as! Double - circuit[k]!) < 1e-12)
            #expect(abs(entry["model"] as! Double - whole[k]!) < 1e-12)
            let score = entry["score"] as! Double
            #expect(abs(score - abs(circuit[k]! - whole[k]!)) < 1e-12)
            if index > 0, kinds[index - 1] == kinds[index] {
                #expect((completeness[index - 1]["score"] as! Double) <= score)
            }
        }
    }
}
