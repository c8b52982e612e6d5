//! Reference sets, and scoring a model against one.
