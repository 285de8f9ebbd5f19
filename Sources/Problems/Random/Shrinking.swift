import PathAttention

extension Problem {
  /// Problems that are simpler in one respect, the boldest first.
  var simplifications: [Problem] {
    var simpler: [Problem] = []
    func propose(_ change: (inout Problem) -> Void) {
      var problem = self
      change(&problem)
      if problem.complexity < complexity { simpler.append(problem) }
    }
    propose { $0.segmentBoundaries = nil }
    propose { $0.shape.batch = min(1, $0.shape.batch) }
    for length in [shape.length / 2, shape.length - 1] where length >= 0 {
      propose {
        $0.shape.length = length
        $0.segmentBoundaries = $0.segmentBoundaries.map { $0.map { min($0, length) } }
      }
    }
    if let boundaries = segmentBoundaries {
      for index in boundaries.indices.dropFirst().dropLast() { propose { $0.segmentBoundaries!.remove(at: index) } }
    }
    propose { ($0.shape.queryHeads, $0.shape.heads) = (1, 1) }
    propose { ($0.shape.queryHeads, $0.shape.heads) = ($0.shape.groupSize, 1) }
    propose { $0.shape.queryHeads = $0.shape.heads }
    if shape.groupSize > 2 { propose { $0.shape.queryHeads -= $0.shape.heads } }
    propose { ($0.shape.keyDim, $0.shape.valueDim) = (1, 1) }
    propose { $0.shape.keyDim = max(1, $0.shape.keyDim - 1) }
    propose { $0.shape.valueDim = max(1, $0.shape.valueDim - 1) }
    propose {
      $0.gate = nil; $0.convention = .scaled
    }
    propose { $0.convention = .scaled }
    propose { $0.gate = .weak }
    propose { $0.beta = .one }
    propose { $0.w = .unit }
    propose { $0.logits = .ordinary }
    propose { $0.levels = 0 }
    propose { $0.levels = max(0, $0.levels - 1) }
    propose { $0.blockSize = max(1, $0.blockSize - 1) }
    return simpler
  }

  /// Falls with every simplification, so that shrinking ends.
  var complexity: Int {
    let sizes =
      shape.batch + shape.length + shape.queryHeads + shape.heads + shape.keyDim + shape.valueDim + blockSize
      + levels
    let families =
      (beta == .one ? 0 : 1) + (w == .unit ? 0 : 1) + (logits == .ordinary ? 0 : 1)
      + (gate == nil ? 0 : gate == .weak ? 1 : 2) + (convention == .scaled ? 0 : 1)
    return sizes + families + (segmentBoundaries?.count ?? 0)
  }

  /// The simplest problem that can be reached by simplifications and still fails.
  func minimized(while fails: (Problem) -> Bool) -> Problem {
    var minimal = self
    while let simpler = minimal.simplifications.first(where: fails) { minimal = simpler }
    return minimal
  }
}
