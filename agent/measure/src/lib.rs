//! The mathematics of evaluation, pure: slices in, figures out.
