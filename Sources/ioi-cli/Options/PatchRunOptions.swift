import ArgumentParser
import Foundation
import IOIKit

/// How much room patched runs may take.
struct MemoryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "GB that caches and stacked runs may take, beside the weights (default: 1).", valueName: "gb"
        )
    )
    var memory: Double?

    /// - Throws: `IOIError` of kind `usage` for a size that cannot be.
    func settings(workers: Workers) throws -> RunSettings {
        var settings = RunSettings(workers: workers)
        if let memory {
            try checkFlag("--memory", memory, in: 0.05...1000)
            settings.memory = Int(memory * 1e9)
        }
        settings.isInterrupted = { Interrupt.isPending }
        return settings
    }
}

/// - Throws: `IOIError` of kind `usage` where a text is none of the choices.
func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ flag: String,
    _ text: String?,
    default standard: Value
) throws -> Value {
    guard let text else { return standard }
    guard let value = Value(rawValue: text) else {
        let choices = Value.allCases.map(\.rawValue).joined(separator: ", ")
        throw IOIError.usage("\(flag): found \"\(text)\", expected one of \(choices)")
    }
    return value
}

/// - Throws: `IOIError` of kind `usage` where a text is no position.
func position(_ flag: String, _ text: String) throws -> PositionSelection {
    guard let position = PositionSelection(text) else {
        throw IOIError.usage("\(flag): found \"\(text)\", expected one of \(PositionSelection.choices)")
    }
    return position
}

/// The parts of a list that is separated by commas.
func list(_ text: String?) -> [String] {
    text.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
}

/// The items of a list that is separated by commas.
///
/// - Throws: `IOIError` of kind `usage` for a text that is none.
func items<Item: TextCoded>(_ flag: String, _ text: String?) throws -> [Item] {
    try list(text).map { part in
        guard let item = Item(part) else {
            throw IOIError.usage("\(flag): found \"\(part)\", expected \(Item.form)")
        }
        return item
    }
}

/// All of something, or the items of a list.
func selection<Item: TextCoded & Hashable>(_ flag: String, _ text: String?) throws -> Selection<Item> {
    text == "all" ? .all : .some(try items(flag, text))
}
