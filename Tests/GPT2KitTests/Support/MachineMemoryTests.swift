import Foundation
import Testing

@testable import GPT2Kit

@Suite struct MachineMemoryTests {
    @Test func theLimitIsThatOfTheMachineOrLess() {
        #expect(MachineMemory.limit > 0)
        #expect(MachineMemory.limit <= Int(ProcessInfo.processInfo.physicalMemory))
    }

    @Test func aCountThatTakesMoreIsRefused() throws {
        try MachineMemory.check("count", 10, bytesEach: 100, most: 1000)
        let error = #expect(throws: IOIError.self) {
            try MachineMemory.check("count", 11, bytesEach: 100_000_000, most: 1_000_000_000)
        }
        #expect(
            error == .invalid("count", "found 11 (about 1.1 GB of memory), expected at most 10 (the 1.0 GB available)"))
        // Without overflow.
        #expect(throws: IOIError.self) { try MachineMemory.check("count", .max, bytesEach: 1000) }
    }

    @Test func arenasAreCounted() {
        let before = Arena.mapped
        var arena: Arena? = Arena(count: 1 << 28)
        // Others may be made and freed meanwhile, but none so large.
        #expect(Arena.mapped - before > 1 << 29)
        withExtendedLifetime(arena) {}
        arena = nil
        #expect(Arena.mapped - before < 1 << 29)
    }

    @Test func aModelLargerThanTheMemoryIsRefused() throws {
        let config = try GPT2Config(
            vocabularySize: 50257, contextLength: 1024, width: 65536, layers: 1024, heads: 64)
        #expect(throws: IOIError.self) { try GPT2Parameters.checkMemory(for: config) }
        try GPT2Parameters.checkMemory(
            for: GPT2Config(
                vocabularySize: 100, contextLength: 16, width: 16, layers: 2, heads: 2))
    }
}
