#if arch(x86_64)
  /// The 80-bit format of x86 processors, with a significand of 64 bits: 11 more than `Double`. It takes the plain loops, so
  /// it judges results in `Double` with different text and 2048 times smaller errors.
  extension Float80: Scalar {}
#endif
