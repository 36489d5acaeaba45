import Foundation

/// A page that shows what a run folder holds, with its pictures and tables to keep as files.
public protocol Report: Sendable {
    var html: String { get }
    /// All pictures in it.
    var charts: [ReportChart] { get }
    /// All its tables of figures, by name, in full precision.
    var tables: [(name: String, csv: String)] { get }
}

/// A picture, with a name to save it by.
public struct ReportChart: Sendable {
    public let name: String
    public let svg: String
}

extension RunFolder {
    /// The report of the run that the folder holds, be it one of a plan or a fine-tuning.
    ///
    /// - Throws: ``IOIError`` where it holds neither, or a record that cannot be read. What else is missing is named in
    ///   the report.
    public func report() throws -> any Report {
        let plan = url.appendingPathComponent(ReproductionRecord.fileName)
        if FileManager.default.fileExists(atPath: plan.path) { return try ReproductionReport(of: url) }
        guard holdsRun else {
            throw IOIError(
                "\(url.path): found neither \(plan.lastPathComponent), which `ioi reproduce` writes when it is done, nor "
                    + "\(configFile.lastPathComponent) of `ioi finetune`, expected a run folder"
            )
        }
        return try RunReport(of: url)
    }
}
