//! From a layer's units to recorded responses: the regressions of the registry (SPEC 2.2, 2.3).
//!
//! | file | holds |
//! |---|---|
//! | [`fold`] | one split as a regression sees it |
//! | [`pls`], [`residual`], [`dominant`] | partial least squares: components, what they leave, their direction |

pub mod dominant;
pub mod fold;
pub mod pls;
pub mod residual;
