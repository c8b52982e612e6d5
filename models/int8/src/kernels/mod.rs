//! The arithmetic, as fast as the processor allows. The only home of `unsafe` in this project.
