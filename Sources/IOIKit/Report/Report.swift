import Foundation

/// A page that shows the contents of a run folder. Its charts and tables can also be saved as files.
public protocol Report: Sendable {
    var html: String { get }
    var charts: [ReportChart] { get }
    /// The tables of figures in full precision, by name.
    var tables: [(name: String, csv: String)] { get }
    /// The files that are missing or wrong, which the page names too.
    var problems: [String] { get }
}

/// A chart and the name of its file.
public struct ReportChart: Sendable {
    public let name: String
    public let svg: String
}

/// What a report is about: a run folder, or a results file.
public struct ReportSource {
    private let url: URL
    private let isFolder: Bool

    public init(_ url: URL) {
        self.url = url
        var isFolder: ObjCBool = false
        self.isFolder = !FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) || isFolder.boolValue
    }

    /// Where the page goes unless the caller says otherwise.
    public var page: URL {
        isFolder
            ? url.appendingPathComponent("report.html") : url.deletingPathExtension().appendingPathExtension("html")
    }

    /// - Throws: `IOIError` if the folder or the file holds nothing to report, or cannot be read.
    public func report() throws -> any Report {
        isFolder ? try RunFolder(url).report() : try ResultsReport(of: url)
    }
}

extension RunFolder {
    /// The report of the plan or the fine-tuning run in the folder.
    ///
    /// - Throws: `IOIError` if the folder contains neither, or its record cannot be read. The report names anything
    ///   else that is missing.
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
