/// One query head in one segment.
struct SegmentHead: Sendable {
  /// The place of the segment among all segments, and its tokens.
  let segmentIndex: Int
  let segment: Range<Int>
  let queryHead: Int
  /// The key/value head that the query head reads.
  let head: Int
}

/// One key/value head in one segment, with the query heads that read it.
struct SegmentGroup: Sendable {
  let segmentIndex: Int
  let segment: Range<Int>
  let head: Int
  let queryHeads: Range<Int>

  func place(_ queryHead: Int) -> SegmentHead {
    SegmentHead(segmentIndex: segmentIndex, segment: segment, queryHead: queryHead, head: head)
  }
}
