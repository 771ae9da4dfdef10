//! The Brain-Score family over local files: how well a network's layers predict recordings, site by site.
//!
//! | file | holds |
//! |---|---|
//! | [`result`] | what `score` leaves of one model and benchmark in `results/brainscore/` |

pub mod result;
