import Foundation
import PathAttention
import Problems
import Testing

/// Estimates of memory against what was measured, and limits of machines.
@Suite struct MemoryEstimateTests {
  @Test("What a machine cannot hold is refused with both numbers, and sizes never overflow")
  func limits() throws {
    let huge = ProblemSizes(
      AttentionShape(batch: .max, length: .max, queryHeads: .max, heads: .max, keyDim: .max, valueDim: .max))
    let estimate = MemoryEstimate.pass(huge, .compactWY, backward: true)
    #expect(estimate.bytes.isFinite && estimate.bytes > 1e60)
    let error = #expect(throws: MemoryShortage.self) {
      try MemoryLimit(bytes: 16e9).admit(MemoryEstimate(bytes: 8.8e12))
    }
    #expect(
      "\(error!)" == "this would take about 8.8 TB of memory, more than the 16 GB that may be used "
        + "(--memory sets another limit)")
    try MemoryLimit(bytes: 16e9).admit(MemoryEstimate(bytes: 16e9))
    #expect(MemoryLimit.machine.bytes > 1e8)
  }

  @Test("One lane of many, one token: the matrices of K × K numbers count, and so do many short segments")
  func corners() {
    let lanes = ProblemSizes(AttentionShape(length: 1, queryHeads: 1, heads: 1, keyDim: 100_000, valueDim: 1))
    #expect(MemoryEstimate.pass(lanes, .blockwise(), backward: false).bytes >= 8e10)
    let segments = ProblemSizes(
      AttentionShape(length: 1, queryHeads: 100_000, heads: 1, keyDim: 1, valueDim: 1), longest: 1, segments: 100_000)
    #expect(MemoryEstimate.pass(segments, .sequentialProduct, backward: false).bytes >= 1e12)
    let tables = ProblemSizes(AttentionShape(length: 100_000, queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1))
    #expect(MemoryEstimate.pass(tables, .compactWY, backward: false).bytes >= 8e10)
    #expect(MemoryEstimate.pass(tables, .blockwise(blockSize: .max), backward: false).bytes >= 8e10)
  }

  @Test("Limits of control groups are found in either version, and the least one of those above counts")
  func controlGroups() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "groups-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    func put(_ path: String, _ text: String) throws {
      let url = root.appending(path: path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    #expect(MachineMemory.controlGroupLimit(root: root.path) == nil)
    try put("proc/self/cgroup", "0::/user/job\n")
    try put("sys/fs/cgroup/user/job/memory.max", "max\n")
    #expect(MachineMemory.controlGroupLimit(root: root.path) == nil)
    try put("sys/fs/cgroup/user/memory.max", "2000000000\n")
    #expect(MachineMemory.controlGroupLimit(root: root.path) == 2e9)
    // In a container the path is that of the host.
    try put("proc/self/cgroup", "12:cpu:/x\n4:memory,hugetlb:/docker/abc\n")
    try put("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000000\n")
    #expect(MachineMemory.controlGroupLimit(root: root.path) == 1e9)
  }
}
