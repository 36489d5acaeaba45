import Foundation

extension Circuit {
    /// Reads `{"model", "classes": [{"name", "heads": ["9.9", …], "position"}, …]}`.
    ///
    /// - Throws: ``IOIError`` that names the file, the field, what was found there and what was expected.
    public init(contentsOf file: URL) throws {
        self = try InputFile.decode(Circuit.self, from: file)
    }

    /// The circuit that a user asks for, with heads that the model has.
    ///
    /// - Parameter name: `default`, which is the circuit of GPT-2 small (Wang et al. 2022), or the path of a file.
    /// - Throws: ``IOIError`` of kind `usage` where a model of another shape has no default circuit; for a file that is
    ///   not as it has to be, and for a head beyond the model's, one that names the file.
    public static func named(_ name: String, for config: GPT2Config) throws -> Circuit {
        let isDefault = name == "default"
        if isDefault, config.layers != GPT2Config.small.layers || config.heads != GPT2Config.small.heads {
            throw IOIError.usage(
                "--circuit: found default, but there is no default circuit for a model of \(config.layers) layers of "
                    + "\(config.heads) heads; expected a circuit file"
            )
        }
        let file = isDefault ? try DataDirectory.file("circuits/gpt2-small.json") : URL(fileURLWithPath: name)
        let circuit = try Circuit(contentsOf: file)
        for headClass in circuit.classes {
            let source = "\(file.path): heads of class \(headClass.name.quoted)"
            for head in headClass.heads { try config.check(head, source: source, kind: .failure) }
        }
        return circuit
    }

    /// What a circuit file holds, a class a line, so that two circuits compare well line by line.
    public var json: Data {
        func literal(_ text: String) -> String { String(decoding: text.jsonLiteral, as: UTF8.self) }
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
              ]
            }

            """
        return Data(text.utf8)
    }
}
