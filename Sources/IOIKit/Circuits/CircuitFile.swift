import Foundation

extension Circuit {
    /// Reads `{"model", "classes": [{"name", "heads": ["9.9", "m8", …], "position"}, …]}`, or a file of ``MIBCircuit``.
    ///
    /// - Throws: `IOIError` naming the file and the field, with what was found and what was expected.
    public init(contentsOf file: URL) throws { try self.init(contentsOf: file, ofShape: nil) }

    /// - Parameter config: the shape that a file of ``MIBCircuit``, which names one, has to be for; nil for any.
    private init(contentsOf file: URL, ofShape config: GPT2Config?) throws {
        let json = try InputFile.read(file)
        guard MIBCircuit.isForm(json) else {
            self = try InputFile.decode(Circuit.self, from: json, path: file.path)
            return
        }
        let scored = try MIBCircuit(json, path: file.path, for: config)
        do {
            self = try scored.circuit
        } catch let error as IOIError {
            throw IOIError("\(file.path): \(error)")
        }
    }

    /// Reads a circuit file, a circuit of `Data/circuits`, or the model's default circuit.
    ///
    /// - Parameters:
    ///   - name: `default` for `DataDirectory`, the name of a circuit of `Data/circuits`, or the path of a file.
    ///   - location: the model's.
    ///   - config: the shape of the model.
    /// - Throws: `IOIError` for `circuit` if the model has no default circuit or the name is unknown; one naming the file if the file is
    ///   malformed or names a head, MLP or edge that the model does not have.
    public static func named(
        _ name: String,
        for config: GPT2Config,
        at location: ModelLocation
    ) throws -> Circuit {
        guard name == "default" else { return try Circuit(contentsOf: file(named: name), for: config) }
        guard let circuit = DefaultCircuit(of: location, config) else {
            throw IOIError.invalid(
                "circuit",
                "found default, but no circuit belongs to the model \(location.name); expected a file, such as circuit "
                    + "discovery saves, or one kept as \(location.folder.path)/circuit.json; gpt2-small is for models of 12 "
                    + "layers of 12 heads"
            )
        }
        return try Circuit(contentsOf: circuit.file, for: config)
    }

    /// The file of a circuit that is not `default`.
    ///
    /// - Parameter name: the path of a file or, without a slash or an extension, the name of a circuit of
    ///   `Data/circuits`, unless there is a file of that name.
    /// - Throws: `IOIError` for `circuit` if there is no circuit of that name.
    public static func file(named name: String) throws -> URL {
        let file = URL(fileURLWithPath: name)
        let isPath = name.contains("/") || name.hasSuffix(".json")
        if isPath || FileManager.default.fileExists(atPath: file.path) { return file }
        let names = try DataDirectory.names(in: "circuits")
        guard names.contains(name) else {
            throw IOIError.invalid(
                "circuit", "found \(name.quoted), expected default, \(names.joined(separator: ", ")) or a file")
        }
        return try DataDirectory.file("circuits/\(name).json")
    }

    /// The name of a circuit as results files hold it: that of a circuit of `Data/circuits` or `default` as it is, and the
    /// absolute path of a file.
    ///
    /// - Throws: `IOIError` for `circuit` if there is no circuit of that name.
    public static func recordedName(_ name: String) throws -> String {
        guard name != "default" else { return name }
        let file = try file(named: name)
        return file.lastPathComponent == "\(name).json" ? name : file.path
    }

    /// Reads a circuit file and checks its nodes and edges against a model.
    ///
    /// - Throws: `IOIError` naming the file.
    public init(contentsOf file: URL, for config: GPT2Config) throws {
        let circuit = try Circuit(contentsOf: file, ofShape: config)
        for headClass in circuit.classes {
            let source = "\(file.path): heads of class \(headClass.name.quoted)"
            for node in headClass.nodes {
                if let problem = config.problem(with: node) { throw IOIError("\(source): \(problem)") }
            }
        }
        let graph = Graph(config)
        if let unknown = circuit.edges.first(where: { graph.edge(named: $0) == nil }) {
            throw IOIError(
                "\(file.path): edges: found \(unknown.quoted), expected edges of this model such as \"0.1->m3\", "
                    + "\"input->1.0.q\" and \"m1->logits\""
            )
        }
        self = circuit
    }

    /// The contents of a circuit file, one class or edge per line so that two files diff well.
    public var json: Data {
        func literal(_ text: String) -> String { String(decoding: text.jsonLiteral, as: UTF8.self) }
        func list(_ name: String, _ lines: [String]) -> String {
            lines.isEmpty ? "" : ",\n  \"\(name)\": [\n\(lines.joined(separator: ",\n"))\n  ]"
        }
        let paths = paths.map { path in
            let inputs = path.inputs.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            return "    {\"from\": \(literal(path.from)), \"to\": \(literal(path.to)), \"inputs\": [\(inputs)]}"
        }
        let edges = edges.map { "    \(literal($0))" }
        let lines = classes.map { headClass in
            let heads = headClass.nodes.map { literal($0.description) }.joined(separator: ", ")
            let position = literal(headClass.position.description)
            return "    {\"name\": \(literal(headClass.name)), \"heads\": [\(heads)], \"position\": \(position)}"
        }
        let text = """
            {
              "model": \(literal(model)),
              "classes": [
            \(lines.joined(separator: ",\n"))
              ]\(list("paths", paths))\(list("edges", edges))
            }

            """
        return Data(text.utf8)
    }
}
