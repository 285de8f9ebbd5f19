import Dispatch
import Synchronization

/// The images of elements, computed in parallel, in order.
///
/// - Parameter onProgress: Called from any thread with the fraction done.
/// - Throws: The error of the first element that has one.
package func concurrentMap<Element: Sendable, Image: Sendable, Failure: Error>(
  _ elements: [Element], onProgress: @Sendable (Double) -> Void = { _ in },
  _ image: @Sendable (Element) throws(Failure) -> Image
) throws(Failure) -> [Image] {
  let images = Mutex<[Int: Result<Image, Failure>]>([:])
  DispatchQueue.concurrentPerform(iterations: elements.count) { index in
    let result = Result { () throws(Failure) in try image(elements[index]) }
    let done = images.withLock { images in
      images[index] = result
      return images.count
    }
    onProgress(Double(done) / Double(elements.count))
  }
  let results = images.withLock { $0 }
  var ordered: [Image] = []
  for index in elements.indices { ordered.append(try results[index]!.get()) }
  return ordered
}
