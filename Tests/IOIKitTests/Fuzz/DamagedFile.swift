import Foundation
import GPT2Kit

/// A sound file from which damaged ones are made. Its form tells how.
struct DamagedFile {
    enum Form {
        case json
        /// Lines of text, some of which may be JSON.
        case lines
        /// A header of JSON after its length, and bytes.
        case safetensors
    }

    private let form: Form
    private let sound: Data
    private let document: DamagedJSON?
    private let lines: [Data]

    init(_ form: Form, _ sound: Data) {
        self.form = form
        self.sound = sound
        lines = form == .lines ? sound.split(separator: 10, omittingEmptySubsequences: false).map { Data($0) } : []
        switch form {
        case .json: document = DamagedJSON(sound)
        case .safetensors: document = DamagedJSON(Self.header(of: sound))
        case .lines: document = nil
        }
        precondition(form == .lines || document != nil, "the sound file is not sound")
    }

    private static func header(of file: Data) -> Data {
        let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        return file.dropFirst(8).prefix(length)
    }

    /// Another file for each state of the generator: in three of four cases damaged with regard to its form, else byte by
    /// byte.
    func damaged(_ generator: inout SeededGenerator) -> Data {
        guard generator.below(4) > 0 else { return bytesDamaged(sound, &generator) }
        switch form {
        case .json: return text(of: document!.damaged(&generator))
        case .lines: return linesDamaged(&generator)
        case .safetensors:
            let header = text(of: document!.damaged(&generator))
            let length = generator.below(10) == 0 ? [0, 1, 8, 1 << 40, .max][generator.below(5)] : header.count
            let start = Data((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
            return start + header + sound.dropFirst(8 + Self.header(of: sound).count)
        }
    }

    private func text(of document: DamagedJSON) -> Data {
        var text = ""
        document.write(to: &text)
        return Data(text.utf8)
    }

    private func linesDamaged(_ generator: inout SeededGenerator) -> Data {
        var lines = lines
        for _ in 0...generator.below(2) where !lines.isEmpty {
            let (place, other) = (generator.below(lines.count), generator.below(lines.count))
            switch generator.below(7) {
            case 0: lines.remove(at: place)
            case 1: lines.insert(lines[place], at: other)
            case 2: lines.swapAt(place, other)
            case 3: lines[place] = Data()
            case 4: lines[place] = Data(repeating: lines[place].first ?? 65, count: 5000)
            case 5: lines[place] = bytesDamaged(lines[place], &generator)
            default:
                lines[place] =
                    DamagedJSON(lines[place]).map { text(of: $0.damaged(&generator)) }
                    ?? bytesDamaged(lines[place], &generator)
            }
        }
        return Data(lines.joined(separator: [generator.below(20) == 0 ? 13 : 10]))
    }

    private func bytesDamaged(_ sound: Data, _ generator: inout SeededGenerator) -> Data {
        var bytes = Array(sound)
        for _ in 0...generator.below(3) {
            guard !bytes.isEmpty else { return Data([UInt8(generator.below(256))]) }
            let place = generator.below(bytes.count)
            let end = min(bytes.count, place + 1 + generator.below(64))
            switch generator.below(8) {
            case 0: bytes[place] ^= 1 << UInt8(generator.below(8))
            case 1: bytes[place] = UInt8(generator.below(256))
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: generator.below(bytes.count))
            case 4: bytes.removeLast(bytes.count - place)
            case 5: bytes.insert(UInt8(generator.below(256)), at: place)
            case 6: bytes.insert(contentsOf: [0xEF, 0xBB, 0xBF], at: 0)
            default: bytes.replaceSubrange(place..<end, with: repeatElement(0, count: end - place))
            }
        }
        return Data(bytes)
    }
}
