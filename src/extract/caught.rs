//! Code of others that is given the world's files and may panic: that becomes an error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls of [`caught`] that are at work. Code of others may panic on threads of its own, so this is one number for all.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// What `work` returns, or what it said when it gave up.
///
/// What it was changing must not be used any more after that.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    AT_WORK.fetch_add(1, Ordering::Relaxed);
    let done = catch_unwind(AssertUnwindSafe(work));
    AT_WORK.fetch_sub(1, Ordering::Relaxed);
    done.map_err(|payload| text(payload.as_ref()))
}

/// Keeps what such code says of its panics off the terminal, where the error tells it. For programs, once at their
/// start; panics of this package are shown as ever.
pub fn hush() {
    let shown = take_hook();
    set_hook(Box::new(move |panic| {
        if AT_WORK.load(Ordering::Relaxed) == 0 || is_ours(panic) {
            shown(panic);
        }
    }));
}

/// Paths of this package are relative where the compiler saw them, those of others are not.
fn is_ours(panic: &PanicHookInfo) -> bool {
    let place = panic.location().map(|location| location.file());
    place.is_some_and(|file| file.starts_with("src"))
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("it gave up").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_their_texts() {
        assert_eq!(caught(|| 3), Ok(3));
        let (index, empty) = (7, [0; 0]);
        let told = caught(|| empty[index]).unwrap_err();
        assert!(told.contains("index is 7"), "{told}");
        assert_eq!(
            caught(|| std::panic::resume_unwind(Box::new(1))),
            Err::<(), _>("it gave up".to_owned())
        );
    }
}
