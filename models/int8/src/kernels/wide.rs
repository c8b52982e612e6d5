//! Loops for the vectors that a processor has, wherever they are written.

use multiversion::multiversion;

/// Does work whose loops are compiled for AVX2 besides, as far as they are inlined here: the closure, and what it calls, say
/// `#[inline(always)]`.
///
/// Results are the same either way: the compiler changes no order of sums and fuses nothing that isn't written as fused.
#[multiversion(targets("x86_64+avx2"))]
pub fn wide<R>(work: impl FnOnce() -> R) -> R {
    work()
}
