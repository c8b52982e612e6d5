//! A library's panics as plain failures, without a word on the terminal.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// What `work` gives, or what it said when it panicked. (Where panics abort the program they still do.)
pub fn without_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |information| {
            if !SILENT.get() {
                usual(information);
            }
        }));
    });
    let before = SILENT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    SILENT.set(before);
    result.map_err(|payload| {
        let words = payload.downcast_ref::<String>().map(String::as_str);
        words.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it didn't say why").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_and_an_answer_is_an_answer() {
        assert_eq!(without_panic(|| 7), Ok(7));
        assert_eq!(
            without_panic(|| if SILENT.get() {
                panic!("it is caught")
            }),
            Err("it is caught".to_owned())
        );
        assert!(!SILENT.get(), "other panics are heard");
    }
}
