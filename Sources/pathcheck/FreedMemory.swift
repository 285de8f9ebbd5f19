/// Lets the process keep memory that it has freed, for what it needs next.
///
/// glibc hands large blocks back to the system when they are freed, and every page of the next one is then faulted in and
/// cleared anew: a fifth of the time of a check. It stops doing so up to the size of the largest block that was ever freed,
/// but for blocks of more than 32 MiB (mallopt(3), M_MMAP_THRESHOLD). So freeing one of that size is enough.
func keepFreedMemory() {
  let size = (32 << 20) - (1 << 16)
  let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
  // Written to through a call that is not inlined, or the compiler would see that nobody needs the block.
  touch(block)
  block.deallocate()
}

@inline(never)
private func touch(_ block: UnsafeMutableRawPointer) { block.storeBytes(of: 0, as: UInt8.self) }
