import LinearAlgebra
import PathAttention

// Fractions and matrices of them, as formulas in a page.

/// A displayed formula, one line for each.
func formula(_ lines: String...) -> String { formula(lines) }

func formula(_ lines: [String]) -> String {
  guard lines.count > 1 else { return "```math\n\(lines[0])\n```" }
  return "```math\n\\begin{aligned}\n\(lines.joined(separator: " \\\\\n"))\n\\end{aligned}\n```"
}

/// A formula within a line.
func inline(_ formula: String) -> String { "$\(formula)$" }

extension Rational {
  /// Like `-\tfrac{7}{25}`.
  var tex: String {
    denominator == 1 ? "\(numerator)" : "\(numerator < 0 ? "-" : "")\\tfrac{\(numerator.magnitude)}{\(denominator)}"
  }

  /// The same, to be multiplied by something.
  var factor: String { numerator < 0 ? "(\(tex))" : tex }
}

extension ReadableMatrix where Element == Rational {
  /// A bracket, or for a single row a parenthesis.
  var tex: String {
    let (rows, columns) = (view.rows, view.columns)
    let entries = (0..<rows).map { i in (0..<columns).map { self[i, $0].tex } }
    if rows == 1 { return "(\(entries[0].joined(separator: ",\\ ")))" }
    let lines = entries.map { $0.joined(separator: " & ") }
    return "\\begin{bmatrix} \(lines.joined(separator: " \\\\ ")) \\end{bmatrix}"
  }

  /// A row, as a matrix.
  func row(_ i: Int) -> MatrixView<Rational> { view.rows(i..<i + 1) }

  /// The sum of squares.
  var squaredNorm: Rational { view.copy().entries.reduce(.zero) { $0 + $1 * $1 } }
}

/// A B.
func product<S: Scalar>(_ A: some ReadableMatrix<S>, _ B: some ReadableMatrix<S>) -> Matrix<S> {
  let C = Matrix<S>(rows: A.view.rows, columns: B.view.columns)
  multiply(A, B, into: C)
  return C
}

/// x yᵀ of two rows.
func dot<S: Scalar>(_ x: some ReadableMatrix<S>, _ y: some ReadableMatrix<S>) -> S { product(x, y.transposed)[0, 0] }

/// I − β wᵀ w.
func reflection(_ w: some ReadableMatrix<Rational>, _ β: Rational) -> Matrix<Rational> {
  let H = product(w.transposed, w)
  for a in 0..<H.rows {
    for b in 0..<H.columns { H.mutableView[a, b] = (a == b ? .one : .zero) - β * H[a, b] }
  }
  return H
}

/// x + α y of two matrices.
func sum(_ x: some ReadableMatrix<Rational>, _ α: Rational, _ y: some ReadableMatrix<Rational>) -> Matrix<Rational> {
  let z = x.copy()
  for i in 0..<z.rows {
    for j in 0..<z.columns { z.mutableView[i, j] += α * y[i, j] }
  }
  return z
}

/// A number with so many digits after the point.
func decimal(_ x: Double, _ digits: Int) -> String {
  // No C formatting, which depends on the locale: digits of a rounded integer.
  let scaled = (x.magnitude * (0..<digits).reduce(1) { power, _ in power * 10 }).rounded()
  let text = String(Int(scaled))
  let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
  return (x < 0 && scaled != 0 ? "−" : "") + padded.dropLast(digits) + (digits > 0 ? "." + padded.suffix(digits) : "")
}

/// A positive number with two significant digits, like `3.1e-7`.
func scientific(_ x: Double) -> String {
  guard x != 0 else { return "0" }
  var exponent = 0
  var mantissa = x
  while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
  while mantissa >= 9.95 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
  return "\(decimal(mantissa, 1))e\(exponent)"
}
