// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

/// A library target and its tests, which stand in Sources/NAME and Tests/NAMETests. One that is safe has no pointers.
func library(
  _ name: String, _ dependencies: [Target.Dependency], tests: [Target.Dependency] = [], isSafe: Bool = false
) -> [Target] {
  [
    .target(name: name, dependencies: dependencies, swiftSettings: strict + (isSafe ? [.strictMemorySafety()] : [])),
    .testTarget(
      name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies + tests, swiftSettings: strict),
  ]
}

/// What judges and proves, from the bottom up.
let verification = [
  "NumberFormats", "TensorFiles", "Problems", "Judging", "Mistakes", "Evidence", "Checking", "Reports",
]

let package = Package(
  name: "path-attention",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "pathcheck", targets: ["pathcheck"]),
    .library(name: "PathAttention", targets: ["LinearAlgebra", "PathAttention"]),
    .library(name: "PathVerification", targets: verification),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    .package(url: "https://github.com/attaswift/BigInt", from: "6.0.1"),
  ],
  targets: [
    // OpenBLAS, and for one test LAPACKE, installed by the system.
    [
      .systemLibrary(
        name: "COpenBLAS",
        pkgConfig: "openblas",
        providers: [.apt(["libopenblas-dev"])]),
      .systemLibrary(name: "CLAPACKE", path: "Tests/CLAPACKE", providers: [.apt(["liblapacke-dev"])]),
    ],

    // The library. Arrows point down only: each target depends on targets above it.
    [.target(name: "CRowKernels")],
    library("NumberFormats", ["CRowKernels"]),
    library("TensorFiles", ["NumberFormats"], tests: ["Problems"]),
    library(
      "LinearAlgebra",
      [
        "COpenBLAS",
        .product(name: "RealModule", package: "swift-numerics"),
        .product(name: "BigInt", package: "BigInt"),
      ], tests: ["Problems"]),
    library("PathAttention", ["CRowKernels", "LinearAlgebra"], tests: ["CLAPACKE", "Judging", "Problems"]),
    library(
      "Problems", ["LinearAlgebra", "NumberFormats", "PathAttention"], tests: ["TensorFiles", "TestFiles"],
      isSafe: true),
    library("Judging", ["LinearAlgebra", "NumberFormats", "PathAttention", "Problems"]),
    library(
      "Mistakes", ["Judging", "LinearAlgebra", "NumberFormats", "PathAttention", "Problems"],
      tests: ["TensorFiles", "TestFiles"]),
    library(
      "Evidence", ["Judging", "LinearAlgebra", "Mistakes", "NumberFormats", "PathAttention", "Problems"],
      tests: ["TensorFiles", "TestFiles"], isSafe: true),
    library(
      "Checking",
      ["Judging", "LinearAlgebra", "Mistakes", "NumberFormats", "PathAttention", "Problems", "TensorFiles"],
      tests: ["TestFiles"], isSafe: true),
    library(
      "Reports",
      ["Checking", "Evidence", "Judging", "Mistakes", "NumberFormats", "PathAttention", "Problems", "TensorFiles"],
      tests: ["TestFiles"], isSafe: true),

    // What tests of several targets share.
    [
      .target(
        name: "TestFiles", dependencies: ["PathAttention", "Problems", "TensorFiles"], path: "Tests/TestFiles",
        swiftSettings: strict)
    ],

    // The command line.
    [
      .executableTarget(
        name: "pathcheck",
        dependencies: [
          "PathAttention", "Checking", "Evidence", "Reports",
          .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
      .testTarget(
        name: "pathcheckTests",
        dependencies: ["pathcheck", "PathAttention", "TestFiles"] + verification.map { .init(stringLiteral: $0) },
        swiftSettings: strict),
    ],

    // README and Docs: what they say is what the programs do.
    [
      .testTarget(
        name: "DocumentationTests",
        dependencies: ["pathcheck", "LinearAlgebra", "PathAttention"] + verification.map { .init(stringLiteral: $0) },
        swiftSettings: strict)
    ],
  ].flatMap { $0 }
)

// The fuzzer of .ci/fuzz, which needs a library of the compiler.
if let library = Context.environment["PATH_FUZZER_LIBRARY"], !library.isEmpty {
  package.targets.append(
    .executableTarget(
      name: "Fuzz", dependencies: ["Checking", "Judging", "PathAttention", "Problems", "TensorFiles"],
      path: "Tests/Fuzz",
      exclude: ["Corpus"], swiftSettings: strict, linkerSettings: [.unsafeFlags([library, "-lstdc++"])]))
}
