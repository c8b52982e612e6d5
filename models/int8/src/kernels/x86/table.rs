//! A function of one byte, as a table: 32 or 64 bytes at once.

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

/// Two permutations, one for each half of the table, which lies in four registers.
///
/// # Safety
/// The processor has AVX-512 with VBMI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub unsafe fn look_up_vbmi(input: &[u8], table: &[u8; 256], output: &mut [u8]) {
    // SAFETY: a quarter of the table has 64 bytes.
    let quarter = |at: usize| unsafe { _mm512_loadu_si512(table.as_ptr().add(64 * at).cast()) };
    let (one, two, three, four) = (quarter(0), quarter(1), quarter(2), quarter(3));
    for (from, to) in input.chunks(64).zip(output.chunks_mut(64)) {
        let there = u64::MAX >> (64 - from.len().min(to.len()));
        // SAFETY: only so many bytes are read as both chunks have.
        let bytes = unsafe { _mm512_maskz_loadu_epi8(there, from.as_ptr().cast()) };
        let (low, high) = (_mm512_permutex2var_epi8(one, bytes, two), _mm512_permutex2var_epi8(three, bytes, four));
        let found = _mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), low, high);
        // SAFETY: only so many bytes are written as both chunks have.
        unsafe { _mm512_mask_storeu_epi8(to.as_mut_ptr().cast(), there, found) };
    }
}

#[cfg(test)]
mod tests {
    use crate::kernels::{Kernels, elementwise};

    #[test]
    fn every_kernel_looks_up_what_the_table_says() {
        let table = std::array::from_fn(|byte| (byte * 167 + byte / 3) as u8);
        for length in (0..200).chain([256, 1000]) {
            let input: Vec<u8> = (0..length).map(|place| (place * 37 + length) as u8).collect();
            let [mut expected, mut found] = [(); 2].map(|()| vec![0; length + 1]);
            elementwise::look_up(&input, &table, &mut expected[..length]);
            for kernels in Kernels::available() {
                found.fill(0);
                kernels.look_up(&input, &table, &mut found[..length]);
                assert_eq!(found, expected, "{kernels:?}, {length} bytes");
            }
        }
    }
}
