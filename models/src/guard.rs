//! A library's panics as plain failures, without a word on the terminal.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// What `work` gives, or nothing if it panics. (Where panics abort the program they still do.)
pub fn without_panic<T>(work: impl FnOnce() -> T) -> Option<T> {
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |information| {
            if !SILENT.get() {
                usual(information);
            }
        }));
    });
    let before = SILENT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work)).ok();
    SILENT.set(before);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_and_an_answer_is_an_answer() {
        assert_eq!(without_panic(|| 7), Some(7));
        assert_eq!(
            without_panic(|| if SILENT.get() {
                panic!("it is caught")
            }),
            None
        );
        assert!(!SILENT.get(), "other panics are heard");
    }
}
