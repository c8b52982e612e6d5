//! A function of one byte, as a table: 32 bytes at once.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::kernels::elementwise;

/// Sixteen shuffles, one for each sixteen entries of the table; each gives zero for bytes that aren't its own.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn look_up(input: &[u8], table: &[u8; 256], output: &mut [u8]) {
    let (parts, _) = table.as_chunks::<16>();
    let (sixteen, outside) = (_mm256_set1_epi8(16), _mm256_set1_epi8(0x70));
    let ((whole, rest), (to, to_rest)) = (input.as_chunks::<32>(), output.as_chunks_mut::<32>());
    for (from, to) in whole.iter().zip(to) {
        // SAFETY: a chunk has 32 bytes.
        let mut bytes = unsafe { _mm256_loadu_si256(from.as_ptr().cast()) };
        let mut found = _mm256_setzero_si256();
        for part in parts {
            // SAFETY: a part has 16 bytes.
            let part = unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(part.as_ptr().cast())) };
            // From 0 to 15 the place in the part is left in the low bits; of all others the highest bit is set, which gives 0.
            found = _mm256_or_si256(found, _mm256_shuffle_epi8(part, _mm256_adds_epu8(bytes, outside)));
            bytes = _mm256_sub_epi8(bytes, sixteen);
        }
        // SAFETY: a chunk has 32 bytes.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), found) };
    }
    elementwise::look_up(rest, table, to_rest);
}
