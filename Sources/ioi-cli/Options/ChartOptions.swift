import ArgumentParser
import Foundation
import IOIKit

/// Where a picture of the results goes.
struct ChartOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Draw the results to a file; .pdf and .png need rsvg-convert of the package librsvg2-bin.",
            valueName: "f.svg|f.pdf|f.png"),
        completion: .file(extensions: PictureFormat.allCases.map(\.rawValue))
    )
    var chart: String?

    /// - Throws: `IOIError` of kind `usage` if the file has no form of pictures, or what makes it is not installed.
    func check() throws {
        if let chart { _ = try PictureFormat(of: chart, flag: "--chart") }
    }

    /// Writes the picture, if one was asked for.
    func write(to outputs: Outputs, _ picture: () throws -> any Chart) throws {
        guard let chart else { return }
        let format = try PictureFormat(of: chart, flag: "--chart")
        try outputs.write("--chart") { try format.data(picture().svg) }
    }
}

/// The forms of a picture's file.
enum PictureFormat: String, CaseIterable {
    case svg, pdf, png

    /// The form that the extension of a file names; SVG for a device.
    ///
    /// - Throws: `IOIError` of kind `usage` if it names none, or the program that makes it is not installed.
    init(of path: String, flag: String, others: [String] = []) throws {
        guard !path.isDevice else {
            self = .svg
            return
        }
        let found = (path as NSString).pathExtension
        guard let format = Self(rawValue: found.lowercased()) else {
            throw IOIError.usage(
                "\(flag): \(path): found \(found.isEmpty ? "no extension" : ".\(found)"), expected "
                    + ([".svg", ".pdf"] + others).joined(separator: ", ") + " or .png")
        }
        if format != .svg, Self.converter == nil {
            throw IOIError.usage(
                "\(flag): \(path): found no rsvg-convert, which makes it; expected the package librsvg2-bin, or .svg")
        }
        self = format
    }

    /// The picture in this form.
    ///
    /// - Throws: ``IOIError`` if it cannot be made.
    func data(_ svg: String) throws -> Data {
        guard self != .svg, let converter = Self.converter else { return Data(svg.utf8) }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (source, target) = (folder.appendingPathComponent("chart.svg"), folder.appendingPathComponent("chart"))
        try Data(svg.utf8).write(to: source)
        let process = Process()
        process.executableURL = converter
        // Twice as many pixels, for printing and fine screens.
        process.arguments =
            ["--format", rawValue, "--output", target.path] + (self == .png ? ["--zoom", "2"] : []) + [source.path]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0, let data = try? Data(contentsOf: target) else {
            throw IOIError("\(converter.path): failed with exit code \(process.terminationStatus)")
        }
        return data
    }

    private static let converter: URL? = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map {
        URL(fileURLWithPath: "\($0)/rsvg-convert")
    }.first { FileManager.default.isExecutableFile(atPath: $0.path) }
}

extension String {
    /// Whether a path is that of a device or pipe, which is written to as it is.
    var isDevice: Bool {
        var status = stat()
        guard stat(self, &status) == 0 else { return false }
        return status.st_mode & S_IFMT != S_IFREG && status.st_mode & S_IFMT != S_IFDIR
    }
}

/// A command whose results can be drawn.
protocol ChartCommand: ExperimentCommand {
    var drawing: ChartOptions { get }

    func chart(_ results: Kind.Results, of experiment: Kind, on subject: Subject) throws -> any Chart
}

extension ChartCommand {
    var otherOutputs: [(flag: String, path: String?)] { [("--chart", drawing.chart)] }

    func checkOutputs() throws { try drawing.check() }

    func keep(_ results: Kind.Results, of experiment: Kind, on subject: Subject, in outputs: Outputs) throws {
        try drawing.write(to: outputs) { try chart(results, of: experiment, on: subject) }
    }
}
