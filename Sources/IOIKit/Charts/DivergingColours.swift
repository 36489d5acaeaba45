import Foundation

/// A scale of colours from blue (negative) over white (zero) to red (positive), from the 256 that every terminal of
/// today can show. Numbers on them are black or white, whichever is easier to read there, so that neither depends on
/// the terminal's own colours.
enum DivergingColours {
    /// xterm's colour numbers, of which those from 16 on are a cube of 6 × 6 × 6.
    static let backgrounds = [18, 25, 26, 69, 111, 153, 189, 231, 224, 217, 210, 203, 160, 124, 88]

    private static let black = 16
    private static let white = 231

    /// - Parameter share: from -1 to 1.
    static func background(_ share: Double) -> Int {
        let middle = backgrounds.count / 2
        return backgrounds[middle + Int((min(max(share, -1), 1) * Double(middle)).rounded())]
    }

    static func foreground(on background: Int) -> Int {
        luminance(background) > 0.18 ? black : white
    }

    /// Relative luminance, from 0 to 1 (WCAG 2), of a colour of the cube.
    static func luminance(_ colour: Int) -> Double {
        let levels = [0.0, 95, 135, 175, 215, 255].map { level in
            let share = level / 255
            return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
        }
        let index = colour - 16
        return 0.2126 * levels[index / 36] + 0.7152 * levels[index / 6 % 6] + 0.0722 * levels[index % 6]
    }

    /// Text on a background; what follows it stays in these colours until ``reset``.
    static func paint(_ text: String, _ background: Int) -> String {
        "\u{1B}[38;5;\(foreground(on: background));48;5;\(background)m\(text)"
    }

    static let reset = "\u{1B}[0m"
}
