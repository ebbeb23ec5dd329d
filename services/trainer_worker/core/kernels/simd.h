#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_SIMD_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_SIMD_H_

// Included before Highway by kernels that it compiles once for each instruction set: AVX2, AVX-512, and a
// last one without vectors, for which a kernel calls its plain reference (where SDA_SIMD_TARGET is 0).
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif
#define SDA_SIMD_TARGET (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2)

// Loops over registers, to be unrolled whole.
#define SDA_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define SDA_UNROLL SDA_PRAGMA(clang loop unroll(full))
#else
#define SDA_UNROLL SDA_PRAGMA(GCC unroll 32)
#endif

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_SIMD_H_
