import Foundation
import TensorFiles
import Testing

/// Files that Python's safetensors writes are read, and files that are written here are read by it.
@Suite struct PythonInteropTests {
  /// Written by `safetensors.serialize` of safetensors 0.8.0 under Python 3.11.
  static let writtenByPython = """
    CAQAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJzY2FsZSI6IjAuMTI1Iiwibm90ZSI6Im5hw692ZSBcInF1b3Rlc1wiIFxcIC8gXHQg5ryi5a2XIPCf\
    mYIifSwidTY0Ijp7ImR0eXBlIjoiVTY0Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX0sImk2NCI6eyJkdHlwZSI6Ikk2NCIsInNo\
    YXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzgsMjRdfSwiZG91YmxlIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOlszXSwiZGF0YV9vZmZzZXRzIjpb\
    MjQsNDhdfSwibm90aGluZyI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbNCwwLDJdLCJkYXRhX29mZnNldHMiOls0OCw0OF19LCJzY2FsYXIiOnsi\
    ZHR5cGUiOiJGMzIiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzQ4LDUyXX0sInNpbmdsZSI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwx\
    XSwiZGF0YV9vZmZzZXRzIjpbNTIsNjBdfSwidTMyIjp7ImR0eXBlIjoiVTMyIiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbNjAsNjRdfSwi\
    aTMyIjp7ImR0eXBlIjoiSTMyIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNjQsNzJdfSwiYnJhaW4iOnsiZHR5cGUiOiJCRjE2Iiwic2hh\
    cGUiOlsyLDJdLCJkYXRhX29mZnNldHMiOls3Miw4MF19LCJoYWxmIjp7ImR0eXBlIjoiRjE2Iiwic2hhcGUiOlsxLDNdLCJkYXRhX29mZnNldHMi\
    Ols4MCw4Nl19LCJ1MTYiOnsiZHR5cGUiOiJVMTYiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls4Niw4OF19LCJpMTYiOnsiZHR5cGUiOiJJ\
    MTYiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOls4OCw5Ml19LCJpOCI6eyJkdHlwZSI6Ikk4Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRz\
    IjpbOTIsOTRdfSwiZ3LDtsOfZSBcIs6yXCJcbiI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbOTQsOTVdfSwidTgi\
    OnsiZHR5cGUiOiJVOCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6Wzk1LDk4XX0sInRydXRoIjp7ImR0eXBlIjoiQk9PTCIsInNoYXBlIjpb\
    Ml0sImRhdGFfb2Zmc2V0cyI6Wzk4LDEwMF19fSAgICD/////////fwAAAAAAAACA/////////3+amZmZmZm5PwAAAAAAAPD/AAAAAAAAAIAAAOjA\
    AADAPwAAQMD/////AAAAgP///3+AP0DAAQCAfwA4/3sBAP//AID/f4B/KgAB/wEA
    """

  @Test("A file that Python's safetensors wrote")
  func fromPython() throws {
    let bytes = try #require(Data(base64Encoded: Self.writtenByPython))
    try HandmadeFile(bytes: Array(bytes)).withPath { path in
      let file = try TensorFile(path: path)
      #expect(file.metadata == ["scale": "0.125", "note": "naïve \"quotes\" \\ / \t 漢字 🙂"])
      #expect(file.tensors.count == 16)
      let reals: [(String, ElementType, [Int], [Double])] = [
        ("double", .float64, [3], [0.1, -.infinity, -0.0]), ("single", .float32, [2, 1], [1.5, -3]),
        ("half", .float16, [1, 3], [0.5, 65504, 0x1p-24]), ("brain", .bfloat16, [2, 2], [1, -3, 0x1p-133, .infinity]),
        ("scalar", .float32, [], [-7.25]), ("nothing", .float32, [4, 0, 2], []),
      ]
      for (name, elementType, shape, expected) in reals {
        #expect(file[name]?.elementType == elementType && file[name]?.shape == shape, "\(name)")
        #expect(try file.doubles(name).map(\.bitPattern) == expected.map(\.bitPattern), "\(name)")
      }
      let integers: [(String, ElementType, [Int])] = [
        ("i64", .int64, [Int.min, Int.max]), ("i32", .int32, [-1 << 31, 1 << 31 - 1]),
        ("i16", .int16, [-1 << 15, 1 << 15 - 1]), ("i8", .int8, [-128, 127]), ("u64", .uint64, [Int.max]),
        ("u32", .uint32, [1 << 32 - 1]), ("u16", .uint16, [1 << 16 - 1]), ("u8", .uint8, [0, 1, 255]),
        ("truth", .bool, [1, 0]), ("größe \"β\"\n", .uint8, [42]),
      ]
      for (name, elementType, expected) in integers {
        #expect(file[name]?.elementType == elementType && file[name]?.shape == [expected.count], "\(name)")
        #expect(try file.integers(name) == expected, "\(name)")
      }
    }
  }

