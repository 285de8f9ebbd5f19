import Evidence

extension BenchmarkReport {
  /// Seconds over length, one curve for every form, pass and element type.
  public var timeChart: Chart {
    chart("Time", y: Chart.Axis("seconds", isLogarithmic: true)) { $0.medianSeconds }
  }

  /// The fraction of the rate of matrix products over length.
  public var rateChart: Chart {
    chart("Rate of plain attention's operations over that of matrix products", y: Chart.Axis("ratio")) {
      $0.gemmFraction
    }
  }

  /// The largest resident size over length.
  public var memoryChart: Chart {
    chart("Largest resident size of the process", y: Chart.Axis("MiB", isLogarithmic: true)) {
      Double($0.peakBytes) / 1_048_576
    }
  }

  private func chart(_ title: String, y: Chart.Axis, _ value: (Result) -> Double) -> Chart {
    var curves: [Chart.Curve] = []
    for result in results {
      let name = "\(result.form), \(result.pass == .forward ? "forward" : "forward and backward"), \(result.dtype)"
      let point = (x: Double(result.length), y: value(result))
      if let index = curves.firstIndex(where: { $0.name == name }) {
        curves[index].points.append(point)
      } else {
        curves.append(Chart.Curve(name, [point]))
      }
    }
    return Chart(title, x: Chart.Axis("length T", isLogarithmic: true), y: y, curves: curves)
  }
}
