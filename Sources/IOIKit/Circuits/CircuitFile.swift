import Foundation

extension Circuit {
    /// Reads `{"model", "classes": [{"name", "heads": ["9.9", …], "position"}, …]}`.
    ///
    /// - Throws: ``IOIError`` that names the file, the field, what was found there and what was expected.
    public init(contentsOf file: URL) throws {
        self = try InputFile.decode(Circuit.self, from: file)
    }

    /// The circuit that a user asks for, with heads and edges that the model has.
    ///
    /// - Parameters:
    ///   - name: `default`, the circuit that belongs to the model (``DataDirectory/circuit(of:)``), or the path of a
    ///     file.
    ///   - location: where the model lies.
    ///   - flag: where it was asked for, for the error.
    /// - Throws: ``IOIError`` of kind `usage` where no circuit belongs to the model; for a file that is not as it has to
    ///   be, and for a head or an edge beyond the model's, one that names the file.
    public static func named(
        _ name: String,
        for config: GPT2Config,
        at location: ModelLocation,
        flag: String = "--circuit"
    ) throws -> Circuit {
        guard name == "default" else { return try Circuit(contentsOf: URL(fileURLWithPath: name), for: config) }
        guard let file = DataDirectory.circuit(of: location) else {
            throw IOIError.usage(
                "\(flag): found default, but no circuit belongs to the model \(location.name); find one with "
                    + "`ioi circuit discover --save FILE` and name that file, or keep it as "
                    + "\(location.folder.path)/circuit.json"
            )
        }
        return try Circuit(contentsOf: file, for: config)
    }

    /// The circuit of a file, with heads and edges that the model has.
    ///
    /// - Throws: ``IOIError`` that names the file.
    public init(contentsOf file: URL, for config: GPT2Config) throws {
        let circuit = try Circuit(contentsOf: file)
        for headClass in circuit.classes {
            let source = "\(file.path): heads of class \(headClass.name.quoted)"
            for head in headClass.heads {
                if let problem = config.problem(with: head) { throw IOIError("\(source): \(problem)") }
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

    /// What a circuit file holds, a class or an edge a line, so that two circuits compare well line by line.
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
            let heads = headClass.heads.map { literal($0.description) }.joined(separator: ", ")
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
