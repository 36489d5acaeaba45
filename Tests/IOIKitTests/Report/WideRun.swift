import Foundation

/// The finished run of a small plan as if its model had 48 layers of 25 heads: each map is tiled to that size, one head in
/// fifty as strong as it was.
enum WideRun {
    private static let (layers, heads) = (48, 25)

    static let folder: URL = {
        let (source, folder) = (
            ReproductionReportTests.finished.folder, ReproductionReportTests.finished.model.file("wide")
        )
        let files = FileManager.default
        try! files.createDirectory(at: folder.appendingPathComponent("results"), withIntermediateDirectories: true)
        for name in try! files.contentsOfDirectory(atPath: source.path) where name != "results" {
            try! files.copyItem(at: source.appendingPathComponent(name), to: folder.appendingPathComponent(name))
        }
        let results = source.appendingPathComponent("results")
        for name in try! files.contentsOfDirectory(atPath: results.path) where name.hasSuffix(".json") {
            let data = try! Data(contentsOf: results.appendingPathComponent(name))
            var document = try! JSONSerialization.jsonObject(with: data) as! [String: Any]
            document["results"] = tile(document["results"]!)
            try! JSONSerialization.data(withJSONObject: document)
                .write(to: folder.appendingPathComponent("results/\(name)"))
        }
        return folder
    }()

    /// A results file of a sweep.
    static let sweep: URL = {
        let results = folder.appendingPathComponent("results")
        let names = try! FileManager.default.contentsOfDirectory(atPath: results.path)
        return results.appendingPathComponent(names.sorted().first { $0.contains("outputs") }!)
    }()

    /// Rows of two layers with four cells, as the fixture's model has them, and its list of heads.
    private static func tile(_ value: Any) -> Any {
        if let rows = value as? [[Any]], rows.count == 2, rows.allSatisfy({ $0.count == 4 }) {
            return (0..<layers).map { layer in
                (0..<heads).map { head in scaled(rows[layer % 2][head % 4], share(layer, head)) }
            }
        }
        if let entries = value as? [[String: Any]], entries.count == 8, entries.allSatisfy({ $0["head"] != nil }) {
            return (0..<layers).flatMap { layer in
                (0..<heads).map { head in
                    entries[layer % 2 * 4 + head % 4].merging(["head": "\(layer).\(head)"]) { $1 }
                }
            }
        }
        if let list = value as? [Any] { return list.map(tile) }
        return (value as? [String: Any])?.mapValues(tile) ?? value
    }

    private static func share(_ layer: Int, _ head: Int) -> Double {
        let place = (layer * 31 + head * 17) % 50
        return place == 0 || layer == 47 ? 1 : 0.3 * pow(Double(place) / 50, 3)
    }

    private static func scaled(_ value: Any, _ share: Double) -> Any {
        if let list = value as? [Any] { return list.map { scaled($0, share) } }
        return (value as? Double).map { $0 * share } ?? value
    }
}
