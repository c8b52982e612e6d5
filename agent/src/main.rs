//! edgeval: how good is this multimodal model, really, on this board and in this field?

mod clock;

fn main() {}