  /// Reads the file of the first argument with safetensors, prints each tensor, and writes all of them to the second.
  private static let script = """
    import ctypes, json, struct, sys, safetensors
    data = open(sys.argv[1], "rb").read()
    header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
    names = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool"}
    names.update({f"{k}{bits}": f"{name}{bits}" for k, name in (("I", "int"), ("U", "uint")) for bits in (8, 16, 32, 64)})
    copies, buffers = {}, []
    for name, tensor in safetensors.deserialize(data):
        content = bytes(tensor["data"])
        print(json.dumps([name, tensor["dtype"], tensor["shape"], content.hex()], ensure_ascii=False))
        dtype = names[tensor["dtype"]]
        if hasattr(safetensors, "TensorSpec"):
            buffers.append(ctypes.create_string_buffer(content, max(1, len(content))))
            copies[name] = safetensors.TensorSpec(
                dtype=dtype, shape=tensor["shape"], data_ptr=ctypes.addressof(buffers[-1]), data_len=len(content))
        else:
            copies[name] = {"dtype": dtype, "shape": tensor["shape"], "data": content}
    safetensors.serialize_file(copies, sys.argv[2], header.get("__metadata__"))
    """

  /// Runs python3; what it prints, or nil if it fails or there is none.
  private static func python(_ arguments: String...) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return process.terminationStatus == 0 ? text : nil
  }

  static let hasSafetensors = python("-c", "import safetensors") != nil

  @Test(
    "Python's safetensors reads what is written here and writes what is read here",
    .enabled(if: hasSafetensors, "needs python3 with the package safetensors"))
  func throughPython() throws {
    var writer = TensorFileWriter(metadata: ["scale": "0.125", "note": "naïve \"quotes\" \\ / \t\u{1} 漢字 🙂"])
    try writer.add("double", shape: [3], [0.1, -.infinity, .nan], as: .float64)
    try writer.add("größe \"β\"\n/", shape: [1, 2, 1], [0.5, 1.5], as: .float32)
    try writer.add("half", shape: [], [65504.0], as: .float16)
    try writer.add("brain", shape: [2, 2], [1, -3, 0x1p-133, .infinity], as: .bfloat16)
    try writer.add("nothing", shape: [4, 0, 2], [] as [Double], as: .float32)
    for elementType in ElementType.allCases where elementType.format == nil {
      try writer.add(elementType.rawValue, shape: [3], [0, 1, 1], as: elementType)
    }
    try withTemporaryFolder { folder in
      let (path, copy) = (folder + "/ours", folder + "/theirs")
      try writer.write(to: path)
      let output = try #require(Self.python("-c", Self.script, path, copy))
      let lines = Set(output.split(separator: "\n"))
      #expect(lines.count == 14)
      for line in [
        #"["double", "F64", [3], "9a9999999999b93f000000000000f0ff000000000000f87f"]"#,
        #"["größe \"β\"\n/", "F32", [1, 2, 1], "0000003f0000c03f"]"#, #"["half", "F16", [], "ff7b"]"#,
        #"["brain", "BF16", [2, 2], "803f40c00100807f"]"#, #"["nothing", "F32", [4, 0, 2], ""]"#,
        #"["BOOL", "BOOL", [3], "000101"]"#, #"["U16", "U16", [3], "000001000100"]"#,
      ] {
        #expect(lines.contains(Substring(line)), "\(line) in \(output)")
      }
      let (ours, theirs) = (try TensorFile(path: path), try TensorFile(path: copy))
      #expect(theirs.metadata == writer.metadata)
      #expect(Set(theirs.tensors.map(\.name)) == Set(ours.tensors.map(\.name)))
      for tensor in ours.tensors {
        #expect(theirs[tensor.name]?.shape == tensor.shape && theirs[tensor.name]?.elementType == tensor.elementType)
        if tensor.elementType?.format == nil {
          #expect(try theirs.integers(tensor.name) == ours.integers(tensor.name), "\(tensor.name)")
        } else {
          let (a, b) = (try theirs.doubles(tensor.name), try ours.doubles(tensor.name))
          #expect(a.map(\.bitPattern) == b.map(\.bitPattern), "\(tensor.name)")
        }
      }
    }
  }
}
