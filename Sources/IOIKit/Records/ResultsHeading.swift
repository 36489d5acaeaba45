import Foundation

/// What any results file says about itself.
struct ResultsHeading: Decodable {
    let schema, command: String
    let model, donor: ModelRecord?
    let dataset: DatasetRecord?

    /// - Throws: `IOIError` that names the file and the field if it is not a results file of this version.
    init(_ json: Data, path: String) throws {
        self = try InputFile.decode(Self.self, from: json, path: path)
        guard schema == "ioi/1" else {
            throw IOIError("\(path): schema: found \(schema.quoted), expected \"ioi/1\"")
        }
    }
}
