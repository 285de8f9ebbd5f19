import ArgumentParser
import Problems
import Reports

/// How much memory may be used.
struct MemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How much memory may be used, like 16G. What would take more is refused before it starts. Default: what the machine "
        + "has.", valueName: "size"))
  var memory: MemorySize?

  var limit: MemoryLimit { memory.map { MemoryLimit(bytes: $0.bytes) } ?? .machine }

  /// Refuses what would take more.
  func admit(_ estimate: MemoryEstimate) throws(Failure) {
    do { try limit.admit(estimate) } catch { throw Failure("\(error)") }
  }
}

/// An amount of memory: a number and M, G or T, which are powers of 1000.
struct MemorySize: ExpressibleByArgument {
  let bytes: Double

  static let range = 1e6...1e15

  init?(argument: String) {
    var digits = argument.uppercased()[...]
    if digits.last == "B" { digits = digits.dropLast() }
    let units: [Character: Double] = ["M": 1e6, "G": 1e9, "T": 1e12]
    guard let unit = digits.popLast().flatMap({ units[$0] }), let number = Double(digits),
      Self.range.contains(number * unit)
    else { return nil }
    bytes = number * unit
  }
}
