/// Where the boxes of a circuit's diagram lie, and the way of each arrow around them.
///
/// Boxes stand in columns. Arrows run vertically in the gaps between columns, each in a lane of its own, and cross a column
/// between two of its boxes or, where that is full, below all of them.
struct CircuitLayout {
    struct Point: Equatable {
        var x, y: Double
    }

    struct Rectangle: Equatable {
        var x, y, width, height: Double

        var right: Double { x + width }
        var bottom: Double { y + height }

        /// Whether the insides of both have something in common.
        func intersects(_ other: Rectangle) -> Bool {
            x < other.right && other.x < right && y < other.bottom && other.y < bottom
        }
    }

    /// An arrow between two boxes.
    struct Link {
        let from, to: Int
        let label: String
    }

    struct Route {
        /// From the right edge of its first box to the left edge of its last, horizontal and vertical by turns.
        var points: [Point]
        let label: String
        /// Of the label's text, above the end of the arrow.
        var labelBox: Rectangle?
    }

    private(set) var boxes: [Rectangle]
    private(set) var routes: [Route] = []
    private(set) var width = 0.0, height = 0.0

    /// The room between arrows that run side by side.
    private static let lane = 10.0
    /// The room between arrows that end at a box, which have labels.
    private static let port = 18.0
    /// The room between the boxes of a column.
    private static let gap = 40.0
    private static let edge = 16.0

    /// - Parameters:
    ///   - boxes: the column of each box, and the size that its text needs.
    ///   - links: between boxes, by their indices.
    ///   - top: where the columns begin.
    init(_ boxes: [(column: Int, width: Double, height: Double)], _ links: [Link], top: Double) {
        self.boxes = boxes.map { Rectangle(x: 0, y: 0, width: $0.width, height: $0.height) }
        let columns = boxes.map(\.column)
        let count = (columns.max() ?? -1) + 1
        placeVertically(columns, count, links, top: top)
        let ends = ports(links)
        let tracks = tracks(links, columns, ends)
        placeHorizontally(columns, count, links, ends, tracks)
    }

    /// Boxes are as high as their text or their arrows need; columns are centred.
    private mutating func placeVertically(_ columns: [Int], _ count: Int, _ links: [Link], top: Double) {
        for index in boxes.indices {
            let arriving = Double(links.count { $0.to == index }), leaving = Double(links.count { $0.from == index })
            boxes[index].height = max(boxes[index].height, Self.port * arriving + 10, Self.lane * leaving + 14)
        }
        let members = (0..<count).map { column in boxes.indices.filter { columns[$0] == column } }
        let heights = members.map { member in
            member.map { boxes[$0].height }.reduce(0, +) + Self.gap * Double(max(member.count - 1, 0))
        }
        let most = heights.max() ?? 0
        for (column, member) in members.enumerated() {
            var y = top + (most - heights[column]) / 2
            for index in member {
                boxes[index].y = y
                y += boxes[index].height + Self.gap
            }
        }
        height = top + most
    }

    /// The heights at which each link leaves and arrives, in the order of the other ends so that few cross.
    private func ports(_ links: [Link]) -> [(start: Double, end: Double)] {
        var ends = links.map { _ in (start: 0.0, end: 0.0) }
        func middle(_ box: Int) -> Double { boxes[box].y + boxes[box].height / 2 }
        for box in boxes.indices {
            let leaving = links.indices.filter { links[$0].from == box }.sorted {
                (middle(links[$0].to), $0) < (middle(links[$1].to), $1)
            }
            for (place, link) in leaving.enumerated() {
                ends[link].start = middle(box) + (Double(place) - Double(leaving.count - 1) / 2) * Self.lane
            }
            let arriving = links.indices.filter { links[$0].to == box }.sorted {
                (middle(links[$0].from), $0) < (middle(links[$1].from), $1)
            }
            for (place, link) in arriving.enumerated() {
                // Below the middle of its share, which leaves room for the label above the line.
                let offset = (Double(place) - Double(arriving.count - 1) / 2) * Self.port
                ends[link].end = middle(box) + offset + 3
            }
        }
        return ends
    }

