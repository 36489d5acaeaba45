import Foundation
import GPT2Kit

@testable import IOIKit

/// A JSON document that can be damaged node by node. Unlike ``JSONValue`` it can hold what no sound document has: a key
/// twice, numbers out of range, text that is no JSON.
indirect enum DamagedJSON {
    /// JSON as it is written.
    case text(String)
    case array([DamagedJSON])
    case object([(key: String, value: DamagedJSON)])

    init(_ value: JSONValue) {
        switch value {
        case .null: self = .text("null")
        case .bool(let value): self = .text("\(value)")
        case .number(let value): self = .text(Int(exactly: value).map { "\($0)" } ?? "\(value)")
        case .string(let value): self = .text(String(decoding: value.jsonLiteral, as: UTF8.self))
        case .array(let values): self = .array(values.map(DamagedJSON.init))
        case .object(let fields):
            self = .object(fields.sorted { $0.key < $1.key }.map { ($0.key, DamagedJSON($0.value)) })
        }
    }

    /// nil if the bytes are not JSON.
    init?(_ json: Data) {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: json) else { return nil }
        self.init(value)
    }

    func write(to output: inout String) {
        switch self {
        case .text(let text): output += text
        case .array(let values):
            output += "["
            for (index, value) in values.enumerated() {
                if index > 0 { output += "," }
                value.write(to: &output)
            }
            output += "]"
        case .object(let fields):
            output += "{"
            for (index, field) in fields.enumerated() {
                output += (index > 0 ? "," : "") + "\"\(field.key)\":"
                field.value.write(to: &output)
            }
            output += "}"
        }
    }

    var nodeCount: Int {
        switch self {
        case .text: 1
        case .array(let values): values.reduce(1) { $0 + $1.nodeCount }
        case .object(let fields): fields.reduce(1) { $0 + $1.value.nodeCount }
        }
    }

    /// Replaces the node with this index, counted from the root in the order of the text.
    func replacing(node index: Int, _ change: (DamagedJSON) -> DamagedJSON) -> DamagedJSON {
        var left = index
        return replacing(&left, change)
    }

    private func replacing(_ left: inout Int, _ change: (DamagedJSON) -> DamagedJSON) -> DamagedJSON {
        if left == 0 {
            left = -1
            return change(self)
        }
        left -= 1
        switch self {
        case .text: return self
        case .array(var values):
            for index in values.indices where left >= 0 { values[index] = values[index].replacing(&left, change) }
            return .array(values)
        case .object(var fields):
            for index in fields.indices where left >= 0 {
                fields[index].value = fields[index].value.replacing(&left, change)
            }
            return .object(fields)
        }
    }

    /// The node with this index.
    func node(_ index: Int) -> DamagedJSON {
        var found = self
        _ = replacing(node: index) {
            found = $0
            return $0
        }
        return found
    }
}

extension DamagedJSON {
    /// One to three nodes damaged.
    func damaged(_ generator: inout SeededGenerator) -> DamagedJSON {
        (0...generator.below(3)).reduce(self) { document, _ in
            let count = document.nodeCount
            let (target, other) = (generator.below(count), generator.below(count))
            return document.replacing(node: target) { node in
                generator.below(8) == 0 ? document.node(other) : node.changed(&generator)
            }
        }
    }

    /// What a program may be careless about.
    private static let extremes = [
        "null", "true", "false", "0", "-0", "-1", "1", "2", "3", "0.5", "1e-320", "1e308", "-1e308", "1e400", "65537",
        "1000000", "4294967296", "9007199254740991", "9007199254740993", "9223372036854775807", "-9223372036854775808",
        "18446744073709551616", "NaN", "\"\"", "\"x\"", "\" x\"", "\"NaN\"", "\"../../x\"", "\"/etc/passwd\"",
        "\"a/b\"",
        #""\u001b[2J""#, #""a\nioi: forged""#, #""\ud800""#, #""\u202e""#, #""=1+1""#, "[]", "{}", "[[]]", "[null]",
        "[1]", "[1,2,3]", "{\"a\":1}", "\"\(String(repeating: "long ", count: 500))\"",
        String(repeating: "[", count: 3000) + String(repeating: "]", count: 3000),
    ]

    private func changed(_ generator: inout SeededGenerator) -> DamagedJSON {
        if generator.below(3) == 0 { return .text(Self.extremes[generator.below(Self.extremes.count)]) }
        switch self {
        case .text(let text):
            if let number = Double(text) {
                let near = [number + 1, number - 1, -number, number * 1000, number / 3, number * 1e9]
                let value = near[generator.below(near.count)]
                return .text(Int(exactly: value).map { "\($0)" } ?? "\(value)")
            }
            guard text.hasPrefix("\""), text.count > 2 else { return .text("[\(text)]") }
            var characters = Array(text)
            let place = 1 + generator.below(characters.count - 2)
            switch generator.below(4) {
            case 0: characters.remove(at: place)
            case 1: characters.insert(characters[place], at: place)
            case 2: characters[place] = "/"
            default: characters.insert(contentsOf: #"\u0000"#, at: place)
            }
            return .text(String(characters))
        case .array(var values):
            guard !values.isEmpty else { return .array([.text("0")]) }
            let (place, other) = (generator.below(values.count), generator.below(values.count))
            switch generator.below(5) {
            case 0: values.remove(at: place)
            case 1: values.insert(values[place], at: other)
            case 2: values.swapAt(place, other)
            case 3: values.removeLast(values.count - place)
            default: values += values
            }
            return .array(values)
        case .object(var fields):
            guard !fields.isEmpty else { return .object([("a", .text("0"))]) }
            let (place, other) = (generator.below(fields.count), generator.below(fields.count))
            switch generator.below(5) {
            case 0: fields.remove(at: place)
            case 1: fields.append(fields[place])
            case 2: fields[place].key += "x"
            case 3: fields[place].value = fields[other].value
            default: fields.append((["unknown", "", "../x", "a.b"][generator.below(4)], fields[place].value))
            }
            return .object(fields)
        }
    }
}
