//! Memory as the kernels touch it.
//!
//! Kernels read through [`from`]: with the feature `checked`, every access is compared with its slice's end.

#![allow(unsafe_code)]

use std::marker::PhantomData;

/// The address of `count` elements of a slice from `start` on.
///
/// # Safety
/// They must lie inside the slice. With the feature `checked` it is asserted.
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code, reason = "for SIMD kernels"))]
#[inline(always)]
pub unsafe fn from<T>(slice: &[T], start: usize, count: usize) -> *const T {
    #[cfg(feature = "checked")]
    assert!(start + count <= slice.len(), "elements {start} to {} of {}", start + count, slice.len());
    let _ = count;
    // SAFETY: the caller's promise.
    unsafe { slice.as_ptr().add(start) }
}

/// A slice that several threads write to, each its own places.
pub struct Shared<'a, T> {
    start: *mut T,
    length: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: it gives out nothing but what `get`'s callers promise to be theirs alone.
unsafe impl<T: Send> Sync for Shared<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    /// Shares a slice.
    pub const fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), lifetime: PhantomData }
    }

    /// The address of `start`, where `rows` rows of `count` elements lie, `pitch` apart.
    ///
    /// # Panics
    /// When they aren't all inside the slice.
    #[cfg_attr(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        allow(dead_code, reason = "for SIMD kernels")
    )]
    #[inline(always)]
    pub fn rows(&self, start: usize, count: usize, rows: usize, pitch: usize) -> *mut T {
        assert!(start + (rows - 1) * pitch + count <= self.length, "{rows} rows from {start} of {}", self.length);
        // SAFETY: inside the slice, as asserted.
        unsafe { self.start.add(start) }
    }

    /// `count` elements from `start` on.
    ///
    /// # Safety
    /// Nobody else may hold any of them meanwhile.
    ///
    /// # Panics
    /// When they aren't all inside the slice.
    #[allow(clippy::mut_from_ref, reason = "callers promise to take what is theirs alone")]
    #[inline(always)]
    pub unsafe fn get(&self, start: usize, count: usize) -> &'a mut [T] {
        assert!(start.saturating_add(count) <= self.length, "{count} elements from {start} of {}", self.length);
        // SAFETY: inside the slice, as asserted; alone, by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), count) }
    }
}