    /// The height at which each link crosses the columns on its way; nil if there are none.
    private mutating func tracks(_ links: [Link], _ columns: [Int], _ ends: [(start: Double, end: Double)]) -> [Double?]
    {
        var taken: [Double] = []
        var tracks: [Double?] = []
        let bottom = height
        for (index, link) in links.enumerated() {
            let (from, to) = (columns[link.from], columns[link.to])
            guard to != from + 1 else {
                tracks.append(nil)
                continue
            }
            let crossed = to > from ? (from + 1)...(to - 1) : to...from
            let obstacles = boxes.indices.filter { crossed.contains(columns[$0]) }.map { boxes[$0] }
            func isFree(_ y: Double) -> Bool {
                obstacles.allSatisfy { y < $0.y - 7 || y > $0.bottom + 7 } && taken.allSatisfy { abs($0 - y) >= 7 }
            }
            let (start, end) = ends[index]
            func detour(_ y: Double) -> Double { abs(y - start) + abs(y - end) }
            var candidates = obstacles.map { $0.bottom + 8 } + obstacles.map { $0.bottom + Self.gap / 2 }
            candidates += obstacles.map { $0.bottom + Self.gap - 8 } + [start, end]
            // Far enough below everything there is always room.
            candidates += (0...links.count).map { bottom + 12 + Double($0) * Self.lane }
            let track = candidates.filter(isFree).min { detour($0) < detour($1) }!
            taken.append(track)
            tracks.append(track)
            height = max(height, track)
        }
        return tracks
    }

    private mutating func placeHorizontally(
        _ columns: [Int],
        _ count: Int,
        _ links: [Link],
        _ ends: [(start: Double, end: Double)],
        _ tracks: [Double?]
    ) {
        /// A vertical part of a link in the gap to the right of a column; -1 is left of the first.
        struct Vertical {
            let link: Int
            let isFirst: Bool
            let from, to: Double
        }
        var gaps: [Int: [Vertical]] = [:]
        for (index, link) in links.enumerated() {
            let (start, end) = ends[index]
            guard let track = tracks[index] else {
                gaps[columns[link.from], default: []].append(Vertical(link: index, isFirst: true, from: start, to: end))
                continue
            }
            gaps[columns[link.from], default: []].append(Vertical(link: index, isFirst: true, from: start, to: track))
            gaps[columns[link.to] - 1, default: []].append(Vertical(link: index, isFirst: false, from: track, to: end))
        }
        var lanes = links.map { _ in (first: 0.0, last: 0.0) }
        var x = Self.edge
        var labels = links.map { _ in 0.0 }
        for column in -1..<count {
            if column >= 0 {
                let members = boxes.indices.filter { columns[$0] == column }
                let width = members.map { boxes[$0].width }.max() ?? 0
                for index in members { (boxes[index].x, boxes[index].width) = (x, width) }
                x += width
            }
            let all = gaps[column] ?? []
            // In this order an arrow crosses as few others as it can.
            let up = all.filter { $0.to < $0.from }.sorted { $0.from < $1.from }
            let down = all.filter { $0.to >= $0.from }.sorted { $0.from > $1.from }
            guard !all.isEmpty || column < count - 1 && column >= 0 else { continue }
            x += column >= 0 ? 14 : 0
            for vertical in up + down {
                if vertical.isFirst { lanes[vertical.link].first = x }
                if !vertical.isFirst || tracks[vertical.link] == nil { lanes[vertical.link].last = x }
                x += Self.lane
            }
            let ending = all.filter { !$0.isFirst || tracks[$0.link] == nil }.map(\.link)
            let room = ending.map { SVG.width(links[$0].label) }.max() ?? 0
            for link in ending { labels[link] = x + 2 }
            x += room + 16
        }
        width = x + Self.edge
        for (index, link) in links.enumerated() {
            let (start, end) = ends[index]
            let lane = lanes[index]
            var points = [Point(x: boxes[link.from].right, y: start), Point(x: lane.first, y: start)]
            if let track = tracks[index] {
                points += [Point(x: lane.first, y: track), Point(x: lane.last, y: track)]
            }
            points += [Point(x: lane.last, y: end), Point(x: boxes[link.to].x, y: end)]
            let size = SVG.width(link.label)
            let box = link.label.isEmpty ? nil : Rectangle(x: labels[index], y: end - 14, width: size, height: 11)
            routes.append(Route(points: points, label: link.label, labelBox: box))
        }
    }
}
