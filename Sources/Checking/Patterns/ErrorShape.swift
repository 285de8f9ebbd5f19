/// In words, what the rows that are over the envelope look like. A rule holds if it does for 95 % of them; the last two need
/// at least four lanes.
///
/// - not finite: an entry is NaN or infinite;
/// - zero: the candidate is zero, and the reference is not;
/// - proportional: c · reference leaves less than 5 % of the squared error, for the best c of each row;
/// - constant: the mean of the error over the lanes leaves less than 5 % of it.
public struct ErrorShape: Sendable {
  /// The rule that holds, if one does.
  public private(set) var words: [String] = []

  /// The shape of some rows of a tensor, by their places in memory.
  public init(rows: [Int], candidate: [Double], reference: [Double], lanes: Int) {
    guard !rows.isEmpty else { return }
    let entries = RowEntries(candidate: candidate, reference: reference, lanes: lanes)
    func isUsual(_ rule: (Int) -> Bool) -> Bool {
      Double(rows.count(where: rule)) >= 0.95 * Double(rows.count)
    }
    if isUsual({ row in entries.candidate(row).contains { !$0.isFinite } }) {
      words = ["the candidate is not finite there"]
    } else if isUsual({ row in entries.candidate(row).allSatisfy { $0 == 0 } }) {
      words = ["the candidate is zero there"]
    } else if entries.lanes >= 4 {
      if isUsual({ isProportional($0, entries) }) {
        let factors = rows.map { factor($0, entries) }
        let (low, high) = (factors.min()!, factors.max()!)
        words = [
          high - low < 0.05 * abs(high)
            ? "the candidate is \(short((low + high) / 2)) times the reference there"
            : "the candidate is proportional to the reference there, by factors from \(short(low)) to \(short(high))"
        ]
      } else if isUsual({ isConstant(entries.error($0)) }) {
        words = ["the error is constant along the row"]
      }
    }
  }

  private func factor(_ row: Int, _ entries: RowEntries) -> Double {
    let (c, r) = (entries.candidate(row), entries.reference(row))
    let square = r.reduce(0) { $0 + $1 * $1 }
    return square == 0 ? 0 : zip(c, r).reduce(0) { $0 + $1.0 * $1.1 } / square
  }

  private func isProportional(_ row: Int, _ entries: RowEntries) -> Bool {
    let c = factor(row, entries)
    let error = entries.error(row).reduce(0) { $0 + $1 * $1 }
    let rest = zip(entries.candidate(row), entries.reference(row)).reduce(0) {
      $0 + ($1.0 - c * $1.1) * ($1.0 - c * $1.1)
    }
    return rest < 0.05 * error
  }

  private func isConstant(_ error: [Double]) -> Bool {
    let mean = error.reduce(0, +) / Double(error.count)
    let rest = error.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return rest < 0.05 * error.reduce(0) { $0 + $1 * $1 }
  }

  private func short(_ x: Double) -> String { "\((x * 1000).rounded() / 1000)" }
}
