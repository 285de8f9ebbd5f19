public struct SeededGenerator: RandomNumberGenerator { var s: UInt64; public init(seed: UInt64) { s = seed }
 public mutating func next() -> UInt64 { s &+= 0x9e3779b97f4a7c15; var z = s; z = (z ^ (z >> 30)) &* 0xbf58476d1ce4e5b9; z = (z ^ (z >> 27)) &* 0x94d049bb133111eb; return z ^ (z >> 31) } }
