import Foundation

/// The heads of a model that do a task between them, in classes.
public struct Circuit: Equatable, Sendable {
    /// The model that the circuit was found in.
    public let model: String
    /// At least one, in the file's order.
    public let classes: [HeadClass]

    /// - Throws: ``IOIError`` for no class, a class without a name or without heads, two classes of one name, and a
    ///   head that stands twice.
    public init(model: String, classes: [HeadClass]) throws {
        self.model = model
        self.classes = classes
        guard !classes.isEmpty else { throw IOIError("classes: found an empty list, expected at least one class") }
        if let nameless = classes.firstIndex(where: \.name.isEmpty) {
            throw IOIError("classes[\(nameless)].name: found \"\", expected a name")
        }
        if let twice = classes.map(\.name).firstRepeated() {
            throw IOIError("classes: found two of the name \(twice.quoted), expected each name once")
        }
        var owners: [Head: String] = [:]
        for headClass in classes {
            let field = "heads of class \(headClass.name.quoted)"
            guard !headClass.heads.isEmpty else {
                throw IOIError("\(field): found an empty list, expected at least one head")
            }
            for head in headClass.heads {
                if let owner = owners.updateValue(headClass.name, forKey: head) {
                    let again = owner == headClass.name ? " twice," : ", which class \(owner.quoted) has as well;"
                    throw IOIError("\(field): found \(head)\(again) expected each head once in one class")
                }
            }
        }
    }

    /// All heads of all classes, ascending.
    public var heads: [Head] { classes.flatMap(\.heads).sorted() }

    /// The class of a name that a user gave.
    ///
    /// - Parameter flag: where it was given, for the error.
    /// - Throws: ``IOIError`` of kind `usage` that lists the circuit's classes.
    public func headClass(named name: String, flag: String) throws -> HeadClass {
        guard let headClass = classes.first(where: { $0.name == name }) else {
            let choices = classes.map(\.name.quoted).joined(separator: ", ")
            throw IOIError.usage("\(flag): found the class \(name.quoted), expected one of \(choices)")
        }
        return headClass
    }
}

extension Circuit: Codable {
    private enum CodingKeys: CodingKey {
        case model, classes
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            model: container.decode(String.self, forKey: .model),
            classes: container.decode([HeadClass].self, forKey: .classes)
        )
    }
}
