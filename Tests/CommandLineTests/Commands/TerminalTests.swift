import Foundation
import GPT2Kit
import TestSupport
import Testing

@testable import IOIKit

/// What the program writes to terminals of several widths, and to files.
@Suite struct TerminalTests {
    private static let model = TemporaryModel.shared
    private static let escape = "\u{1B}"

    /// A sweep with a map.
    private static func patch(_ count: Int = 2) -> [String] {
        ["patch", "--mode", "activation", "--model", model.model.path, "--count", "\(count)", "--threads", "2"]
    }

    /// Runs the program in a terminal; nil, and a word about it, where there is none.
    private static func run(
        _ arguments: [String],
        columns: Int,
        environment: [String: String] = [:]
    ) async throws -> (status: Int32, screen: String)? {
        let run = try await PseudoTerminal.run(arguments, columns: columns, environment: environment)
        if run == nil { print("skipped: this system gives no pseudo-terminal") }
        return run
    }

    /// The lines of a screen without colours.
    private static func lines(_ screen: String) -> [String] {
        screen.replacing(/\u{1B}\[[0-9;]*m/, with: "").replacing("\r\n", with: "\n")
            .components(separatedBy: "\n")
    }

    @Test(arguments: [20, 40, 80])
    func progressStaysOnItsLine(columns: Int) async throws {
        guard let run = try await Self.run(Self.patch(40), columns: columns) else { return }
        #expect(run.status == 0, "\(run.screen)")
        // What stands between two moments at which the line is erased.
        let shown = run.screen.components(separatedBy: "\r\u{1B}[K").filter { $0.contains("/1000") }
        #expect(!shown.isEmpty)
        for line in shown {
            let text = line.components(separatedBy: "\r\n")[0]
            #expect(text.count < columns, "\(text)")
            #expect(columns < 80 || text.contains("█") || text.contains("░"), "\(text)")
            #expect(!text.contains(Self.escape))
        }
    }

    /// As in a terminal, but without erasing.
    @Test func aTerminalThatObeysNothingGetsPlainLines() async throws {
        guard let run = try await Self.run(Self.patch(40), columns: 80, environment: ["TERM": "dumb"]) else { return }
        #expect(run.status == 0 && run.screen.contains("strongest"))
        #expect(!run.screen.contains(Self.escape) && !run.screen.replacing("\r\n", with: "\n").contains("\r"))
    }

    @Test func quietIsSilent() async throws {
        guard let run = try await Self.run(Self.patch(40) + ["--quiet"], columns: 80) else { return }
        #expect(run.status == 0 && !run.screen.contains("\r\u{1B}[K") && !run.screen.contains("/1000"))
    }

    /// A log has a line now and then, the first after about ten seconds.
    @Test(.timeLimit(.minutes(10))) func aLogHasPlainLines() async throws {
        let folder = Self.model.file(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let log = folder.appendingPathComponent("log")
        try Data().write(to: log)
        let process = Process()
        process.executableURL = Program.url
        // Of a model that takes more than ten seconds for them.
        process.arguments = [
            "patch", "--mode", "path", "--model", "embedded", "--count", "60000", "--threads", "1",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
        defer { process.terminate() }
        func text() throws -> String { try String(contentsOf: log, encoding: .utf8) }
        while process.isRunning, try !text().contains(" left\n") { try await Task.sleep(for: .milliseconds(200)) }
        let said = try text()
        #expect(!said.contains(Self.escape) && !said.contains("\r"))
        let lines = said.split(separator: "\n").filter { $0.hasPrefix("patch ") }
        #expect(lines.count == 1)
        #expect(
            lines.first?.wholeMatch(of: /patch \d+\/1000 \d+ %, (\d+ h )?(\d+ min)?( ?\d+ s)? left/) != nil, "\(lines)")
    }

    @Test func colourIsAsAsked() async throws {
        let (patch, marked) = (Self.patch() + ["--quiet"], Self.escape + "[38;5;")
        let environment = ["TERM": "xterm", "NO_COLOR": ""]
        func isColoured(_ flags: [String], _ changes: [String: String] = [:]) async throws -> Bool {
            let run = try await Program.run(
                patch + flags, environment: environment.merging(changes) { $1 })
            #expect(run.status == 0 && !run.errors.contains(Self.escape))
            return run.output.contains(marked)
        }
        #expect(try await !isColoured([]))
        #expect(try await !isColoured(["--color", "auto"]))
        #expect(try await isColoured(["--color", "always"]))
        #expect(try await isColoured(["--color", "always"], ["NO_COLOR": "1", "TERM": "dumb"]))
        #expect(try await !isColoured(["--color", "never"]))
        func isColouredInTerminal(_ flags: [String], _ changes: [String: String] = [:]) async throws -> Bool? {
            try await Self.run(patch + flags, columns: 80, environment: changes)?.screen.contains(marked)
        }
        guard let auto = try await isColouredInTerminal([]) else { return }
        #expect(auto)
        #expect(try await isColouredInTerminal([], ["NO_COLOR": "1"]) == false)
        #expect(try await isColouredInTerminal([], ["TERM": "dumb"]) == false)
        #expect(try await isColouredInTerminal(["--color", "never"]) == false)
        #expect(try await isColouredInTerminal(["--color", "always"], ["NO_COLOR": "1"]) == true)
    }

    @Test(arguments: [40, 80])
    func noLineIsLongerThanTheTerminal(columns: Int) async throws {
        let model = ["--model", Self.model.model.path, "--count", "2", "--threads", "2", "--quiet"]
        let circuit = Self.model.file("\(UUID().uuidString).json")
        try TemporaryModel.circuit.json.write(to: circuit)
        for command in [
            ["eval"], ["patch", "--mode", "activation"], ["patch", "--mode", "path"], ["heads"],
            ["heads", "--all"], ["knockout", "--heads", "0.1,1.2", "--each"],
            ["faithfulness", "--circuit", circuit.path], ["circuit", "discover", "--method", "eap", "--edges", "20"],
            ["circuit", "validate", "--circuit", circuit.path],
        ] {
            guard let run = try await Self.run(command + model, columns: columns) else { return }
            #expect(run.status == 0, "\(command): \(run.screen)")
            // The model's name and its path are for the other stream, which the terminal wraps.
            for line in Self.lines(run.screen) where !line.contains(Self.model.folder.path) {
                #expect(line.count <= columns, "\(command): \(line)")
            }
        }
    }

    /// A map of GPT-2 XL's 48 layers of 25 heads is one block in 80 columns, and the strongest are named below.
    @Test func largeMapsFitATerminal() async throws {
        let model = try TemporaryModel(layers: 48, heads: 25, width: 25)
        let sweep = [
            "patch", "--mode", "path", "--model", model.model.path, "--count", "2", "--threads", "2", "--quiet",
        ]
        guard let run = try await Self.run(sweep, columns: 80) else { return }
        #expect(run.status == 0, "\(run.screen)")
        let lines = Self.lines(run.screen).filter { !$0.contains(model.folder.path) }
        #expect(lines.allSatisfy { $0.count <= 80 })
        let start = try #require(lines.firstIndex { $0.hasPrefix("layer") })
        #expect(lines.count { $0.hasPrefix("layer") } == 2)
        let columns = lines[start].split(separator: " ").dropFirst().map(String.init)
        #expect(columns == (0..<25).map { "\($0)" })
        for layer in 0..<48 {
            let cells = lines[start + 1 + layer].split(separator: " ")
            #expect(cells.count == 26 && cells[0] == "\(layer)")
        }
        let list = try #require(lines.firstIndex { $0.hasPrefix("strongest") })
        #expect(lines[(list + 1)...].prefix { $0.hasPrefix("  ") }.count == 10)
    }

    /// Hundreds of heads are listed by layer, each once, and classes are not named at every head.
    @Test func largeCircuitsFitATerminal() async throws {
        func circuit(_ nodes: [Node]) throws -> String {
            let file = Self.model.file("\(UUID().uuidString).json")
            try Circuit(model: "m", classes: [HeadClass(name: "heads", nodes: nodes, position: .all)]).json.write(
                to: file)
            return file.path
        }
        var nodes: [Node] = []
        for layer in 0..<48 {
            nodes += (0..<25).filter { (layer * 7 + $0 * 3) % 4 == 0 }.map { .head(Head(layer, $0)) }
            nodes.append(.mlp(layer))
        }
        let (all, few) = (try circuit(nodes), try circuit(Array(nodes.prefix(3))))
        func heads(_ lines: [String]) -> [String] {
            lines.flatMap { $0.split(separator: " ") }.map(String.init).filter { Node($0) != nil }
        }
        guard let show = try await Self.run(["circuit", "show", all], columns: 80) else { return }
        let lines = Self.lines(show.screen)
        #expect(show.status == 0 && lines.allSatisfy { $0.count <= 80 })
        #expect(heads(lines) == nodes.map(\.description))
        // A layer that fits is on one line.
        for layer in 0..<47 {
            let own = lines.filter { line in heads([line]).contains { Node($0)?.layer == layer } }
            #expect(own.count == 1, "\(own)")
        }
        guard let diff = try await Self.run(["circuit", "diff", few, all], columns: 80) else { return }
        let changes = Self.lines(diff.screen)
        #expect(diff.status == 0 && changes.allSatisfy { $0.count <= 80 })
        // Shares of the circuits have a point too.
        #expect(heads(changes.filter { !$0.hasPrefix("Jaccard") }) == nodes.dropFirst(3).map(\.description))
        #expect(!diff.screen.contains("(heads)"))
    }

    /// A narrow table says which columns it lacks; a wide one and one in a file lack none.
    @Test func tablesAreWholeOrSayWhatTheyLack() async throws {
        let plan = Self.model.file("\(UUID().uuidString).json")
        try Data(
            """
            {"name": "claims", "about": "A plan.", "model": "m", "prompts": {"count": 4, "seed": 1},
             "training": {"count": 4, "seed": 0}, "stages": [{"name": "base", "measure": ["eval"]}],
             "claims": [{"name": "c", "text": "A claim whose words are more than stand on one line of a terminal, as they are.",
                         "published": "3.55", "figure": "base/eval/logit_difference", "rule": {"at_least": -100}}]}
            """.utf8
        ).write(to: plan)
        let out = Self.model.file(UUID().uuidString).path
        let line = [
            "reproduce", "--plan", plan.path, "--model", Self.model.model.path, "--out", out, "--threads", "2",
            "--quiet",
        ]
        let whole = try await Program.run(line)
        let table = whole.output.split(separator: "\n")
        #expect(whole.status == 0 && table.count == 5, "\(whole.output)\(whole.errors)")
        let header = try #require(table.dropFirst().first)
        #expect(header.hasPrefix("claim  ") && header.hasSuffix("  published  measured  95 % interval  verdict"))
        #expect(table[2].hasPrefix("A claim whose words are more than stand on one line of a terminal, as they are."))
        guard let narrow = try await Self.run(line, columns: 34) else { return }
        let lines = Self.lines(narrow.screen)
        let start = try #require(lines.firstIndex { $0.hasPrefix("claim ") })
        #expect(lines[start].split(separator: " ") == ["claim", "measured", "verdict"])
        // The figure is whole; the claim goes on below.
        let figure = try #require(table[2].firstMatch(of: /-?\d+\.\d\d/)).output
        #expect(lines[start + 1].contains(" \(figure)  shown"), "\(lines)")
        let words = lines[(start + 1)...].joined(separator: " ").replacing(/[ ]+/, with: " ")
        #expect(words.contains("words are more than stand on one line of a terminal, as they are."), "\(words)")
        #expect(
            words.contains("2 columns left out for width: published, 95 % interval; --format csv has all"), "\(words)")
    }

    /// One prompt has no interval; files keep their keys.
    @Test func onePromptHasNoInterval() async throws {
        let model = ["--model", Self.model.model.path, "--threads", "2", "--quiet", "--count"]
        for command in [
            ["eval"], ["patch", "--mode", "activation"], ["patch", "--mode", "path"], ["knockout", "--heads", "0.1"],
            ["heads", "--analyses", "dla"],
        ] {
            let interval = /\[-?\d+\.\d+, -?\d+\.\d+\]/
            let one = try await Program.run(command + model + ["1"])
            #expect(one.status == 0 && one.output.firstMatch(of: interval) == nil, "\(one.output)\(one.errors)")
            // Nor a column without one.
            #expect(command[0] != "eval" || !one.output.contains("95 % interval"))
            let two = try await Program.run(command + model + ["6"])
            #expect(two.status == 0 && two.output.firstMatch(of: interval) != nil, "\(two.output)\(two.errors)")
        }
        let json = try await Program.run(["eval", "--format", "json"] + model + ["1"])
        let document = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let results = try #require(document["results"] as? [String: Any])
        let figure = try #require(results["logit_difference"] as? [String: Any])
        let value = try #require(figure["mean"] as? Double)
        #expect(figure["ci95"] as? [Double] == [value, value])
    }
}
