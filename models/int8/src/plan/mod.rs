//! Where a graph becomes steps over one arena.
