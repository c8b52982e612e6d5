//! What many pictures or sounds need, and none of them changes, is computed once.

use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use quick_cache::sync::Cache;

/// So many results are kept; those that were used long ago make room.
const MOST: usize = 128;

/// Results by what they were computed of.
pub(super) struct Memo<K, V>(LazyLock<Cache<K, Arc<V>>>);

impl<K: Eq + Hash + Clone, V> Memo<K, V> {
    pub(super) const fn new() -> Self {
        Self(LazyLock::new(|| Cache::new(MOST)))
    }

    /// What was computed of this key before, or is now.
    pub(super) fn get(&self, key: K, compute: impl FnOnce() -> V) -> Arc<V> {
        if let Some(known) = self.0.get(&key) {
            return known;
        }
        let computed = Arc::new(compute());
        self.0.insert(key, Arc::clone(&computed));
        computed
    }
}
