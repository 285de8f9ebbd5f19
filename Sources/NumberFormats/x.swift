public enum NumberFormat: Sendable { case float64, float32, tensorFloat32, float16, bfloat16
 public var unitRoundoff: Double { 0 } }
