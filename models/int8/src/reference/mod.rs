//! What every operation computes, plainly: the definition that plans must equal bit for bit.
