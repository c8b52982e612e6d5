//! A function of one byte, as a table: 16 bytes at once.

use std::arch::aarch64::*;

use crate::kernels::elementwise;

/// Four instructions, one for each quarter of the table; each leaves bytes that aren't its own.
///
/// # Safety
/// The processor has NEON.
#[target_feature(enable = "neon")]
pub unsafe fn look_up(input: &[u8], table: &[u8; 256], output: &mut [u8]) {
    // SAFETY: a quarter has 64 bytes.
    let quarter = |at: usize| unsafe { vld1q_u8_x4(table[64 * at..64 * at + 64].as_ptr()) };
    let [one, two, three, four] = [quarter(0), quarter(1), quarter(2), quarter(3)];
    let ((whole, rest), (to, to_rest)) = (input.as_chunks::<16>(), output.as_chunks_mut::<16>());
    for (from, to) in whole.iter().zip(to) {
        // SAFETY: a chunk has 16 bytes.
        let bytes = unsafe { vld1q_u8(from.as_ptr()) };
        let less = |count: u8| vsubq_u8(bytes, vdupq_n_u8(count));
        let found = vqtbl4q_u8(one, bytes);
        let found = vqtbx4q_u8(found, two, less(64));
        let found = vqtbx4q_u8(found, three, less(128));
        let found = vqtbx4q_u8(found, four, less(192));
        // SAFETY: a chunk has 16 bytes.
        unsafe { vst1q_u8(to.as_mut_ptr(), found) };
    }
    elementwise::look_up(rest, table, to_rest);
}
