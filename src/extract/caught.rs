//! Code of others that is given the world's files and may panic: that becomes an error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `work` returns, or what it said when it gave up.
///
/// What it was at work on must not be used any more after that.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| text(payload.as_ref()))
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
