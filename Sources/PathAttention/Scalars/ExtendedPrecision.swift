import LinearAlgebra
import RealModule

#if arch(x86_64)
  extension Float80: RealScalar {}
#endif
