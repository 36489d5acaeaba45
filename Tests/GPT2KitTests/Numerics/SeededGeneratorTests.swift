import Testing

@testable import GPT2Kit

@Suite struct SeededGeneratorTests {
    @Test func streamsAreRepeatableAndDistinct() {
        var a = SeededGenerator(7, "prompts", 3)
        var b = SeededGenerator(7, "prompts", 3)
        var c = SeededGenerator(7, "prompts", 4)
        var d = SeededGenerator(7, "names", 3)
        let first = (0..<8).map { _ in a.next() }
        #expect(first == (0..<8).map { _ in b.next() })
        #expect(first != (0..<8).map { _ in c.next() })
        #expect(first != (0..<8).map { _ in d.next() })
    }
}
