/// The order of the axes of a tensor in a file.
public enum TensorLayout: String, CaseIterable, Sendable, Codable {
  /// [batch, token, head, lane], and [batch, token, head].
  case bthd
  /// [batch, head, token, lane], and [batch, head, token].
  case bhtd

  /// The other one.
  package var other: TensorLayout { self == .bthd ? .bhtd : .bthd }

  /// Dimensions in this layout of a tensor whose dimensions in `bthd` are given.
  package func dimensions(_ bthd: [Int]) -> [Int] {
    self == .bthd ? bthd : [bthd[0], bthd[2], bthd[1]] + bthd.dropFirst(3)
  }

  /// Entries in the order of `bthd`, from entries in this layout. O(entries).
  package func reorder(_ entries: [Double], dimensions bthd: [Int]) -> [Double] {
    guard self == .bhtd, !entries.isEmpty else { return entries }
    let (tokens, heads, lanes) = (bthd[1], bthd[2], bthd.count > 3 ? bthd[3] : 1)
    var reordered = [Double]()
    reordered.reserveCapacity(entries.count)
    for batch in 0..<bthd[0] {
      for token in 0..<tokens {
        for head in 0..<heads {
          let start = ((batch * heads + head) * tokens + token) * lanes
          reordered.append(contentsOf: entries[start..<start + lanes])
        }
      }
    }
    return reordered
  }
}
