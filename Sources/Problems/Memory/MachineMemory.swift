import Foundation

/// How much memory this process may have.
package enum MachineMemory {
  /// The least of what the machine has, what the control groups of the process allow, and what its own limits are.
  package static var bytes: Double {
    var limit = Double(ProcessInfo.processInfo.physicalMemory)
    limit = min(limit, controlGroupLimit(root: "") ?? limit)
    var own = rlimit()
    #if canImport(Glibc)
      let addressSpace = __rlimit_resource_t(RLIMIT_AS.rawValue)
    #else
      let addressSpace = RLIMIT_AS
    #endif
    if unsafe getrlimit(addressSpace, &own) == 0 { limit = min(limit, Double(own.rlim_cur)) }
    return limit
  }

  /// The least limit of the control groups that the process is in, and of those above them; nil if there is none.
  ///
  /// - Parameter root: What stands before /proc and /sys.
  package static func controlGroupLimit(root: String) -> Double? {
    func text(_ path: String) -> String? { try? String(contentsOfFile: root + path, encoding: .utf8) }
    guard let groups = text("/proc/self/cgroup") else { return nil }
    var limits: [Double] = []
    // One line for each hierarchy: number, controllers, path. The unified one has no controllers.
    for line in groups.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",")
      guard controllers.isEmpty || controllers.contains("memory") else { continue }
      let (mount, file) =
        controllers.isEmpty ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
      // In a container the path may be that of the host, of which only the end can be seen: every part of it is tried.
      var path = parts[2].split(separator: "/").map(String.init)
      while true {
        let folder = ([mount] + path).joined(separator: "/")
        if let limit = text("\(folder)/\(file)")?.trimmingCharacters(in: .whitespacesAndNewlines) {
          // "max" is none.
          limits += Double(limit).map { [$0] } ?? []
        }
        if path.popLast() == nil { break }
      }
    }
    return limits.min()
  }
}

/// How much memory a command may take.
public struct MemoryLimit: Sendable, Equatable {
  /// In bytes.
  public let bytes: Double
  private let isMachines: Bool

  /// A limit of one's own.
  public init(bytes: Double) {
    self.bytes = bytes
    isMachines = false
  }

  private init(machine bytes: Double) {
    self.bytes = bytes
    isMachines = true
  }

  /// What the machine has, and what is left of it to this process.
  public static var machine: MemoryLimit { MemoryLimit(machine: MachineMemory.bytes) }

  /// Refuses what would take more.
  ///
  /// - Throws: `MemoryShortage` with both numbers.
  public func admit(_ estimate: MemoryEstimate) throws(MemoryShortage) {
    guard estimate.bytes <= bytes else {
      throw MemoryShortage(
        needed: estimate.bytes, limit: bytes, whose: isMachines ? "this machine has" : "may be used")
    }
  }
}

/// More memory would be needed than there is.
public struct MemoryShortage: Error, Equatable, Sendable, CustomStringConvertible {
  /// In bytes.
  public let needed: Double
  /// In bytes.
  public let limit: Double
  fileprivate let whose: String

  /// One line with both numbers.
  public var description: String {
    "this would take about \(byteText(needed)) of memory, more than the \(byteText(limit)) that \(whose) "
      + "(--memory sets another limit)"
  }
}

/// Like "8.8 TB", in powers of 1000.
func byteText(_ bytes: Double) -> String {
  var (value, unit) = (bytes, 0)
  let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
  while value >= 999.5, unit < units.count - 1 {
    value /= 1000
    unit += 1
  }
  return String(format: unit == 0 ? "%.0f " : value < 99.5 ? "%.2g " : "%.0f ", value) + units[unit]
}
