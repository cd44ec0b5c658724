//! Panics that a handler catches are failures all the same.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static CAUGHT: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// From now on, panics on this thread are remembered instead of printed.
pub(crate) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let ours =
                CAUGHT.with_borrow_mut(|caught| caught.as_mut().map(|caught| caught.push(info.to_string())));
            if ours.is_none() {
                before(info);
            }
        }));
    });
    CAUGHT.with_borrow_mut(|caught| *caught = Some(Vec::new()));
}

/// What panicked since the last time; from now on panics are printed again if nobody watches.
pub(crate) fn take() -> Vec<String> {
    CAUGHT.with_borrow_mut(|caught| caught.as_mut().map(std::mem::take)).unwrap_or_default()
}

/// Panics on this thread are printed again.
pub(crate) fn rest() {
    CAUGHT.with_borrow_mut(|caught| *caught = None);
}
